//! User name and password (RFC 7617), checked slowly once and remembered for a short time.

mod back_off;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::hmac;
use countersign_model::{
    Assurance, Env, Issuer, Method, PasswordHashText, SecretString, Timestamp, UserId, Username,
};
use countersign_passwords::{Hasher, Verdict};
use quick_cache::sync::Cache;

use crate::extract::BasicCredentials;
use crate::outcome::{Outcome, Rejection};
use crate::ports::{Account, Accounts};
use crate::{Identity, Limits, Reason};
use back_off::BackOff;

/// Pairs that were right a short time ago, and the back-off.
///
/// A pair is found under a digest keyed with a number of this process's own: neither the memory nor the time of a
/// look-up says anything about a password. It is forgotten when its account changes, so a digest always stands for
/// the stored hash it was compared with.
pub(crate) struct BasicMemory {
    key: hmac::Key,
    pairs: Cache<[u8; 32], Arc<Pair>>,
    back_off: Arc<BackOff>,
    /// Moves on with every change of an account.
    epoch: AtomicU64,
}

struct Pair {
    identity: Arc<Identity>,
    username: Username,
    user: Option<UserId>,
    until: Timestamp,
}

/// What checking a password takes.
pub(crate) struct BasicSources<'a> {
    pub(crate) accounts: &'a [Arc<dyn Accounts>],
    pub(crate) hasher: &'a Hasher,
    pub(crate) limits: &'a Limits,
    pub(crate) issuer: &'a Issuer,
}

impl BasicMemory {
    /// An empty memory. A reload is no pardon: the back-off goes on where it was.
    pub(crate) fn new(capacity: usize, env: &Env, before: Option<&Self>) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &env.rng.bytes::<32>());
        let back_off = before.map_or_else(|| Arc::new(BackOff::new()), |before| Arc::clone(&before.back_off));
        Self { key, pairs: Cache::new(capacity), back_off, epoch: AtomicU64::new(0) }
    }

    /// The answer, when this pair was right a short time ago.
    pub(crate) fn remembered(&self, credentials: &BasicCredentials, now: Timestamp) -> Option<Outcome> {
        let pair = self.pairs.get(&self.digest(credentials))?;
        (pair.until > now).then(|| Outcome::Verified(Arc::clone(&pair.identity)))
    }

    /// Checks the password. Of several requests with one pair that come together, one checks and the others wait.
    pub(crate) async fn verify(
        &self,
        sources: BasicSources<'_>,
        credentials: &BasicCredentials,
        address: IpAddr,
        now: Timestamp,
    ) -> Outcome {
        let digest = self.digest(credentials);
        let guard = loop {
            match self.pairs.get_value_or_guard_async(&digest).await {
                Ok(pair) if pair.until > now => return Outcome::Verified(Arc::clone(&pair.identity)),
                Ok(_) => drop(self.pairs.remove(&digest)),
                Err(guard) => break guard,
            }
        };
        let epoch = self.epoch.load(Ordering::Acquire);
        match self.check(&sources, credentials, address, now).await {
            Ok(pair) => {
                let identity = Arc::clone(&pair.identity);
                let _ = guard.insert(Arc::new(pair));
                // An account that changed meanwhile may have been swept before the pair was there.
                if self.epoch.load(Ordering::Acquire) != epoch {
                    self.pairs.remove(&digest);
                }
                Outcome::Verified(identity)
            }
            Err(rejection) => Outcome::Rejected(rejection),
        }
    }

    async fn check(
        &self,
        sources: &BasicSources<'_>,
        credentials: &BasicCredentials,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<Pair, Rejection> {
        let name: Option<Username> = credentials.username().parse().ok();
        let account_key = name.as_ref().map_or(credentials.username(), Username::as_str);
        let attempt = self
            .back_off
            .begin(account_key, address, now)
            .map_err(|wait| Rejection::from(Reason::PasswordBackOff).after(wait))?;
        let account = match find(sources.accounts, name.as_ref()).await {
            Ok(account) => account,
            Err(rejection) => {
                attempt.was_nothing();
                return Err(rejection);
            }
        };
        // A name nobody has, an account without a password and a disabled one all cost the same as any other.
        let password = SecretString::from(credentials.password());
        let stored = account.as_ref().and_then(|(account, _)| account.password.as_ref());
        let verdict = match sources.hasher.verify(&password, stored).await {
            Ok(verdict) => verdict,
            Err(busy) => {
                attempt.was_nothing();
                return Err(Rejection::from(Reason::PasswordsBusy).after(busy.retry_after));
            }
        };
        let (Some((account, source)), Some(username)) = (account, name) else {
            return Err(Reason::WrongPassword.into());
        };
        if verdict == Verdict::Wrong || !account.enabled {
            return Err(Reason::WrongPassword.into());
        }
        attempt.was_right();
        if verdict == Verdict::RightButWeak {
            upgrade(&**source, sources.hasher, &account, &password).await;
        }
        Ok(Pair {
            identity: Arc::new(identity(&account, sources.issuer)),
            username,
            user: account.user,
            until: now.plus(sources.limits.basic_life),
        })
    }

    /// Forgets the pairs of an account that changed.
    pub(crate) fn forget(&self, user: &UserId, username: &Username) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.pairs.retain(|_, pair| pair.username != *username && pair.user.as_ref() != Some(user));
    }

    /// Forgets every pair.
    pub(crate) fn forget_all(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.pairs.clear();
    }

    fn digest(&self, credentials: &BasicCredentials) -> [u8; 32] {
        let tag = hmac::sign(&self.key, credentials.pair().as_bytes());
        let mut digest = [0; 32];
        for (to, from) in digest.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        digest
    }
}

/// The first source that knows the name has the say.
async fn find<'a>(
    sources: &'a [Arc<dyn Accounts>],
    name: Option<&Username>,
) -> Result<Option<(Account, &'a Arc<dyn Accounts>)>, Rejection> {
    let Some(name) = name else { return Ok(None) };
    for source in sources {
        match source.account(name).await {
            Ok(Some(account)) => return Ok(Some((account, source))),
            Ok(None) => {}
            Err(error) => {
                tracing::error!(%error, "an account could not be looked up");
                return Err(Reason::LookupFailed.into());
            }
        }
    }
    Ok(None)
}

/// Replaces a weak hash. The password was right whether or not that works.
async fn upgrade(source: &dyn Accounts, hasher: &Hasher, account: &Account, password: &SecretString) {
    let (Some(_), Some(old)) = (&account.user, &account.password) else { return };
    let new: PasswordHashText = match hasher.hash(password).await {
        Ok(new) => new,
        Err(error) => {
            tracing::debug!(%error, "a weak password hash stays as it is");
            return;
        }
    };
    if let Err(error) = source.upgrade_password(account, old, new).await {
        tracing::warn!(%error, "a weak password hash could not be replaced");
    }
}

fn identity(account: &Account, issuer: &Issuer) -> Identity {
    let mut identity =
        Identity::new(account.subject.clone(), issuer.clone(), Method::Basic, Assurance::LongLivedSecret);
    identity.scopes = account.scopes.clone();
    identity.amr = vec!["pwd".into()];
    identity
}
