//! Where a key is in its life: derived from its times and the clock, never kept.

use std::cmp::Reverse;

use countersign_model::{KeyId, Timestamp};
use serde::Serialize;

use crate::ports::StoredKey;

/// Where a key is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// In the JWK Set, but not signing yet.
    Published,
    /// Signing.
    Active,
    /// No longer signing; in the JWK Set until its last token has expired.
    Retiring,
    /// Over: what it signed is refused.
    Removed,
}

impl KeyState {
    /// The state's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Removed => "removed",
        }
    }
}

impl StoredKey {
    /// Where the key is in its life at this time.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> KeyState {
        if self.removed_at.is_some_and(|removed_at| removed_at <= now) {
            KeyState::Removed
        } else if self.retired_at.is_some_and(|retired_at| retired_at <= now) {
            KeyState::Retiring
        } else if self.active_from > now {
            KeyState::Published
        } else {
            KeyState::Active
        }
    }

    /// Whether it signs, or would, at this time.
    pub(crate) fn covers(&self, time: Timestamp) -> bool {
        self.active_from <= time && self.retired_at.is_none_or(|retired_at| time < retired_at)
    }
}

/// A key as it is shown to its operator.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct KeyInfo {
    /// The `kid`.
    pub id: KeyId,
    /// The JWS algorithm.
    pub algorithm: String,
    /// Where it is in its life.
    pub state: KeyState,
    /// From when it is published.
    pub published_at: Timestamp,
    /// From when it signs.
    pub active_from: Timestamp,
    /// From when it no longer signs.
    pub retired_at: Option<Timestamp>,
    /// From when it is no longer published.
    pub removed_at: Option<Timestamp>,
}

impl KeyInfo {
    pub(crate) fn of(key: &StoredKey, now: Timestamp) -> Self {
        Self {
            id: key.id.clone(),
            algorithm: key.algorithm.clone(),
            state: key.state(now),
            published_at: key.published_at,
            active_from: key.active_from,
            retired_at: key.retired_at,
            removed_at: key.removed_at,
        }
    }
}

/// The key that signs at a time: of those that may, the one that began last.
pub(crate) fn signer_at<'a, I>(keys: I, time: Timestamp) -> Option<&'a StoredKey>
where
    I: IntoIterator<Item = &'a StoredKey>,
{
    keys.into_iter().filter(|key| key.covers(time)).min_by_key(|key| order(key))
}

/// Latest first; the id decides between keys of one moment, so that all nodes agree.
pub(crate) fn order(key: &StoredKey) -> (Reverse<Timestamp>, Reverse<Timestamp>, &KeyId) {
    (Reverse(key.active_from), Reverse(key.published_at), &key.id)
}
