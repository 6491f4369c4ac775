//! `binding_message` (CIBA §7.1): what both screens of the person show.

use icu_properties::props::{BidiClass, DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};

use crate::{Error, Parameters};

/// Longest message, in characters: it is compared by eye.
const LONGEST: usize = 100;

/// Short, and of characters that stand for themselves one after the other: see [`is_plain`].
pub(super) fn readable(sent: &Parameters<'_>) -> Result<Option<String>, Error> {
    let Some(message) = sent.one("binding_message") else { return Ok(None) };
    // CIBA §13: an error of its own.
    if message.chars().count() > LONGEST || message.trim().is_empty() || !message.chars().all(is_plain) {
        return Err(Error::InvalidBindingMessage);
    }
    Ok(Some(message.to_owned()))
}

/// Whether a character is seen, by itself, where it stands: a letter or a digit of a script that runs from left to right,
/// the punctuation of ASCII, or the sign of a currency. A line feed, what combines with its neighbour, what is not drawn
/// (a filler is a letter too), and what is written from right to left and takes the digits after it along (UAX #9) could
/// each make the text say something else on one of the screens.
fn is_plain(character: char) -> bool {
    if matches!(character, ' '..='~') {
        return true;
    }
    let category = CodePointMapData::<GeneralCategory>::new().get(character);
    let is_seen = matches!(
        category,
        GeneralCategory::UppercaseLetter
            | GeneralCategory::LowercaseLetter
            | GeneralCategory::TitlecaseLetter
            | GeneralCategory::ModifierLetter
            | GeneralCategory::OtherLetter
            | GeneralCategory::DecimalNumber
            | GeneralCategory::CurrencySymbol
    );
    let direction = CodePointMapData::<BidiClass>::new().get(character);
    let turns =
        matches!(direction, BidiClass::RightToLeft | BidiClass::ArabicLetter | BidiClass::ArabicNumber);
    is_seen && !turns && !CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(message: &str) -> Result<Option<String>, Error> {
        readable(&Parameters::new([("binding_message", message)]))
    }

    #[test]
    fn plain_words_are_shown_as_they_are() {
        for message in ["W4SCT", "Pay 12.50 € to Müller & Co", "支払い 1200 ¥", "Счёт 7 ₴", "サーバー £5"]
        {
            assert_eq!(read(message).unwrap().as_deref(), Some(message));
        }
        assert_eq!(readable(&Parameters::default()).unwrap(), None);
        assert!(read(&"x".repeat(100)).is_ok());
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for message in ["a\nb", "a\tb", "a\u{202e}b", "a\u{200b}b", " ", "a\u{0}b", "a\u{a0}b", "\u{1f600}"] {
            assert!(matches!(read(message), Err(Error::InvalidBindingMessage)), "{message:?}");
        }
        assert!(read(&"x".repeat(101)).is_err());
        // A filler, which is a letter; what combines; Hebrew, Arabic, and Arabic digits, which turn what follows them.
        for hidden in [
            "\u{3164}", "\u{ffa0}", "\u{115f}", "\u{345}", "\u{301}", "\u{5d0}", "\u{627}", "\u{661}",
            "\u{fdfc}",
        ] {
            let message = format!("Pay {hidden} 12 to 34");
            assert!(matches!(read(&message), Err(Error::InvalidBindingMessage)), "{message:?}");
        }
    }
}
