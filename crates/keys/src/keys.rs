//! The keys as they are used: parsed, immutable, swapped as a whole. Nothing here waits or locks.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use countersign_jose::{Algorithm, SigningKey, VerifyingKey};
use countersign_model::{KeyId, Timestamp};
use serde_json::{Value, json};

use crate::error::KeysError;
use crate::master::MasterKey;
use crate::policy::Policy;
use crate::ports::StoredKey;
use crate::state::order;

/// The JWK Set of a time, ready to be sent (RFC 7517 §5).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Jwks {
    /// The document.
    pub body: Arc<[u8]>,
    /// How long it may be cached.
    pub max_age: Duration,
    /// The value of `Cache-Control` that says so (RFC 9111 §5.2.2).
    pub cache_control: Arc<str>,
}

/// All keys of one moment, parsed.
pub struct Keys {
    default: Option<Algorithm>,
    stored: Vec<StoredKey>,
    by_id: HashMap<Box<str>, Loaded>,
    /// Of each algorithm, those that sign at some time: latest first.
    signers: Vec<(Algorithm, Vec<Signer>)>,
    /// The JWK Set from each moment at which it changes on.
    sets: Vec<(Timestamp, Jwks)>,
}

#[derive(Clone)]
struct Loaded {
    sealed: Vec<u8>,
    signing: Arc<SigningKey>,
    verifying: Arc<VerifyingKey>,
    public: Arc<Value>,
    removed_at: Option<Timestamp>,
}

struct Signer {
    active_from: Timestamp,
    retired_at: Option<Timestamp>,
    key: Arc<SigningKey>,
}

/// Under which name a private key is sealed: it can't take another's place, nor another algorithm.
pub(crate) fn sealed_as(algorithm: &str, id: &KeyId) -> String {
    format!("signing-key/{algorithm}/{id}")
}

impl Keys {
    pub(crate) fn empty() -> Self {
        Self {
            default: None,
            stored: Vec::new(),
            by_id: HashMap::new(),
            signers: Vec::new(),
            sets: Vec::new(),
        }
    }

    /// Opens and parses what the store holds; what `before` has parsed already is not parsed again.
    pub(crate) fn load(
        mut stored: Vec<StoredKey>,
        before: &Self,
        master: &MasterKey,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Self, KeysError> {
        stored.sort_by(|a, b| order(a).cmp(&order(b)));
        let mut by_id = HashMap::new();
        let mut signers: Vec<(Algorithm, Vec<Signer>)> =
            policy.algorithms.iter().map(|algorithm| (*algorithm, Vec::new())).collect();
        for key in &stored {
            if key.removed_at.is_some_and(|removed_at| removed_at <= now) {
                continue;
            }
            let loaded = match before.by_id.get(key.id.as_str()) {
                Some(loaded) if loaded.sealed == key.sealed => {
                    Loaded { removed_at: key.removed_at, ..loaded.clone() }
                }
                _ => Loaded::open(key, master)?,
            };
            let algorithm = loaded.signing.algorithm();
            if let Some((_, signers)) = signers.iter_mut().find(|(own, _)| *own == algorithm) {
                signers.push(Signer {
                    active_from: key.active_from,
                    retired_at: key.retired_at,
                    key: Arc::clone(&loaded.signing),
                });
            }
            by_id.insert(Box::from(key.id.as_str()), loaded);
        }
        let sets = sets(&stored, &by_id, policy.cache_life());
        Ok(Self { default: policy.algorithms.first().copied(), stored, by_id, signers, sets })
    }

    /// The algorithm that signs where nothing else is asked for.
    #[must_use]
    pub const fn default_algorithm(&self) -> Option<Algorithm> {
        self.default
    }

    /// The configured algorithms, the default first.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> + '_ {
        self.signers.iter().map(|(algorithm, _)| *algorithm)
    }

    /// The key that signs with this algorithm at this time.
    #[must_use]
    pub fn signer(&self, algorithm: Algorithm, now: Timestamp) -> Option<&SigningKey> {
        let (_, signers) = self.signers.iter().find(|(own, _)| *own == algorithm)?;
        let signs = |signer: &&Signer| {
            signer.active_from <= now && signer.retired_at.is_none_or(|retired_at| now < retired_at)
        };
        signers.iter().find(signs).map(|signer| &*signer.key)
    }

    /// The key that verifies signatures under this `kid`, unless its last token has expired.
    #[must_use]
    pub fn verifier(&self, kid: &str, now: Timestamp) -> Option<&Arc<VerifyingKey>> {
        let loaded = self.by_id.get(kid)?;
        loaded.removed_at.is_none_or(|removed_at| now < removed_at).then_some(&loaded.verifying)
    }

    /// The JWK Set at this time.
    #[must_use]
    pub fn jwks(&self, now: Timestamp) -> Jwks {
        let after = self.sets.partition_point(|(from, _)| *from <= now);
        let set = after.checked_sub(1).and_then(|at| self.sets.get(at));
        set.map_or_else(|| Jwks::of(&[], Duration::ZERO), |(_, set)| set.clone())
    }

    pub(crate) fn stored(&self) -> &[StoredKey] {
        &self.stored
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.stored.iter().map(|key| &key.id)).finish()
    }
}

impl Loaded {
    /// The public half is taken from the private key, not from the JWK beside it: whoever can write to the database but
    /// has no master key can't slip in a key of his own.
    fn open(key: &StoredKey, master: &MasterKey) -> Result<Self, KeysError> {
        let unusable = || KeysError::Unusable(key.id.clone());
        let algorithm: Algorithm = key.algorithm.parse().map_err(|_| unusable())?;
        let pkcs8 = master.open(&sealed_as(&key.algorithm, &key.id), &key.sealed)?;
        let signing = SigningKey::from_pkcs8(&pkcs8, algorithm).map_err(|_| unusable())?;
        let signing = signing.with_kid(key.id.clone());
        let jwk = signing.public_jwk().ok_or_else(unusable)?;
        let verifying = VerifyingKey::from_jwk(&jwk, algorithm).map_err(|_| unusable())?;
        Ok(Self {
            sealed: key.sealed.clone(),
            public: Arc::new(signing.public_jwk_value().ok_or_else(unusable)?),
            signing: Arc::new(signing),
            verifying: Arc::new(verifying),
            removed_at: key.removed_at,
        })
    }
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

/// A key is in the set as soon as it is known, even if this node's clock is behind the one that published it.
fn sets(
    stored: &[StoredKey],
    by_id: &HashMap<Box<str>, Loaded>,
    max_age: Duration,
) -> Vec<(Timestamp, Jwks)> {
    let mut starts: Vec<_> = stored.iter().filter_map(|key| key.removed_at).collect();
    starts.push(Timestamp::from_micros(i64::MIN));
    starts.sort_unstable();
    starts.dedup();
    let set_at = |start: Timestamp| {
        let published =
            stored.iter().filter(|key| key.removed_at.is_none_or(|removed_at| start < removed_at));
        let keys: Vec<&Value> =
            published.filter_map(|key| by_id.get(key.id.as_str())).map(|loaded| &*loaded.public).collect();
        Jwks::of(&keys, max_age)
    };
    starts.into_iter().map(|start| (start, set_at(start))).collect()
}
