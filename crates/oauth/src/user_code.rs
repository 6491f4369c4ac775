//! User codes (RFC 8628 §6.1): eight letters that nobody confuses, in two groups.

use std::fmt;

use countersign_model::{Rng, TokenHash};

/// RFC 8628 §6.1: no vowels, so that no word comes out, and no digit that looks like a letter.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// 20^8 codes are 34.5 bits; with the limits on tries that is more than RFC 8628 §5.1 asks for.
const LENGTH: usize = 8;
/// Nobody types more than this.
const LONGEST_INPUT: usize = 64;

/// A user code in its one true spelling.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct UserCode([u8; LENGTH]);

impl UserCode {
    /// A fresh one, every one equally likely.
    #[must_use]
    pub fn generate(rng: &dyn Rng) -> Self {
        let mut code = [0; LENGTH];
        for place in &mut code {
            *place = letter(rng);
        }
        Self(code)
    }

    /// Reads what a person typed: case, hyphens, spaces and other punctuation do not matter (RFC 8628 §6.1). `None`
    /// when it can't be a code, so that a slip is told apart from a guess.
    #[must_use]
    pub fn read(typed: &str) -> Option<Self> {
        if typed.len() > LONGEST_INPUT {
            return None;
        }
        let mut code = [0; LENGTH];
        let mut places = code.iter_mut();
        for typed in typed.chars().filter(|typed| typed.is_alphanumeric()) {
            let letter =
                u8::try_from(typed.to_ascii_uppercase()).ok().filter(|byte| LETTERS.contains(byte))?;
            *places.next()? = letter;
        }
        if places.next().is_some() { None } else { Some(Self(code)) }
    }

    /// What is kept of it.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&[b"user code ", &self.0[..]].concat())
    }
}

/// One letter by rejection, so that none is likelier than another.
fn letter(rng: &dyn Rng) -> u8 {
    loop {
        let [byte] = rng.bytes::<1>();
        // 240 is the largest multiple of 20 in a byte.
        if byte < 240
            && let Some(letter) = LETTERS.get(usize::from(byte) % LETTERS.len())
        {
            return *letter;
        }
    }
}

impl fmt::Display for UserCode {
    /// In two groups, as it is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, letter) in self.0.iter().enumerate() {
            if position == LENGTH / 2 {
                f.write_str("-")?;
            }
            write!(f, "{}", char::from(*letter))?;
        }
        Ok(())
    }
}

impl fmt::Debug for UserCode {
    /// Whoever has the code may decide: it is not for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserCode")
    }
}

#[cfg(test)]
mod tests {
    use countersign_model::SystemRng;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_spelling_of_a_code_is_that_code() {
        let code = UserCode::read("WDJB-MJHT").unwrap();
        for typed in ["wdjbmjht", " wdjb mjht ", "W.D.J.B.M.J.H.T", "wDjB–mJhT", "WDJB_MJHT\n"] {
            assert_eq!(UserCode::read(typed), Some(code), "{typed:?}");
        }
        assert_eq!(code.to_string(), "WDJB-MJHT");
    }

    #[test]
    fn what_can_not_be_a_code_is_none() {
        for typed in ["", "WDJB-MJH", "WDJB-MJHTB", "WDJB-MJHA", "WDJB-MJH0", "WDJB-MJHß", "--------"] {
            assert_eq!(UserCode::read(typed), None, "{typed:?}");
        }
        assert_eq!(UserCode::read(&format!("WDJBMJHT{}", "-".repeat(LONGEST_INPUT))), None);
    }

    #[test]
    fn codes_use_every_letter_and_no_other() {
        let codes: String = (0..500).map(|_| UserCode::generate(&SystemRng).to_string()).collect();
        for code in (0..500).map(|_| UserCode::generate(&SystemRng)) {
            assert_eq!(UserCode::read(&code.to_string()), Some(code));
        }
        let letters: std::collections::BTreeSet<char> = codes.chars().filter(|c| *c != '-').collect();
        assert_eq!(letters.into_iter().collect::<String>().as_bytes(), LETTERS);
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_shown_and_read_again(typed in "[ -~ä–]{0,20}") {
            if let Some(code) = UserCode::read(&typed) {
                prop_assert_eq!(UserCode::read(&code.to_string()), Some(code));
            }
        }
    }
}
