//! SHA-crypt: `$5$rounds=…$salt$hash` (SHA-256) and `$6$…` (SHA-512).

use super::{Unsupported, crypt64, is_crypt_salt, same_text};

/// The default of the scheme when no rounds are named.
const DEFAULT_ROUNDS: u32 = 5_000;
/// The least of the scheme, and the most we compute (about a second).
const ROUNDS: std::ops::RangeInclusive<u32> = 1_000..=1_000_000;

#[derive(Clone)]
pub(crate) struct ShaCryptHash {
    is_512: bool,
    rounds: u32,
    salt: Box<str>,
    hash: Box<str>,
}

impl ShaCryptHash {
    pub(super) fn read(text: &str) -> Result<Self, Unsupported> {
        let mut fields = text.split('$').skip(1);
        let mut next = || fields.next().ok_or(Unsupported::Malformed);
        let is_512 = match next()? {
            "6" => true,
            "5" => false,
            _ => return Err(Unsupported::Scheme),
        };
        let field = next()?;
        let (rounds, salt) = match field.strip_prefix("rounds=") {
            Some(rounds) => (rounds.parse().map_err(|_| Unsupported::Malformed)?, next()?),
            None => (DEFAULT_ROUNDS, field),
        };
        let hash = next()?;
        let length = if is_512 { 86 } else { 43 };
        if fields.next().is_some()
            || !is_crypt_salt(salt, 16)
            || !is_crypt_salt(hash, length)
            || hash.len() != length
        {
            return Err(Unsupported::Malformed);
        }
        if !ROUNDS.contains(&rounds) {
            return Err(Unsupported::TooCostly);
        }
        Ok(Self { is_512, rounds, salt: salt.into(), hash: hash.into() })
    }

    pub(super) fn matches(&self, password: &[u8]) -> bool {
        let Ok(params) = ::sha_crypt::Params::new(self.rounds) else { return false };
        let salt = self.salt.as_bytes();
        // crypt(3) ends a password at a NUL: such a password would be another one there.
        if password.contains(&0) {
            return false;
        }
        let computed = if self.is_512 {
            encode(&::sha_crypt::sha512_crypt(password, salt, params), 21)
        } else {
            encode(&::sha_crypt::sha256_crypt(password, salt, params), 10)
        };
        same_text(&computed, &self.hash)
    }
}

/// Writes the hash with its bytes in the order of the scheme: triples a third of the hash apart, turned by one place
/// each time, and the bytes left over at the end.
fn encode(hash: &[u8], third: usize) -> String {
    let byte = |index: usize| hash.get(index).copied().unwrap_or(0);
    let mut text = String::with_capacity(hash.len() * 4 / 3 + 2);
    for step in 0..third {
        let (a, b, c) = (step, step + third, step + 2 * third);
        // SHA-512 turns the triple to the left, SHA-256 to the right.
        let (high, middle, low) = match (step % 3, third) {
            (0, _) => (a, b, c),
            (1, 21) | (2, 10) => (b, c, a),
            (_, _) => (c, a, b),
        };
        crypt64::push(&mut text, byte(high), byte(middle), byte(low), 4);
    }
    if third == 21 {
        crypt64::push(&mut text, 0, 0, byte(63), 2);
    } else {
        crypt64::push(&mut text, 0, byte(31), byte(30), 3);
    }
    text
}
