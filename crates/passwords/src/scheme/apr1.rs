//! apr1, Apache's MD5-crypt: `$apr1$salt$hash`. Read because old htpasswd files are full of it.

use md5::{Digest as _, Md5};

use super::{Unsupported, crypt64, is_crypt_salt, same_text};

const MAGIC: &str = "$apr1$";

#[derive(Clone)]
pub(crate) struct Apr1Hash {
    salt: Box<str>,
    hash: Box<str>,
}

impl Apr1Hash {
    pub(super) fn read(text: &str) -> Result<Self, Unsupported> {
        let (salt, hash) =
            text.strip_prefix(MAGIC).and_then(|rest| rest.split_once('$')).ok_or(Unsupported::Malformed)?;
        if !is_crypt_salt(salt, 8) || !is_crypt_salt(hash, 22) || hash.len() != 22 {
            return Err(Unsupported::Malformed);
        }
        Ok(Self { salt: salt.into(), hash: hash.into() })
    }

    pub(super) fn matches(&self, password: &[u8]) -> bool {
        !password.contains(&0) && same_text(&encode(&compute(password, self.salt.as_bytes())), &self.hash)
    }
}

fn compute(password: &[u8], salt: &[u8]) -> [u8; 16] {
    let inner = digest(&[password, salt, password]);
    let mut outer = Md5::new();
    outer.update(password);
    outer.update(MAGIC);
    outer.update(salt);
    let mut left = password.len();
    while left > 0 {
        let take = left.min(16);
        outer.update(inner.get(..take).unwrap_or_default());
        left -= take;
    }
    // One byte for each bit of the length: a zero where the bit is set, else the password's first byte.
    let mut bits = password.len();
    while bits > 0 {
        outer.update(if bits & 1 == 1 { &[0] } else { password.get(..1).unwrap_or_default() });
        bits >>= 1;
    }
    let mut hash: [u8; 16] = outer.finalize().into();
    for round in 0..1_000 {
        let is_odd = round % 2 == 1;
        let mut next = Md5::new();
        next.update(if is_odd { password } else { hash.as_slice() });
        if round % 3 != 0 {
            next.update(salt);
        }
        if round % 7 != 0 {
            next.update(password);
        }
        next.update(if is_odd { hash.as_slice() } else { password });
        hash = next.finalize().into();
    }
    hash
}

fn digest(parts: &[&[u8]]) -> [u8; 16] {
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(part);
    }
    md5.finalize().into()
}

fn encode(hash: &[u8; 16]) -> String {
    let [h0, h1, h2, h3, h4, h5, h6, h7, h8, h9, h10, h11, h12, h13, h14, h15] = *hash;
    let mut text = String::with_capacity(22);
    for (high, middle, low) in [(h0, h6, h12), (h1, h7, h13), (h2, h8, h14), (h3, h9, h15), (h4, h10, h5)] {
        crypt64::push(&mut text, high, middle, low, 4);
    }
    crypt64::push(&mut text, 0, 0, h11, 2);
    text
}
