//! The text of an API key: `<prefix>_<environment>_<43 characters>_<6 characters of checksum>`.
//!
//! The body holds 256 random bits in letters and digits, so that a double click takes the whole key. The checksum
//! (CRC-32 of everything before it, in base 62) lets scanners and this checker tell a key from garbage without
//! asking anybody; it protects against nothing else.

use countersign_model::base62::{DIGITS, digits};
use countersign_model::{Rng, SecretString};

const BODY: usize = 43;
const CHECKSUM: usize = 6;
/// The longest prefix and environment together, with the `_` between them.
const LONGEST_HEAD: usize = 40;
/// The longest text of a key.
pub const LONGEST_TEXT: usize = LONGEST_HEAD + 1 + BODY + 1 + CHECKSUM;

/// A fresh key of 256 random bits. Show it once; store [`SecretString::hash`].
///
/// The prefix says whose key it is, the environment (or kind) where it counts: `csk_live_…`, `cst_at_…`.
#[must_use]
pub fn generate(prefix: &str, environment: &str, rng: &dyn Rng) -> SecretString {
    generate_after(prefix, environment, &[], rng)
}

/// The same with a body that begins with these letters; what is left of it is random.
pub(crate) fn generate_after(
    prefix: &str,
    environment: &str,
    beginning: &[u8],
    rng: &dyn Rng,
) -> SecretString {
    let mut text = String::with_capacity(prefix.len() + environment.len() + BODY + CHECKSUM + 3);
    text.push_str(prefix);
    text.push('_');
    text.push_str(environment);
    text.push('_');
    let end = text.len() + BODY;
    text.extend(beginning.iter().copied().map(char::from));
    while text.len() < end {
        // Six bits a byte; the two values that are no digit are drawn again, so that all digits are as likely.
        for byte in rng.bytes::<64>() {
            if let Some(digit) = DIGITS.get(usize::from(byte & 0x3f)).filter(|_| text.len() < end) {
                text.push(char::from(*digit));
            }
        }
    }
    let checksum = checksum(text.as_bytes());
    text.push('_');
    for digit in checksum {
        text.push(char::from(digit));
    }
    SecretString::new(text)
}

/// A text that has the form of our keys and whose checksum is right. Nothing is known about the key yet.
#[derive(Clone, Copy)]
pub struct WellFormed<'a> {
    text: &'a str,
    head: &'a str,
}

impl<'a> WellFormed<'a> {
    /// Checks form and checksum, without asking anybody.
    #[must_use]
    pub fn read(text: &'a str) -> Option<Self> {
        if !text.is_ascii() {
            return None;
        }
        let (rest, sum) = text.split_at_checked(text.len().checked_sub(CHECKSUM)?)?;
        let covered = rest.strip_suffix('_')?;
        let (head, body) = covered.split_at_checked(covered.len().checked_sub(BODY)?)?;
        let head = head.strip_suffix('_')?;
        let (prefix, environment) = head.split_once('_')?;
        let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric());
        let fits = head.len() <= LONGEST_HEAD
            && is_word(prefix)
            && is_word(environment)
            && body.bytes().all(|b| b.is_ascii_alphanumeric())
            && sum.as_bytes() == checksum(covered.as_bytes());
        fits.then_some(Self { text, head })
    }

    /// The key that a text begins with, whatever follows: prefix and environment end with the second `_`, and the rest
    /// has one length.
    #[must_use]
    pub fn at_start(text: &'a str) -> Option<Self> {
        let (prefix, rest) = text.split_once('_')?;
        let (environment, _) = rest.split_once('_')?;
        let length = prefix.len() + environment.len() + BODY + CHECKSUM + 3;
        Self::read(text.get(..length)?)
    }

    /// Prefix and environment: `csk_live`. Fit for logs.
    #[must_use]
    pub fn head(&self) -> &'a str {
        self.head
    }

    /// The whole key text.
    #[must_use]
    pub fn expose(&self) -> &'a str {
        self.text
    }
}

impl std::fmt::Debug for WellFormed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}_[redacted]", self.head)
    }
}

fn checksum(text: &[u8]) -> [u8; CHECKSUM] {
    digits(crc32(text).into())
}

/// CRC-32 as in ISO/IEC 3309, reflected, with the polynomial `0xEDB88320`.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, byte| {
        let index = crc.to_le_bytes().first().map_or(0, |low| usize::from(low ^ byte));
        (crc >> 8) ^ TABLE.get(index).copied().unwrap_or(0)
    })
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    let mut value: u32 = 0;
    while index < 256 {
        let mut crc = value;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
        value += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use countersign_model::SystemRng;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn crc_is_the_one_everybody_has() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn a_fresh_key_is_well_formed_and_never_the_same() {
        let key = generate("csk", "live", &SystemRng);
        let read = WellFormed::read(key.expose()).unwrap();
        assert_eq!(read.head(), "csk_live");
        assert_eq!(key.expose().len(), "csk_live_".len() + 43 + 1 + 6);
        assert!(!generate("csk", "live", &SystemRng).ct_eq(key.expose().as_bytes()));
        assert_eq!(format!("{read:?}"), "csk_live_[redacted]");
    }

    proptest! {
        #[test]
        fn one_wrong_byte_is_never_well_formed(at in 0usize..58, to in 0u8..128) {
            let key = generate("csk", "test", &SystemRng);
            let mut bytes = key.expose().clone().into_bytes();
            prop_assume!(bytes[at] != to);
            bytes[at] = to;
            let text = String::from_utf8(bytes).unwrap();
            prop_assert!(WellFormed::read(&text).is_none());
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in ".{0,80}") {
            let _ = WellFormed::read(&text);
        }
    }
}
