//! The keys as they are now: what the hot path reads, without a lock.

use std::sync::Arc;
use std::time::Duration;

use countersign_jose::{Algorithm, SigningKey, VerifyingKey};
use countersign_model::{KeyId, Timestamp};
use serde_json::{Value, json};

use crate::encryption::EncryptionPair;
use crate::error::KeysError;
use crate::master::MasterKey;
use crate::policy::Policy;
use crate::ports::StoredKey;
use crate::state::{KeyState, order};

/// One key, opened.
pub struct Key {
    /// Its times and what is kept of it.
    pub stored: StoredKey,
    signing: Arc<SigningKey>,
    verifying: Arc<VerifyingKey>,
    public: Arc<Value>,
}

/// The JWK Set of a time, ready to be sent (RFC 7517 §5).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Jwks {
    /// The document.
    pub body: Arc<[u8]>,
    /// How long it may be cached.
    pub max_age: Duration,
    /// The `Cache-Control` that says so (RFC 9111 §5.2.2).
    pub cache_control: Arc<str>,
}

/// Every key that has not been removed. Immutable, and swapped as a whole.
#[derive(Default)]
pub struct Keys {
    /// By when they sign: the latest last.
    keys: Vec<Key>,
    /// All that the store holds, the removed ones too.
    stored: Vec<StoredKey>,
    algorithms: Vec<Algorithm>,
    /// What others encrypt to.
    pub(crate) encryption: Option<Arc<EncryptionPair>>,
    /// The JWK Set from each moment on at which it changes.
    sets: Vec<(Timestamp, Jwks)>,
    generation: u64,
}

impl Keys {
    /// Opens and parses what the store holds; what `before` has opened already is not opened again.
    pub(crate) fn open(
        mut stored: Vec<StoredKey>,
        before: &Self,
        master: &MasterKey,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Self, KeysError> {
        stored.sort_by(|a, b| order(a).cmp(&order(b)));
        let live = stored.iter().filter(|key| KeyState::of(key, now) != KeyState::Retired);
        let keys = live.map(|key| Key::take_over(key, before, master)).collect::<Result<Vec<_>, _>>()?;
        let generation = if stored == before.stored { before.generation } else { before.generation + 1 };
        let encryption = before.encryption.clone().or_else(|| EncryptionPair::of(master).map(Arc::new));
        let for_encryption = encryption.as_ref().map(|pair| &*pair.public);
        let sets = sets(&keys, for_encryption, policy.cache_life());
        Ok(Self { keys, stored, algorithms: policy.algorithms.clone(), encryption, sets, generation })
    }

    /// A number that differs whenever the set does.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// The algorithms there are keys for, the default first.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        self.algorithms.iter().copied()
    }

    /// The algorithm that signs where nothing else is asked for.
    #[must_use]
    pub fn default_algorithm(&self) -> Option<Algorithm> {
        self.algorithms.first().copied()
    }

    /// Every key, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter()
    }

    /// The key that signs with this algorithm now: the one that became active last.
    #[must_use]
    pub fn signer(&self, algorithm: Algorithm, now: Timestamp) -> Option<&SigningKey> {
        let signs = |key: &&Key| key.algorithm() == algorithm && key.state(now) == KeyState::Active;
        self.keys.iter().rev().find(signs).map(|key| &*key.signing)
    }

    /// The published key of this name: one that has signed, signs, or is about to.
    #[must_use]
    pub fn verifier(&self, kid: &str, now: Timestamp) -> Option<&Arc<VerifyingKey>> {
        let key = self.keys.iter().find(|key| key.stored.id.as_str() == kid)?;
        (key.state(now) != KeyState::Retired).then_some(&key.verifying)
    }

    /// The newest key of an algorithm, in whatever state.
    #[must_use]
    pub fn newest(&self, algorithm: Algorithm) -> Option<&Key> {
        self.keys.iter().filter(|key| key.algorithm() == algorithm).max_by_key(|key| key.stored.published_at)
    }

    /// A key by name.
    #[must_use]
    pub fn key(&self, kid: &KeyId) -> Option<&Key> {
        self.keys.iter().find(|key| key.stored.id == *kid)
    }

    /// The published keys as a JWK Set, rendered beforehand.
    #[must_use]
    pub fn jwks(&self, now: Timestamp) -> Jwks {
        let later = self.sets.partition_point(|(from, _)| *from <= now);
        let current = later.checked_sub(1).and_then(|at| self.sets.get(at));
        current.map_or_else(|| Jwks::of(&[], Duration::ZERO), |(_, set)| set.clone())
    }

    /// What the store holds of an algorithm, the removed ones too.
    pub(crate) fn stored(&self, algorithm: Algorithm) -> Vec<&StoredKey> {
        self.stored.iter().filter(|key| key.algorithm == algorithm.as_str()).collect()
    }

    pub(crate) fn find_stored(&self, kid: &KeyId) -> Option<&StoredKey> {
        self.stored.iter().find(|key| key.id == *kid)
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| &key.stored.id)).finish()
    }
}

