//! The key ring: the keys of this node, kept in step with the store and with time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use countersign_jose::Algorithm;
use countersign_model::{Env, Timestamp};

use crate::error::KeysError;
use crate::keys::Keys;
use crate::master::MasterKey;
use crate::policy::Policy;
use crate::ports::SigningKeys;
use crate::state::KeyInfo;

/// Under which name something known is sealed, by which the master key is recognised.
const SENTINEL: &str = "master-key-check";

/// The keys of this node. Share it in an `Arc`.
pub struct KeyRing<P> {
    pub(crate) port: P,
    pub(crate) master: MasterKey,
    pub(crate) env: Env,
    policy: ArcSwap<Policy>,
    keys: ArcSwap<Keys>,
    /// Tickets of reloads: a slow one must not put older keys in place of newer.
    tickets: AtomicU64,
    loaded: Mutex<Loaded>,
}

#[derive(Clone, Copy)]
struct Loaded {
    ticket: u64,
    at: Timestamp,
}

impl<P: SigningKeys> KeyRing<P> {
    /// Opens the ring: recognises the master key, reads the keys, and makes the first of each algorithm.
    ///
    /// # Errors
    /// [`KeysError`], which says what to do; another master key than the one in use is the likeliest.
    pub async fn open(port: P, master: MasterKey, env: Env, policy: Policy) -> Result<Self, KeysError> {
        check(&policy)?;
        recognise(&port, &master, &env).await?;
        let ring = Self {
            port,
            master,
            policy: ArcSwap::from_pointee(policy),
            keys: ArcSwap::from_pointee(Keys::empty()),
            tickets: AtomicU64::new(1),
            loaded: Mutex::new(Loaded { ticket: 0, at: env.now() }),
            env,
        };
        ring.reload().await?;
        ring.tick(ring.env.now()).await?;
        Ok(ring)
    }

    /// The keys as they are now. Cheap: no lock, no look at the store.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Keys> {
        self.keys.load_full()
    }

    /// As [`KeyRing::snapshot`], cheaper still, for a use that is over before the next `await`.
    #[must_use]
    pub fn load(&self) -> arc_swap::Guard<Arc<Keys>> {
        self.keys.load()
    }

    /// The rules it follows.
    #[must_use]
    pub fn policy(&self) -> Arc<Policy> {
        self.policy.load_full()
    }

    /// Follows other rules from now on; keys of algorithms that are new among them are made at once.
    ///
    /// # Errors
    /// [`KeysError`]; the old rules stay when the new ones make no sense.
    pub async fn replace_policy(&self, policy: Policy) -> Result<(), KeysError> {
        check(&policy)?;
        self.policy.store(Arc::new(policy));
        self.reload().await?;
        self.tick(self.env.now()).await
    }

    /// Reads the keys again: another process changed them.
    ///
    /// # Errors
    /// When the store can't answer or a key can't be opened; the keys from before stay in use.
    pub async fn reload(&self) -> Result<(), KeysError> {
        let ticket = self.tickets.fetch_add(1, Ordering::AcqRel);
        let stored = self.port.signing_keys().await?;
        let now = self.env.now();
        let keys = Keys::load(stored, &self.keys.load(), &self.master, &self.policy.load(), now)?;
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if ticket > loaded.ticket {
            *loaded = Loaded { ticket, at: now };
            self.keys.store(Arc::new(keys));
        }
        Ok(())
    }

    /// Follows the schedule; to be called every few seconds. Reads the store only when something is due, or when
    /// nobody has for a while, so that a missed announcement can't leave this node behind.
    ///
    /// # Errors
    /// [`KeysError`]; what could not be done is tried again at the next call.
    pub async fn tick(&self, now: Timestamp) -> Result<(), KeysError> {
        let policy = self.policy.load_full();
        let read_at = self.loaded.lock().unwrap_or_else(PoisonError::into_inner).at;
        if now.since(read_at) >= policy.reload_every() {
            self.reload().await?;
        }
        for algorithm in &policy.algorithms {
            if self.is_due(*algorithm, &policy, now) {
                self.reload().await?;
                self.follow_schedule(*algorithm, &policy, now).await?;
            }
        }
        Ok(())
    }

    /// Every key that the store holds, as it is now in the store: latest first within each algorithm.
    ///
    /// # Errors
    /// When the store can't answer.
    pub async fn list(&self) -> Result<Vec<KeyInfo>, KeysError> {
        let now = self.env.now();
        let mut stored = self.port.signing_keys().await?;
        stored.sort_by(|a, b| {
            a.algorithm.cmp(&b.algorithm).then_with(|| crate::state::order(a).cmp(&crate::state::order(b)))
        });
        Ok(stored.iter().map(|key| KeyInfo::of(key, now)).collect())
    }

    pub(crate) fn configured(&self, algorithm: Algorithm) -> Result<Arc<Policy>, KeysError> {
        let policy = self.policy.load_full();
        if policy.algorithms.contains(&algorithm) {
            Ok(policy)
        } else {
            Err(KeysError::NotConfigured(algorithm))
        }
    }
}

impl<P> std::fmt::Debug for KeyRing<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRing").field("keys", &self.keys.load()).finish_non_exhaustive()
    }
}

fn check(policy: &Policy) -> Result<(), KeysError> {
    if policy.algorithms.is_empty() {
        return Err(KeysError::NoAlgorithm);
    }
    if policy.rotate_after.is_some_and(|age| age <= policy.prepublish) {
        return Err(KeysError::RotatesTooOften);
    }
    match policy.algorithms.iter().find(|algorithm| algorithm.is_symmetric()) {
        Some(symmetric) => Err(KeysError::Symmetric(*symmetric)),
        None => Ok(()),
    }
}

/// Opens what the first start sealed. A wrong master key is noticed here, before anything is made under it.
async fn recognise<P: SigningKeys>(port: &P, master: &MasterKey, env: &Env) -> Result<(), KeysError> {
    let sealed = match port.sealed(SENTINEL).await? {
        Some(sealed) => sealed,
        None => {
            let sealed = master.seal(SENTINEL, master.id().as_bytes(), &*env.rng)?;
            port.keep_sealed(SENTINEL, &sealed).await?
        }
    };
    master.open(SENTINEL, &sealed)?;
    Ok(())
}
