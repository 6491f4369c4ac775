//! The seam to the key ring: what the engine needs of keys, and no more. A [`KeyRing`] over any store fits it.

use std::sync::Arc;

use countersign_jose::{Algorithm, Algorithms, jws};
use countersign_keys::KeyRing;
use countersign_keys::ports::SigningKeys;
use countersign_model::Timestamp;

/// The server's own signing keys.
pub trait TokenKeys: Send + Sync + 'static {
    /// The JWS algorithms there are keys for, the one that signs first.
    fn algorithms(&self) -> &[Algorithm];
    /// Signs `claims` (a JSON object) with the current key as a compact JWS whose header is `alg`, `kid` and `typ`.
    ///
    /// # Errors
    /// There is no key that may sign now.
    fn sign(&self, typ: &str, claims: &[u8], now: Timestamp) -> Result<String, SigningFailed>;
    /// The payload of a compact JWS with this `typ`, if one of the published keys signed it. Nothing is known of its
    /// claims yet.
    fn verify(&self, typ: &str, token: &str, now: Timestamp) -> Option<Vec<u8>>;
    /// A number that changes whenever the set of keys does: what they verified is remembered no longer.
    fn generation(&self) -> u64;
    /// The published keys as a JWK Set (RFC 7517 §5), in JSON.
    fn jwks(&self, now: Timestamp) -> Arc<[u8]>;
}

/// No key may sign now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("there is no key that may sign")]
pub struct SigningFailed;

impl<S: SigningKeys + 'static> TokenKeys for KeyRing<S> {
    fn algorithms(&self) -> &[Algorithm] {
        &self.policy().algorithms
    }

    fn sign(&self, typ: &str, claims: &[u8], now: Timestamp) -> Result<String, SigningFailed> {
        let algorithm = self.algorithms().first().copied().ok_or(SigningFailed)?;
        let keys = self.snapshot();
        let key = keys.signer(algorithm, now).ok_or(SigningFailed)?;
        jws::sign_compact(Some(typ), claims, key).map_err(|_| SigningFailed)
    }

    fn verify(&self, typ: &str, token: &str, now: Timestamp) -> Option<Vec<u8>> {
        let token = jws::parse(token).ok()?;
        // RFC 8725 §3.10 and §3.11: no key of the token's own, and of the wanted kind only.
        if token.header.has_embedded_key || !token.header.is_type(typ) {
            return None;
        }
        let keys = self.snapshot();
        let key = keys.verifier(token.header.kid.as_deref()?, now)?;
        token.verify(key, Algorithms::of(&[key.algorithm()]))
    }

    fn generation(&self) -> u64 {
        self.snapshot().generation()
    }

    fn jwks(&self, now: Timestamp) -> Arc<[u8]> {
        self.snapshot().jwks(now)
    }
}