impl Key {
    fn take_over(stored: &StoredKey, before: &Keys, master: &MasterKey) -> Result<Self, KeysError> {
        match before.key(&stored.id) {
            Some(key) if key.stored.sealed == stored.sealed && key.stored.algorithm == stored.algorithm => {
                Ok(Self {
                    stored: stored.clone(),
                    signing: Arc::clone(&key.signing),
                    verifying: Arc::clone(&key.verifying),
                    public: Arc::clone(&key.public),
                })
            }
            _ => Self::open(stored, master),
        }
    }

    /// The public half is taken from the private key, not from the JWK beside it: whoever can write to the database but
    /// has no master key can't slip in a key of his own.
    fn open(stored: &StoredKey, master: &MasterKey) -> Result<Self, KeysError> {
        let unusable = || KeysError::Unusable(stored.id.clone());
        let algorithm: Algorithm = stored.algorithm.parse().map_err(|_| unusable())?;
        let pkcs8 = master.open(&sealed_as(algorithm, &stored.id), &stored.sealed)?;
        let signing = SigningKey::from_pkcs8(&pkcs8, algorithm).map_err(|_| unusable())?;
        let signing = signing.with_kid(stored.id.clone());
        let jwk = signing.public_jwk().ok_or_else(unusable)?;
        let verifying = VerifyingKey::from_jwk(&jwk, algorithm).map_err(|_| unusable())?;
        Ok(Self {
            stored: stored.clone(),
            public: Arc::new(signing.public_jwk_value().ok_or_else(unusable)?),
            signing: Arc::new(signing),
            verifying: Arc::new(verifying),
        })
    }

    /// Its algorithm.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.signing.algorithm()
    }

    /// Where it is in its life.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> KeyState {
        KeyState::of(&self.stored, now)
    }
}

/// Under which name a private key is sealed: it can take no other key's place, and no other algorithm.
pub(crate) fn sealed_as(algorithm: Algorithm, kid: &KeyId) -> String {
    format!("signing-key/{algorithm}/{kid}")
}

/// A key is in the set as soon as it is known, even if this node's clock is behind the one that published it.
fn sets(keys: &[Key], for_encryption: Option<&Value>, max_age: Duration) -> Vec<(Timestamp, Jwks)> {
    let mut starts: Vec<_> = keys.iter().filter_map(|key| key.stored.removed_at).collect();
    starts.push(Timestamp::from_micros(i64::MIN));
    starts.sort_unstable();
    starts.dedup();
    let at = |start: Timestamp| {
        let published = keys.iter().filter(|key| key.state(start) != KeyState::Retired);
        let published = published.map(|key| &*key.public).chain(for_encryption);
        Jwks::of(&published.collect::<Vec<_>>(), max_age)
    };
    starts.into_iter().map(|start| (start, at(start))).collect()
}

impl Jwks {
    fn of(keys: &[&Value], max_age: Duration) -> Self {
        Self {
            body: json!({ "keys": keys }).to_string().into_bytes().into(),
            max_age,
            cache_control: format!("public, max-age={}", max_age.as_secs()).into(),
        }
    }
}
