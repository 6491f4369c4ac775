//! The key ring over a store in memory and a clock that tests move.

mod opening;
mod rotation;
mod withdrawal;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_jose::{Algorithm, Algorithms, JwkSet, VerifyingKey, jws};
use countersign_model::{Clock, Env, KeyId, SystemRng, Timestamp};

use crate::ports::{SigningKeys, StoredKey, Unavailable};
use crate::{KeyRing, Keys, MasterKey, Policy};

const START: i64 = 1_790_000_000;

#[derive(Clone)]
struct TestClock(Arc<AtomicI64>);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// What several processes share.
#[derive(Clone, Default)]
struct Memory(Arc<Shared>);

#[derive(Default)]
struct Shared {
    keys: Mutex<Vec<StoredKey>>,
    sealed: Mutex<BTreeMap<String, Vec<u8>>>,
    is_down: AtomicBool,
}

impl Memory {
    fn answer(&self) -> Result<(), Unavailable> {
        if self.0.is_down.load(Ordering::SeqCst) { Err(Unavailable("down".into())) } else { Ok(()) }
    }

    fn keys(&self) -> std::sync::MutexGuard<'_, Vec<StoredKey>> {
        self.0.keys.lock().unwrap()
    }
}

impl SigningKeys for Memory {
    async fn signing_keys(&self) -> Result<Vec<StoredKey>, Unavailable> {
        self.answer()?;
        Ok(self.keys().clone())
    }

    async fn introduce_signing_key(
        &self,
        key: &StoredKey,
        seen: Option<&KeyId>,
        predecessors_retire_at: Timestamp,
        predecessors_removed_at: Timestamp,
    ) -> Result<bool, Unavailable> {
        self.answer()?;
        let mut keys = self.keys();
        let seen = keys.iter().find(|own| Some(&own.id) == seen).map(|own| own.published_at);
        let same = |own: &&mut StoredKey| own.algorithm == key.algorithm;
        if keys.iter_mut().filter(same).any(|own| seen.is_none_or(|seen| own.published_at > seen)) {
            return Ok(false);
        }
        for own in keys.iter_mut().filter(same).filter(|own| own.retired_at.is_none()) {
            own.retired_at = Some(predecessors_retire_at);
            own.removed_at = Some(predecessors_removed_at);
        }
        keys.push(key.clone());
        Ok(true)
    }

    async fn retire_signing_key(
        &self,
        id: &KeyId,
        retired_at: Timestamp,
        removed_at: Timestamp,
    ) -> Result<bool, Unavailable> {
        self.answer()?;
        let mut keys = self.keys();
        let Some(key) = keys.iter_mut().find(|own| own.id == *id) else { return Ok(false) };
        key.retired_at = Some(retired_at);
        key.removed_at = Some(removed_at);
        Ok(true)
    }

    async fn sealed(&self, name: &str) -> Result<Option<Vec<u8>>, Unavailable> {
        self.answer()?;
        Ok(self.0.sealed.lock().unwrap().get(name).cloned())
    }

    async fn keep_sealed(&self, name: &str, sealed: &[u8]) -> Result<Vec<u8>, Unavailable> {
        self.answer()?;
        let mut kept = self.0.sealed.lock().unwrap();
        Ok(kept.entry(name.to_owned()).or_insert_with(|| sealed.to_vec()).clone())
    }
}

fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * 3_600)
}

/// Rotates daily, two hours beforehand; tokens live an hour.
fn policy() -> Policy {
    Policy {
        algorithms: vec![Algorithm::ES256],
        rotate_after: hours(24),
        prepublish: hours(2),
        token_life: hours(1),
    }
}

/// A store, a master key and a clock.
struct World {
    memory: Memory,
    master: MasterKey,
    clock: TestClock,
}

impl World {
    fn new() -> Self {
        Self {
            memory: Memory::default(),
            master: MasterKey::generate(&SystemRng).unwrap(),
            clock: TestClock(Arc::new(AtomicI64::new(START * 1_000_000))),
        }
    }

    fn env(&self) -> Env {
        Env { clock: Arc::new(self.clock.clone()), rng: Arc::new(SystemRng) }
    }

    /// Another process over the same store.
    async fn node(&self, policy: Policy) -> KeyRing<Memory> {
        KeyRing::open(self.memory.clone(), self.master.clone(), self.env(), policy).await.unwrap()
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn advance(&self, by: Duration) {
        self.clock.0.fetch_add(i64::try_from(by.as_micros()).unwrap(), Ordering::SeqCst);
    }
}

fn sign(keys: &Keys, now: Timestamp) -> String {
    let key = keys.signer(keys.default_algorithm().unwrap(), now).expect("some key signs at every moment");
    jws::sign_compact(None, b"token", key).unwrap()
}

/// Whether somebody who holds this JWK Set verifies the token.
fn verifies(jwks: &[u8], token: &str) -> bool {
    let parsed = jws::parse(token).unwrap();
    let set = JwkSet::from_json(jwks).unwrap();
    let jwk = set.keys.iter().find(|jwk| jwk.kid.as_ref().map(AsRef::as_ref) == parsed.header.kid.as_deref());
    let key = jwk.and_then(|jwk| VerifyingKey::from_jwk(jwk, parsed.header.algorithm).ok());
    key.is_some_and(|key| parsed.verify(&key, Algorithms::of(&Algorithm::ALL)).is_some())
}

/// The `kid` that signs.
fn signer(keys: &Keys, now: Timestamp) -> KeyId {
    keys.signer(Algorithm::ES256, now).unwrap().kid().clone()
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[test]
fn the_ring_can_be_shared_between_tasks() {
    fn is_send<T: Send>(_: T) {}
    let world = World::new();
    let ring = block_on(world.node(policy()));
    let kid = KeyId::from("x");
    is_send(ring.tick());
    is_send(ring.reload());
    is_send(ring.rotate(Algorithm::ES256, crate::When::Now));
    is_send(ring.retire(&kid, crate::When::Now));
    is_send(ring);
}
