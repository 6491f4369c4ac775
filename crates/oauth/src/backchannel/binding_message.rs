//! `binding_message` (CIBA §7.1): what both screens of the person show.

use crate::{Error, Parameters};

/// Longest message, in characters: it is compared by eye.
const LONGEST: usize = 100;

/// Short, and of characters that look the same everywhere: letters, digits, and the punctuation of ASCII. Neither a line
/// feed nor anything that turns the direction of a text could make it say something else on one of the screens.
pub(super) fn readable(sent: &Parameters<'_>) -> Result<Option<String>, Error> {
    let Some(message) = sent.one("binding_message") else { return Ok(None) };
    let is_plain = |character: char| {
        character.is_alphanumeric() || matches!(character, ' '..='~') || matches!(character, '€' | '£' | '¥')
    };
    // CIBA §13: an error of its own.
    if message.chars().count() > LONGEST || message.trim().is_empty() || !message.chars().all(is_plain) {
        return Err(Error::InvalidBindingMessage);
    }
    Ok(Some(message.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(message: &str) -> Result<Option<String>, Error> {
        readable(&Parameters::new([("binding_message", message)]))
    }

    #[test]
    fn plain_words_are_shown_as_they_are() {
        for message in ["W4SCT", "Pay 12.50 € to Müller & Co", "支払い 1200"] {
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
    }
}
