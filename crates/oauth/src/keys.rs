//! The seam to the key ring: what the engine needs of keys, and no more.

use std::sync::Arc;

use countersign_jose::Algorithm;
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
