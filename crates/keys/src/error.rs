//! What can go wrong with keys.

use countersign_jose::Algorithm;
use countersign_model::KeyId;

use crate::ports::Unavailable;

/// A sealed thing can't be opened.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum OpenError {
    /// It was sealed under another master key.
    #[error(
        "{name} was sealed under another master key: give the master key this data was made with \
         (COUNTERSIGN_MASTER_KEY or keys.master_key_file); without it the sealed keys can't be recovered"
    )]
    OtherMasterKey {
        /// What was to be opened.
        name: String,
    },
    /// It was changed, cut short, or is of a newer version.
    #[error("{name} is damaged: restore it from a backup of the database")]
    Damaged {
        /// What was to be opened.
        name: String,
    },
}

/// The key ring can't do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The store did not answer.
    #[error("the signing keys could not be read or written")]
    Store(#[from] Unavailable),
    /// A sealed thing can't be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A stored key can't be used.
    #[error("the signing key {0} can't be used: it is damaged, or of an algorithm that is not offered")]
    Unusable(KeyId),
    /// No key could be made.
    #[error("no {0} key could be made")]
    Generate(Algorithm),
    /// There is no such key.
    #[error("there is no signing key {0}: `countersign keys list` shows them")]
    NoSuchKey(KeyId),
    /// The algorithm is not configured.
    #[error("{0} is not among keys.algorithms: nothing signs with it")]
    NotConfigured(Algorithm),
}
