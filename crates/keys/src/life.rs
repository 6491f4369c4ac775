//! A signing key's life.

use std::time::Duration;

use countersign_jose::Algorithm;
use countersign_model::Timestamp;

use crate::ports::StoredKey;

/// Where a key is in its life.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum KeyState {
    /// Known to verifiers, but not signing yet.
    Published,
    /// Signing.
    Active,
    /// No longer signing; still published, because tokens it signed are alive.
    Retiring,
    /// Gone.
    Retired,
}

impl KeyState {
    /// The state of a key at a time.
    #[must_use]
    pub fn of(key: &StoredKey, now: Timestamp) -> Self {
        let past = |moment: Option<Timestamp>| moment.is_some_and(|moment| moment <= now);
        if past(key.removed_at) {
            Self::Retired
        } else if past(key.retired_at) {
            Self::Retiring
        } else if key.active_from <= now {
            Self::Active
        } else {
            Self::Published
        }
    }

    /// The state's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Retired => "retired",
        }
    }
}

/// How keys live.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Algorithms there are keys for; the first signs by default. At least one.
    pub algorithms: Vec<Algorithm>,
    /// How long a key signs before the next takes over.
    pub rotate_after: Duration,
    /// How long a new key is published before it signs: at least as long as verifiers keep a key set.
    pub prepublish: Duration,
    /// The longest life of a token, clock differences included: so long a retired key stays published.
    pub token_life: Duration,
}

/// When a successor begins to sign.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// After it has been published long enough for everybody to know it.
    Published,
    /// At once: verifiers must fetch the key set again when they meet its `kid`.
    Now,
}
