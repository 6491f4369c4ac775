//! Where a key is in its life: derived from its times and the clock, never kept.

use countersign_model::{KeyId, Timestamp};

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
    /// Gone: what it signed is refused.
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

/// The key that signs at a time: of those that may, the one that began last.
pub(crate) fn signer_at<'a>(keys: &[&'a StoredKey], time: Timestamp) -> Option<&'a StoredKey> {
    keys.iter()
        .copied()
        .filter(|key| KeyState::of(key, time) == KeyState::Active)
        .max_by(|a, b| order(a).cmp(&order(b)))
}

/// By when a key signs; the id decides between keys of one moment, so that all nodes agree.
pub(crate) fn order(key: &StoredKey) -> (Timestamp, Timestamp, &KeyId) {
    (key.active_from, key.published_at, &key.id)
}
