//! The key that others encrypt to: derived from the master key, so that every node has it and none stores it. It lives as
//! long as the master key does, and what is encrypted to it (request objects, RFC 9101 §6.1) lives for minutes.

use std::sync::Arc;

use countersign_jose::jwe::{ContentEncryption, DecryptionKey, ParsedJwe};
use countersign_model::SecretBytes;
use serde_json::Value;

use crate::master::MasterKey;

/// What the master key is expanded for; a new kind of key gets a new text.
const PURPOSE: &str = "countersign request-object encryption P-256";
/// Not every number is one of the curve's; that one in 2^32 is not has happened to nobody.
const TRIES: u8 = 4;

/// Our own key pair for ECDH-ES.
pub(crate) struct EncryptionPair {
    private: DecryptionKey,
    /// The public half as a JWK.
    pub(crate) public: Arc<Value>,
}

impl EncryptionPair {
    /// The pair that belongs to this master key.
    pub(crate) fn of(master: &MasterKey) -> Option<Self> {
        (0..TRIES).find_map(|count| {
            let number = master.derive(&format!("{PURPOSE} {count}"))?;
            let (private, public) = DecryptionKey::from_p256_number(&number).ok()?;
            Some(Self { private, public: Arc::new(public) })
        })
    }

    /// What was encrypted to it.
    pub(crate) fn open(
        &self,
        encrypted: &ParsedJwe<'_>,
        allowed: &[ContentEncryption],
    ) -> Option<SecretBytes> {
        encrypted.decrypt(&self.private, allowed).ok()
    }
}

#[cfg(test)]
mod tests {
    use countersign_jose::Jwk;
    use countersign_jose::jwe::{self, EncryptionKey, KeyManagement};
    use countersign_model::{SecretString, SystemRng};

    use super::*;

    fn pair(letter: &str) -> EncryptionPair {
        EncryptionPair::of(&MasterKey::from_text(&SecretString::new(letter.repeat(64))).unwrap()).unwrap()
    }

    #[test]
    fn the_same_master_key_gives_the_same_pair_and_another_gives_another() {
        assert_eq!(pair("a").public, pair("a").public);
        assert_ne!(pair("a").public, pair("b").public);
        assert_eq!(pair("a").public["use"], "enc");
        assert!(pair("a").public.get("d").is_none());
    }

    #[test]
    fn what_is_encrypted_to_the_published_key_is_opened_in_the_ways_that_are_allowed() {
        let own = pair("a");
        let jwk = Jwk::from_map(own.public.as_object().unwrap()).unwrap();
        let key = EncryptionKey::from_jwk(&jwk, KeyManagement::EcdhEs).unwrap();
        let encryption = ContentEncryption::A256Gcm;
        let text = jwe::encrypt_compact(Some("JWT"), b"signed", &key, encryption, &SystemRng).unwrap();
        let parsed = jwe::parse(&text).unwrap();
        assert_eq!(own.open(&parsed, &[encryption]).unwrap().expose(), b"signed");
        assert!(own.open(&parsed, &[ContentEncryption::A128Gcm]).is_none());
        assert!(pair("b").open(&parsed, &[encryption]).is_none());
    }
}
