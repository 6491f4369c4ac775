//! The seam to the key ring: what the engine needs of keys, and no more.

use std::sync::Arc;

use countersign_model::Timestamp;

/// The server's own signing keys.
pub trait TokenKeys: Send + Sync + 'static {
    /// Names of the JWS algorithms there are keys for (RFC 7518 §3.1), the one that signs first. Never empty.
    fn algorithms(&self) -> Vec<&'static str>;
    /// Signs `claims` (a JSON object) with the current key as a compact JWS whose header is `alg`, `kid` and `typ`.
    ///
    /// # Errors
    /// There is no key that may sign now.
    fn sign(&self, typ: &str, claims: &[u8], now: Timestamp) -> Result<String, SigningFailed>;
    /// The payload of a compact JWS with this `typ`, if one of the published keys signed it. Nothing is known of its
    /// claims yet.
    fn verify(&self, typ: &str, token: &str, now: Timestamp) -> Option<Vec<u8>>;
    /// The published keys as a JWK Set (RFC 7517 §5), in JSON.
    fn jwks(&self, now: Timestamp) -> Arc<[u8]>;
}

/// No key may sign now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("there is no key that may sign")]
pub struct SigningFailed;
