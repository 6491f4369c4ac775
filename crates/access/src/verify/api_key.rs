//! API keys: found by hash, remembered, limited.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use countersign_model::{ApiKey, ApiKeyStatus, Assurance, Issuer, Method, Timestamp, TokenHash};
use quick_cache::sync::Cache;

use crate::api_key::WellFormed;
use crate::outcome::Rejection;
use crate::ports::ApiKeys;
use crate::request::Question;
use crate::revocation::{RevocationSet, Standing};
use crate::{Identity, Limits, Reason};

/// The keys seen lately.
pub(crate) struct KeyMemory {
    keys: Cache<TokenHash, Entry>,
    /// Moves on with every change of a key.
    epoch: AtomicU64,
}

#[derive(Clone)]
enum Entry {
    Known(Arc<KnownKey>),
    /// Nobody knew it; not asked again before then.
    Unknown(Timestamp),
}

/// A key and what it stands for.
pub(crate) struct KnownKey {
    pub(crate) key: Arc<ApiKey>,
    pub(crate) identity: Arc<Identity>,
    usage: Arc<Usage>,
    /// Asked again after this.
    until: Timestamp,
    /// The epoch of the revocation list in which its owner was in order.
    seen: AtomicU64,
}

/// What looking a key up takes.
pub(crate) struct KeySources<'a> {
    pub(crate) keys: &'a dyn ApiKeys,
    pub(crate) limits: &'a Limits,
    pub(crate) issuer: &'a Issuer,
}

impl KeyMemory {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { keys: Cache::new(capacity), epoch: AtomicU64::new(0) }
    }

    /// The answer, when this key is remembered.
    pub(crate) fn remembered(
        &self,
        text: &str,
        revocations: &RevocationSet,
        question: Question<'_>,
    ) -> Option<Result<Arc<KnownKey>, Rejection>> {
        let now = question.now;
        match self.keys.get(&TokenHash::of(text.as_bytes()))? {
            Entry::Known(known) if known.until > now && known.has_standing(revocations) => {
                Some(known.admit(question).map(|()| known))
            }
            Entry::Unknown(until) if until > now => Some(Err(Reason::ApiKeyUnknown.into())),
            Entry::Known(_) | Entry::Unknown(_) => None,
        }
    }

    /// Looks the key up. Text without the form and the checksum of a key never gets as far as asking.
    pub(crate) async fn verify(
        &self,
        sources: KeySources<'_>,
        text: &str,
        question: Question<'_>,
    ) -> Result<Arc<KnownKey>, Rejection> {
        let KeySources { keys, limits, issuer } = sources;
        let now = question.now;
        if WellFormed::read(text).is_none() {
            return Err(Reason::ApiKeyMalformed.into());
        }
        let hash = TokenHash::of(text.as_bytes());
        let before = match self.keys.get(&hash) {
            Some(Entry::Known(known)) => Some(known),
            Some(Entry::Unknown(_)) | None => None,
        };
        let epoch = self.epoch.load(Ordering::Acquire);
        let known = match (keys.api_key(&hash).await, before) {
            (Ok(Some(key)), before) => {
                Arc::new(KnownKey::new(key, before.as_deref(), issuer, now.plus(limits.api_key_life)))
            }
            (Ok(None), _) => {
                self.insert(hash, Entry::Unknown(now.plus(limits.unknown_life)), epoch);
                return Err(Reason::ApiKeyUnknown.into());
            }
            // A key known before goes on counting while nobody can be asked: nobody can revoke it either.
            (Err(error), Some(known)) => {
                tracing::warn!(%error, "an API key could not be looked up again: what is known of it counts");
                known
            }
            (Err(error), None) => {
                tracing::error!(%error, "an API key could not be looked up");
                return Err(Reason::LookupFailed.into());
            }
        };
        self.insert(hash, Entry::Known(Arc::clone(&known)), epoch);
        known.admit(question)?;
        Ok(known)
    }

    /// Forgets a key that changed.
    pub(crate) fn forget(&self, hash: &TokenHash) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.keys.remove(hash);
    }

    /// Forgets every key.
    pub(crate) fn forget_all(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.keys.clear();
    }

    /// A key that changed while it was looked up is not kept: the next request asks again.
    fn insert(&self, hash: TokenHash, entry: Entry, epoch: u64) {
        self.keys.insert(hash, entry);
        if self.epoch.load(Ordering::Acquire) != epoch {
            self.keys.remove(&hash);
        }
    }
}

impl KnownKey {
    fn new(key: Arc<ApiKey>, before: Option<&Self>, issuer: &Issuer, until: Timestamp) -> Self {
        // The same key stays the same identity, and its requests stay counted.
        let (identity, usage) = match before {
            Some(before) if before.key == key => (Arc::clone(&before.identity), Arc::clone(&before.usage)),
            Some(before) => (Arc::new(identity(&key, issuer)), Arc::clone(&before.usage)),
            None => (Arc::new(identity(&key, issuer)), Arc::default()),
        };
        Self { key, identity, usage, until, seen: AtomicU64::new(u64::MAX) }
    }

    /// Whether this use is to be told: one a minute is, and one from another address than the last.
    pub(crate) fn is_news(&self, address: IpAddr, now: Timestamp) -> bool {
        self.usage.told.is_news(address, now)
    }

