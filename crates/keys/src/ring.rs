//! The key ring: the keys of this node, kept in step with the store and with time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, Guard};
use countersign_jose::jwe::{ContentEncryption, ParsedJwe};
use countersign_model::{Env, SecretBytes, Timestamp};

use crate::error::KeysError;
use crate::master::MasterKey;
use crate::policy::Policy;
use crate::ports::SigningKeys;
use crate::snapshot::Keys;

/// Under which name something known is sealed, by which the master key is recognised.
const CHECK: &str = "master-key-check";

/// Signing keys over a store that several processes may share.
pub struct KeyRing<P> {
    pub(crate) ports: P,
    pub(crate) master: MasterKey,
    pub(crate) env: Env,
    pub(crate) policy: Policy,
    current: ArcSwap<Keys>,
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
    /// [`KeysError`], which says what to do: above all when the store was sealed under another master key.
    pub async fn open(ports: P, master: MasterKey, env: Env, policy: Policy) -> Result<Self, KeysError> {
        policy.check()?;
        recognise(&ports, &master, &env).await?;
        let loaded = Mutex::new(Loaded { ticket: 0, at: env.now() });
        let current = ArcSwap::default();
        let ring = Self { ports, master, env, policy, current, tickets: AtomicU64::new(1), loaded };
        ring.reload().await?;
        ring.tick().await?;
        Ok(ring)
    }

    /// The keys as they are now. Cheap: no lock, no look at the store.
    #[must_use]
    pub fn snapshot(&self) -> Guard<Arc<Keys>> {
        self.current.load()
    }

    /// How keys live here.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What was encrypted to the published key, if it was, in one of these ways.
    #[must_use]
    pub fn decrypt(&self, encrypted: &ParsedJwe<'_>, allowed: &[ContentEncryption]) -> Option<SecretBytes> {
        self.current.load().encryption.as_ref()?.open(encrypted, allowed)
    }

    /// Reads the keys again: another process may have changed them.
    ///
    /// # Errors
    /// When the store does not answer or a key can't be opened; the keys from before stay in use.
    pub async fn reload(&self) -> Result<(), KeysError> {
        let ticket = self.tickets.fetch_add(1, Ordering::AcqRel);
        let stored = self.ports.signing_keys().await?;
        let now = self.env.now();
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if ticket > loaded.ticket {
            let keys = Keys::open(stored, &self.current.load(), &self.master, &self.policy, now)?;
            *loaded = Loaded { ticket, at: now };
            self.current.store(Arc::new(keys));
        }
        Ok(())
    }

    /// Follows the schedule; to be called every few seconds. Reads the store only when something is due, or when
    /// nobody has for a while, so that a missed announcement can't leave this node behind.
    ///
    /// # Errors
    /// [`KeysError`]; what could not be done is tried again at the next call.
    pub async fn tick(&self) -> Result<(), KeysError> {
        let now = self.env.now();
        let read_at = self.loaded.lock().unwrap_or_else(PoisonError::into_inner).at;
        if now.since(read_at) >= self.policy.reload_every() {
            self.reload().await?;
        }
        for algorithm in &self.policy.algorithms {
            if self.is_due(*algorithm, now) {
                self.reload().await?;
                self.follow_schedule(*algorithm, now).await?;
            }
        }
        Ok(())
    }
}

impl<P> std::fmt::Debug for KeyRing<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRing").field("keys", &self.current.load()).finish_non_exhaustive()
    }
}

/// Opens what the first start sealed. A wrong master key is noticed here, before anything is made under it.
async fn recognise<P: SigningKeys>(ports: &P, master: &MasterKey, env: &Env) -> Result<(), KeysError> {
    let sealed = match ports.sealed(CHECK).await? {
        Some(sealed) => sealed,
        None => {
            let sealed = master.seal(CHECK, CHECK.as_bytes(), &*env.rng)?;
            ports.keep_sealed(CHECK, &sealed).await?
        }
    };
    master.open(CHECK, &sealed)?;
    Ok(())
}
