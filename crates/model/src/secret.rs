//! Secrets as types: redacted when printed, wiped when dropped, compared in constant time, hashed at rest.

use std::fmt;

use aws_lc_rs::digest;
use base64::Engine as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, Zeroizing};

/// A value that is never printed and is wiped from memory when dropped.
///
/// There is no `Display`, no `Serialize` and no `PartialEq`: showing a secret takes [`Secret::expose`], which is
/// easy to find in a review.
#[derive(Clone)]
pub struct Secret<T: Zeroize>(Zeroizing<T>);

/// A secret text: a token, a password, a client secret.
pub type SecretString = Secret<String>;
/// Secret bytes: a private key, a shared key.
pub type SecretBytes = Secret<Vec<u8>>;

impl<T: Zeroize> Secret<T> {
    /// Takes the value in.
    pub fn new(value: T) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value itself. Every call is a place where the secret could leak: look twice.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize + AsRef<[u8]>> Secret<T> {
    /// Equality that takes the same time wherever the two differ.
    pub fn ct_eq(&self, other: &[u8]) -> bool {
        self.0.as_ref().ct_eq(other).into()
    }

    /// The hash under which this high-entropy secret may be stored.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(self.0.as_ref())
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl From<&str> for SecretString {
    fn from(value: &str) -> Self {
        Self::new(value.to_owned())
    }
}

impl<'de, T: Zeroize + Deserialize<'de>> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self::new)
    }
}

/// SHA-256 of a random secret of at least 128 bits: what the store keeps of tokens, codes, API keys and client secrets.
///
/// A plain hash is enough because such a secret can't be guessed; passwords people choose go through `passwords`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// Hashes a presented secret.
    #[must_use]
    pub fn of(secret: &[u8]) -> Self {
        let mut hash = [0; 32];
        for (to, from) in hash.iter_mut().zip(digest::digest(&digest::SHA256, secret).as_ref()) {
            *to = *from;
        }
        Self(hash)
    }

    /// Hashes a secret in which, from `at` on, stands when it was made ([`crate::Timestamp::in_letters`]): that comes
    /// first, then 192 bits of the hash. Such hashes sort as their secrets were made, so that an index of them grows at its
    /// end, and the newest of a million lie together.
    #[must_use]
    pub fn in_order(secret: &[u8], at: usize) -> Self {
        let mut hash = Self::of(secret);
        for (to, from) in hash.0.iter_mut().take(8).zip(secret.iter().skip(at)) {
            *to = *from;
        }
        hash
    }

    /// A hash read back from the store.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes, for the store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Equality that takes the same time wherever the two differ.
    #[must_use]
    pub fn ct_eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    /// The hash as unpadded base64url.
    #[must_use]
    pub fn to_base64url(&self) -> String {
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(self.0)
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash")
    }
}

impl Serialize for TokenHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_base64url())
    }
}

impl<'de> Deserialize<'de> for TokenHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(text)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("a stored hash is 32 bytes of base64url"))
    }
}

/// A password's stored hash in PHC or crypt form. It is no secret like the password, but it is nobody's business:
/// it does not print.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordHashText(Box<str>);

impl PasswordHashText {
    /// Takes a hash as text.
    #[must_use]
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The text, for verifying and for the store.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHashText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[password hash]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints() {
        let secret = SecretString::from("hunter2");
        assert_eq!(format!("{secret:?}"), "[redacted]");
        assert!(secret.ct_eq(b"hunter2") && !secret.ct_eq(b"hunter3"));
    }

    #[test]
    fn hashes_sort_as_their_secrets_were_made() {
        let at = |millis: i64| crate::Timestamp::from_micros(millis * 1_000).in_letters();
        let hash = |millis, rest: &[u8]| TokenHash::in_order(&[b"x_", &at(millis)[..], rest].concat(), 2);
        assert!(
            hash(1, b"b") < hash(2, b"a") && hash(1_700_000_000_000, b"a") > hash(1_699_999_999_999, b"b")
        );
        assert_ne!(hash(1, b"a"), hash(1, b"b"));
        assert_eq!(TokenHash::in_order(b"x", 2), TokenHash::of(b"x"), "too short to be one");
    }

    #[test]
    fn a_hash_survives_json() {
        let hash = TokenHash::of(b"abc");
        let json = serde_json::to_string(&hash).unwrap();
        assert_eq!(json, "\"ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0\"");
        assert_eq!(serde_json::from_str::<TokenHash>(&json).unwrap(), hash);
    }
}
