//! Tokens that were verified a short time ago.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign_model::{Timestamp, TokenHash};
use quick_cache::sync::Cache;

use crate::outcome::Rejection;
use crate::revocation::{RevocationSet, Standing};
use crate::verify::issuer::IssuerState;
use crate::{Identity, Reason};

/// Verified tokens by their SHA-256: bounded in number, and each by its own end.
pub(crate) struct TokenMemory(Cache<TokenHash, Entry>);

#[derive(Clone)]
enum Entry {
    Known(Arc<Remembered>),
    /// Nobody knew this reference token; not asked again before then.
    Unknown(Timestamp),
}

/// A verified token.
pub(crate) struct Remembered {
    pub(crate) identity: Arc<Identity>,
    issuer: Arc<IssuerState>,
    /// The issuer's keys when it was verified.
    keys_generation: u64,
    /// Until when it counts without looking at it again.
    until: Timestamp,
    /// The epoch of the revocation list it was last compared with.
    seen: AtomicU64,
}

impl Remembered {
    /// A token that was verified with the issuer's keys of that generation and compared with the revocation list in
    /// that epoch.
    pub(crate) fn new(
        identity: &Arc<Identity>,
        issuer: &Arc<IssuerState>,
        (keys_generation, epoch): (u64, u64),
        until: Timestamp,
    ) -> Self {
        Self {
            identity: Arc::clone(identity),
            issuer: Arc::clone(issuer),
            keys_generation,
            until,
            seen: AtomicU64::new(epoch),
        }
    }
}

/// What the memory knows.
pub(crate) enum Recall {
    /// It counts.
    Good(Arc<Identity>),
    /// It does not.
    Rejected(Rejection),
    /// It was verified, but whether its client or subject still counts must be asked.
    Unsettled(Arc<Remembered>),
    /// Verify it.
    Nothing,
}

impl TokenMemory {
    pub(crate) fn new(capacity: usize) -> Self {
        Self(Cache::new(capacity))
    }

    pub(crate) fn recall(
        &self,
        key: &TokenHash,
        revocations: &RevocationSet,
        leeway: Duration,
        now: Timestamp,
    ) -> Recall {
        let remembered = match self.0.get(key) {
            Some(Entry::Known(remembered)) => remembered,
            Some(Entry::Unknown(until)) if until > now => {
                return Recall::Rejected(Reason::TokenUnknown.into());
            }
            Some(Entry::Unknown(_)) | None => return Recall::Nothing,
        };
        // RFC 7519 §4.1.4
        if remembered.identity.expires_at.plus(leeway) <= now {
            self.0.remove(key);
            return Recall::Rejected(Rejection::from(Reason::TokenExpired).about(&remembered.identity));
        }
        if remembered.until <= now || !remembered.issuer.still_vouches(remembered.keys_generation, now) {
            return Recall::Nothing;
        }
        let epoch = revocations.epoch();
        if remembered.seen.load(Ordering::Relaxed) == epoch {
            return Recall::Good(Arc::clone(&remembered.identity));
        }
        match revocations.standing(&remembered.identity) {
            Standing::Good => {
                remembered.seen.store(epoch, Ordering::Relaxed);
                Recall::Good(Arc::clone(&remembered.identity))
            }
            Standing::Revoked => {
                Recall::Rejected(Rejection::from(Reason::TokenRevoked).about(&remembered.identity))
            }
            Standing::Unknown(..) => Recall::Unsettled(remembered),
        }
    }

    pub(crate) fn remember(&self, key: TokenHash, token: Remembered) {
        self.0.insert(key, Entry::Known(Arc::new(token)));
    }

    pub(crate) fn remember_unknown(&self, key: TokenHash, until: Timestamp) {
        self.0.insert(key, Entry::Unknown(until));
    }
}
