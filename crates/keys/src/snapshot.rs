//! The keys as they are now: what the hot path reads, without a lock.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use countersign_jose::{Algorithm, Jwk, SigningKey, VerifyingKey};
use countersign_model::{KeyId, Timestamp};
use serde_json::json;

use crate::error::KeysError;
use crate::life::KeyState;
use crate::master::MasterKey;
use crate::ports::StoredKey;

/// One key, opened.
pub struct Key {
    /// Its times and its public half.
    pub stored: StoredKey,
    signing: SigningKey,
    verifying: Arc<VerifyingKey>,
}

/// Every key that has not been removed.
#[derive(Default)]
pub struct Keys {
    keys: Vec<Key>,
    generation: u64,
    document: ArcSwapOption<Document>,
}

/// A rendered key set, and from when to when it is true.
struct Document {
    from: Timestamp,
    until: Timestamp,
    json: Arc<[u8]>,
}

impl Keys {
    pub(crate) fn open(
        stored: Vec<StoredKey>,
        master: &MasterKey,
        generation: u64,
    ) -> Result<Self, KeysError> {
        let keys = stored.into_iter().map(|stored| Key::open(stored, master)).collect::<Result<_, _>>()?;
        Ok(Self { keys, generation, document: ArcSwapOption::empty() })
    }

    /// A number that differs whenever the set does.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// Every key, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter()
    }

    /// The key that signs with this algorithm now: the one that became active last.
    #[must_use]
    pub fn signer(&self, algorithm: Algorithm, now: Timestamp) -> Option<&SigningKey> {
        self.keys
            .iter()
            .filter(|key| key.algorithm() == algorithm && key.state(now) == KeyState::Active)
            .max_by_key(|key| key.stored.active_from)
            .map(|key| &key.signing)
    }

    /// The published key of this name: one that has signed, signs, or is about to.
    #[must_use]
    pub fn verifier(&self, kid: &str, now: Timestamp) -> Option<&Arc<VerifyingKey>> {
        let key = self.keys.iter().find(|key| key.stored.id.as_str() == kid)?;
        key.is_published(now).then_some(&key.verifying)
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

    /// The published keys as a JWK Set (RFC 7517 §5) in JSON. Rendered once between two changes.
    #[must_use]
    pub fn jwks(&self, now: Timestamp) -> Arc<[u8]> {
        if let Some(document) = &*self.document.load()
            && document.from <= now
            && now < document.until
        {
            return Arc::clone(&document.json);
        }
        let document = self.render(now);
        let json = Arc::clone(&document.json);
        self.document.store(Some(Arc::new(document)));
        json
    }

    fn render(&self, now: Timestamp) -> Document {
        let published: Vec<_> =
            self.keys.iter().filter(|key| key.is_published(now)).map(|key| &key.stored.public_jwk).collect();
        let json = serde_json::to_vec(&json!({ "keys": published })).unwrap_or_default();
        let changes = self.keys.iter().flat_map(|key| [Some(key.stored.published_at), key.stored.removed_at]);
        let until = changes.flatten().filter(|change| *change > now).min().unwrap_or(Timestamp::MAX);
        Document { from: now, until, json: json.into() }
    }
}

impl Key {
    fn open(stored: StoredKey, master: &MasterKey) -> Result<Self, KeysError> {
        let unusable = || KeysError::Unusable(stored.id.clone());
        let algorithm: Algorithm = stored.algorithm.parse().map_err(|_| unusable())?;
        let pkcs8 = master.open(&sealed_as(&stored.id), &stored.sealed)?;
        let signing = SigningKey::from_pkcs8(&pkcs8, algorithm).map_err(|_| unusable())?;
        let signing = signing.with_kid(stored.id.clone());
        let jwk: Jwk = signing.public_jwk().ok_or_else(unusable)?;
        let verifying = VerifyingKey::from_jwk(&jwk, algorithm).map_err(|_| unusable())?;
        Ok(Self { stored, signing, verifying: Arc::new(verifying) })
    }

    /// Its algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.signing.algorithm()
    }

    /// Where it is in its life.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> KeyState {
        KeyState::of(&self.stored, now)
    }

    fn is_published(&self, now: Timestamp) -> bool {
        self.stored.published_at <= now && self.state(now) != KeyState::Retired
    }
}

/// Under which name a private key is sealed.
pub(crate) fn sealed_as(kid: &KeyId) -> String {
    format!("signing-key/{kid}")
}