    /// Whether the owner is known to be in order. A key dies with its owner's account.
    fn has_standing(&self, revocations: &RevocationSet) -> bool {
        let epoch = revocations.epoch();
        if self.seen.load(Ordering::Relaxed) == epoch {
            return true;
        }
        let is_good = revocations.standing(&self.identity) == Standing::Good;
        if is_good {
            self.seen.store(epoch, Ordering::Relaxed);
        }
        is_good
    }

    /// The checks that depend on the request, in order.
    fn admit(&self, Question { request, rule, now, is_first }: Question<'_>) -> Result<(), Rejection> {
        let reject = |reason: Reason| Err(Rejection::from(reason).about(&self.identity));
        match self.key.status {
            ApiKeyStatus::Active => {}
            ApiKeyStatus::Revoked => return reject(Reason::ApiKeyRevoked),
        }
        if self.key.expires_at.is_some_and(|end| end <= now) {
            return reject(Reason::ApiKeyExpired);
        }
        if !self.key.addresses.admits(request.client_address) {
            return reject(Reason::ApiKeyAddress);
        }
        if !self.key.routes.is_empty() && !self.key.routes.iter().any(|route| route == rule.name()) {
            return reject(Reason::ApiKeyRoute);
        }
        match self.key.requests_per_minute.filter(|_| is_first) {
            None => Ok(()),
            Some(limit) => self
                .usage
                .rate
                .take(limit, now)
                .map_err(|wait| Rejection::from(Reason::ApiKeyRate).about(&self.identity).after(wait)),
        }
    }
}

fn identity(key: &ApiKey, issuer: &Issuer) -> Identity {
    let mut identity =
        Identity::new(key.owner.clone(), issuer.clone(), Method::ApiKey, Assurance::LongLivedSecret);
    identity.scopes = key.scopes.clone();
    identity.api_key = Some(key.id.clone());
    identity.expires_at = key.expires_at.unwrap_or(Timestamp::MAX);
    identity
}

/// What the requests with a key amount to.
#[derive(Default)]
struct Usage {
    rate: Rate,
    told: Told,
}

/// The last use that was told, as two numbers: a use costs a look at them, and no lock.
#[derive(Default)]
struct Told {
    at: AtomicI64,
    from: AtomicU64,
}

impl Told {
    /// How exact "last used" is.
    const MINUTE: i64 = 60_000_000;

    fn is_news(&self, address: IpAddr, now: Timestamp) -> bool {
        let (from, now) = (folded(address), now.micros());
        let (last, last_from) = (self.at.load(Ordering::Relaxed), self.from.load(Ordering::Relaxed));
        let is_news = from != last_from || now.saturating_sub(last) >= Self::MINUTE;
        if is_news {
            self.at.store(now, Ordering::Relaxed);
            self.from.store(from, Ordering::Relaxed);
        }
        is_news
    }
}

/// An address in one number. Two that fold alike make the news a minute late, no more.
fn folded(address: IpAddr) -> u64 {
    let bits = match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    };
    let [high, low] = [bits >> 64, bits & u128::from(u64::MAX)].map(|half| u64::try_from(half).unwrap_or(0));
    high ^ low
}

/// A leaky bucket in one number: when it will be empty, in microseconds (the generic cell rate algorithm).
/// A minute's worth may come at once.
#[derive(Default)]
struct Rate(AtomicI64);

impl Rate {
    const MINUTE: i64 = 60_000_000;

    fn take(&self, per_minute: u32, now: Timestamp) -> Result<(), Duration> {
        let now = now.micros();
        let Some(interval) = Self::MINUTE.checked_div(i64::from(per_minute)) else {
            return Err(Duration::from_secs(60));
        };
        let mut empty_at = self.0.load(Ordering::Relaxed);
        loop {
            let next = empty_at.max(now).saturating_add(interval);
            let excess = next.saturating_sub(now).saturating_sub(Self::MINUTE);
            if excess > 0 {
                return Err(Duration::from_micros(u64::try_from(excess).unwrap_or(0)));
            }
            match self.0.compare_exchange_weak(empty_at, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(seen) => empty_at = seen,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_told_once_a_minute_and_from_each_new_address() {
        let told = Told::default();
        let [home, away]: [IpAddr; 2] = ["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()];
        let news =
            |address, seconds: i64| told.is_news(address, Timestamp::from_seconds(1_000_000 + seconds));
        assert!(news(home, 0) && !news(home, 0) && !news(home, 59));
        assert!(news(away, 59) && !news(away, 59));
        assert!(news(home, 60) && !news(home, 119) && news(home, 120));
    }

    #[test]
    fn a_minutes_worth_may_come_at_once_and_then_one_at_a_time() {
        let rate = Rate::default();
        let at = |seconds: i64| Timestamp::from_seconds(1_000_000 + seconds);
        for _ in 0..60 {
            assert_eq!(rate.take(60, at(0)), Ok(()));
        }
        assert_eq!(rate.take(60, at(0)), Err(Duration::from_secs(1)));
        assert_eq!(rate.take(60, at(1)), Ok(()));
        assert!(rate.take(60, at(1)).is_err());
        for _ in 0..60 {
            assert_eq!(rate.take(60, at(61)), Ok(()));
        }
        assert!(rate.take(60, at(61)).is_err());
        assert!(Rate::default().take(0, at(0)).is_err());
    }
}
