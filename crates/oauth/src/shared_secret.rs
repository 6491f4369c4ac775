//! Tokens for a resource server that shares a secret with us (HS256, RFC 7518 §3.2).
//!
//! Whoever can verify such a token can make one. So its signature proves nothing to us: what comes back signed so is
//! looked up by its hash, like a reference token, and what we never issued is nothing (RFC 8725 §3.1). The resource
//! server itself needs no look-up.

use std::sync::Arc;

use countersign_jose::{Algorithm, InvalidKey, SigningKey, jws};
use countersign_model::{KeyId, SecretBytes, TokenHash};

use crate::SigningFailed;

/// The `kid` of every such token: there is one secret a resource, and its name says nothing of it (RFC 7638 §7).
const KID: &str = "shared-secret";

/// A secret that a resource server has too: redacted when printed, wiped when dropped.
#[derive(Clone)]
pub struct SharedSecret {
    key: Arc<SigningKey>,
    hash: TokenHash,
}

impl SharedSecret {
    /// Takes the secret in.
    ///
    /// # Errors
    /// It is shorter than 32 bytes (RFC 7518 §3.2).
    pub fn new(secret: &SecretBytes) -> Result<Self, InvalidKey> {
        let key = SigningKey::from_secret(secret, Algorithm::HS256, KeyId::from(KID))?;
        Ok(Self { key: Arc::new(key), hash: secret.hash() })
    }

    /// Signs an access token (RFC 9068 §2.1).
    pub(crate) fn sign(&self, claims: &[u8]) -> Result<String, SigningFailed> {
        jws::sign_compact(Some("at+jwt"), claims, &self.key).map_err(|_| SigningFailed)
    }
}

impl PartialEq for SharedSecret {
    fn eq(&self, other: &Self) -> bool {
        self.hash.ct_eq(&other.hash)
    }
}

impl Eq for SharedSecret {}

impl std::fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Whether a token says that it is signed with a shared secret: then a signature is not asked, and the store is.
pub(crate) fn signs(token: &str) -> bool {
    jws::parse(token).is_ok_and(|token| token.header.algorithm.is_symmetric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_long_enough_and_does_not_print() {
        let secret = |length| SharedSecret::new(&SecretBytes::new(vec![b'k'; length]));
        assert!(secret(31).is_err());
        let long = secret(32).unwrap();
        assert_eq!(format!("{long:?}"), "[redacted]");
        assert!(long == secret(32).unwrap() && long != secret(33).unwrap());
        assert!(signs(&long.sign(b"{}").unwrap()) && !signs("cst_at_x") && !signs("a.b.c"));
    }
}
