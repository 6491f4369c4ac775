//! What can go wrong with keys, and what to do about it.

use countersign_jose::Algorithm;
use countersign_model::KeyId;

use crate::master::{OpenError, SealError};
use crate::ports::Unavailable;

/// A key can't be made, read or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] Unavailable),
    /// What the store holds can't be opened: another master key, or damage.
    #[error(transparent)]
    Sealed(#[from] OpenError),
    /// Something could not be sealed.
    #[error(transparent)]
    Sealing(#[from] SealError),
    /// What was sealed is no key of its algorithm and name.
    #[error("the signing key {0} in the database can't be used: restore the database from a backup")]
    Unusable(KeyId),
    /// No key of that name.
    #[error("there is no signing key {0}; `countersign keys list` shows them")]
    NoSuchKey(KeyId),
    /// An algorithm that has no keys.
    #[error("{0} is not among the algorithms that keys.algorithms lists")]
    NotConfigured(Algorithm),
    /// Algorithms are to be configured.
    #[error("keys.algorithms lists no algorithm: give at least one, ES256 for example")]
    NoAlgorithm,
    /// A shared secret is no signing key of an issuer.
    #[error("{0} signs with a shared secret, so it can't be among keys.algorithms")]
    Symmetric(Algorithm),
    /// Keys would follow one another before anybody knows them.
    #[error("keys.rotate_after must be longer than keys.prepublish")]
    RotatesTooOften,
    /// A key could not be made.
    #[error("a key for {0} could not be made")]
    Generate(Algorithm),
    /// Others changed the keys at the same time, again and again.
    #[error("other nodes were changing the signing keys at the same time: try again")]
    Contended,
}
