//! What the key ring needs kept.

use std::future::Future;

use countersign_model::{KeyId, Timestamp};
use serde::{Deserialize, Serialize};

/// The store could not answer.
#[derive(Debug, thiserror::Error)]
#[error("the key store could not answer: {0}")]
pub struct Unavailable(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Where a signing key is in its life. Times rather than a state: the state follows from the clock.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StoredKey {
    /// The `kid`.
    pub id: KeyId,
    /// The JWS algorithm it signs with (RFC 7518 §3.1): `ES256`, …
    pub algorithm: String,
    /// The public JWK (RFC 7517).
    pub public_jwk: serde_json::Value,
    /// The private key (PKCS #8), sealed under the master key.
    pub sealed: Vec<u8>,
    /// From when it is published.
    pub published_at: Timestamp,
    /// From when it signs.
    pub active_from: Timestamp,
    /// From when it no longer signs.
    pub retired_at: Option<Timestamp>,
    /// From when it is no longer published: its last token has expired.
    pub removed_at: Option<Timestamp>,
}

/// Signing keys at rest.
pub trait SigningKeys: Send + Sync {
    /// Every key that has not been removed.
    fn signing_keys(&self) -> impl Future<Output = Result<Vec<StoredKey>, Unavailable>> + Send;
    /// Keeps a new key, and in the same transaction gives older keys of the same algorithm that have no end yet the
    /// given one. Nothing is kept and `false` is returned if a key of the algorithm was published after `seen`
    /// (another node rotated first).
    fn introduce_signing_key(
        &self,
        key: &StoredKey,
        seen: Option<&KeyId>,
        predecessors_retire_at: Timestamp,
        predecessors_removed_at: Timestamp,
    ) -> impl Future<Output = Result<bool, Unavailable>> + Send;
    /// Ends a key now or at a later time; `false` when there is no such key.
    fn retire_signing_key(
        &self,
        id: &KeyId,
        retired_at: Timestamp,
        removed_at: Timestamp,
    ) -> impl Future<Output = Result<bool, Unavailable>> + Send;
    /// A small thing sealed under the master key, by name; also how the master key is recognised at start.
    fn sealed(&self, name: &str) -> impl Future<Output = Result<Option<Vec<u8>>, Unavailable>> + Send;
    /// Keeps a sealed thing unless there is one of that name; returns what is kept now.
    fn keep_sealed(
        &self,
        name: &str,
        sealed: &[u8],
    ) -> impl Future<Output = Result<Vec<u8>, Unavailable>> + Send;
}
