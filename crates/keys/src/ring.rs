//! The key ring: makes, rotates and retires keys, and keeps the snapshot current.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::{ArcSwap, Guard};
use countersign_jose::{Algorithm, SigningKey};
use countersign_model::{Env, KeyId, Timestamp};

use crate::error::KeysError;
use crate::life::{KeyState, Policy, When};
use crate::master::MasterKey;
use crate::ports::{SigningKeys, StoredKey};
use crate::snapshot::{Keys, sealed_as};

/// What is sealed to recognise the master key by.
const CHECK: &str = "master-key-check";

/// Signing keys over a store that several processes may share.
pub struct KeyRing<P> {
    ports: P,
    master: MasterKey,
    env: Env,
    policy: Policy,
    current: ArcSwap<Keys>,
    generation: AtomicU64,
}

impl<P: SigningKeys> KeyRing<P> {
    /// Opens the ring: checks the master key, reads the keys, and makes the first of each algorithm if there is none.
    ///
    /// # Errors
    /// [`KeysError`]: above all when the store was sealed under another master key.
    pub async fn open(ports: P, master: MasterKey, env: Env, policy: Policy) -> Result<Self, KeysError> {
        let ring =
            Self { ports, master, env, policy, current: ArcSwap::default(), generation: AtomicU64::new(0) };
        ring.check_master_key().await?;
        ring.reload().await?;
        for algorithm in ring.policy.algorithms.clone() {
            if ring.snapshot().signer(algorithm, ring.env.now()).is_none() {
                ring.introduce(algorithm, When::Now).await?;
            }
        }
        Ok(ring)
    }

    /// The keys as they are now.
    #[must_use]
    pub fn snapshot(&self) -> Guard<Arc<Keys>> {
        self.current.load()
    }

    /// How keys live here.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Reads the keys again: another process may have changed them.
    ///
    /// # Errors
    /// When the store does not answer or a key can't be opened; the old snapshot then stays.
    pub async fn reload(&self) -> Result<(), KeysError> {
        let stored = self.ports.signing_keys().await?;
        if self.current.load().iter().map(|key| &key.stored).eq(stored.iter()) {
            return Ok(());
        }
        let generation = self.generation.fetch_add(1, Ordering::Relaxed) + 1;
        self.current.store(Arc::new(Keys::open(stored, &self.master, generation)?));
        Ok(())
    }

    /// Follows the schedule: a key that has nearly signed long enough gets a successor.
    ///
    /// # Errors
    /// [`KeysError`]; it is tried again at the next tick.
    pub async fn tick(&self) -> Result<(), KeysError> {
        let now = self.env.now();
        for algorithm in self.policy.algorithms.clone() {
            let due = self.snapshot().newest(algorithm).is_none_or(|key| self.is_due(&key.stored, now));
            if due {
                self.introduce(algorithm, When::Published).await?;
            }
        }
        Ok(())
    }

    /// Whether the successor should be published, so that it can sign when the key has signed long enough.
    fn is_due(&self, key: &StoredKey, now: Timestamp) -> bool {
        let signs_until = key.active_from.plus(self.policy.rotate_after);
        key.retired_at.is_none() && signs_until.minus(self.policy.prepublish) <= now
    }

    /// Gives an algorithm a new key; its predecessors stop signing when it begins.
    ///
    /// # Errors
    /// [`KeysError`].
    pub async fn rotate(&self, algorithm: Algorithm, when: When) -> Result<KeyId, KeysError> {
        if !self.policy.algorithms.contains(&algorithm) {
            return Err(KeysError::NotConfigured(algorithm));
        }
        self.introduce(algorithm, when).await
    }

    /// Retires a key. One that signs gets a successor first. With [`When::Now`] it is no longer published either: what
    /// it signed is refused from now on.
    ///
    /// # Errors
    /// [`KeysError`].
    pub async fn retire(&self, kid: &KeyId, when: When) -> Result<(), KeysError> {
        self.reload().await?;
        let now = self.env.now();
        let found = self.snapshot().key(kid).map(|key| (key.algorithm(), key.state(now), key.stored.clone()));
        let (algorithm, state, stored) = found.ok_or_else(|| KeysError::NoSuchKey(kid.clone()))?;
        let signs = match state {
            KeyState::Active | KeyState::Published => stored.retired_at.is_none(),
            KeyState::Retiring | KeyState::Retired => false,
        };
        if signs && self.policy.algorithms.contains(&algorithm) {
            self.introduce(algorithm, when).await?;
        }
        if when == When::Now {
            self.ports.retire_signing_key(kid, now, now).await?;
        } else if !signs && stored.retired_at.is_none() {
            self.ports.retire_signing_key(kid, now, now.plus(self.policy.token_life)).await?;
        }
        self.reload().await
    }

    /// Makes a key and keeps it, unless another node was first, whose key is then taken.
    async fn introduce(&self, algorithm: Algorithm, when: When) -> Result<KeyId, KeysError> {
        let seen = self.snapshot().newest(algorithm).map(|key| key.stored.id.clone());
        let signing = SigningKey::generate(algorithm).map_err(|_| KeysError::Generate(algorithm))?;
        let (Some(pkcs8), Some(public_jwk)) = (signing.to_pkcs8(), signing.public_jwk_value()) else {
            return Err(KeysError::Generate(algorithm));
        };
        let id = signing.kid().clone();
        let now = self.env.now();
        let active_from = match when {
            When::Published => now.plus(self.policy.prepublish),
            When::Now => now,
        };
        let key = StoredKey {
            sealed: self.master.seal(&sealed_as(&id), pkcs8.expose(), &*self.env.rng)?,
            id,
            algorithm: algorithm.as_str().to_owned(),
            public_jwk,
            published_at: now,
            active_from,
            retired_at: None,
            removed_at: None,
        };
        let removed_at = active_from.plus(self.policy.token_life);
        self.ports.introduce_signing_key(&key, seen.as_ref(), active_from, removed_at).await?;
        self.reload().await?;
        let newest = self.snapshot().newest(algorithm).map(|key| key.stored.id.clone());
        newest.ok_or(KeysError::Generate(algorithm))
    }

    /// A wrong master key is found at start, before anything is sealed under it.
    async fn check_master_key(&self) -> Result<(), KeysError> {
        let sealed = match self.ports.sealed(CHECK).await? {
            Some(sealed) => sealed,
            None => {
                let sealed = self.master.seal(CHECK, CHECK.as_bytes(), &*self.env.rng)?;
                self.ports.keep_sealed(CHECK, &sealed).await?
            }
        };
        self.master.open(CHECK, &sealed)?;
        Ok(())
    }
}
