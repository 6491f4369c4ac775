//! The key ring as the engine's keys.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use countersign_jose::Algorithm;
use countersign_keys::ports::{SigningKeys, StoredKey, Unavailable};
use countersign_keys::{KeyRing, MasterKey, Policy};
use countersign_model::{Clock, Env, KeyId, SystemRng, Timestamp};
use countersign_oauth::TokenKeys;

#[derive(Default)]
struct Kept {
    keys: Vec<StoredKey>,
    sealed: HashMap<String, Vec<u8>>,
}

#[derive(Clone, Default)]
struct KeyStore(Arc<Mutex<Kept>>);

impl KeyStore {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap()
    }
}

impl SigningKeys for KeyStore {
    async fn signing_keys(&self) -> Result<Vec<StoredKey>, Unavailable> {
        Ok(self.kept().keys.clone())
    }

    async fn introduce_signing_key(
        &self,
        key: &StoredKey,
        _seen: Option<&KeyId>,
        _predecessors_retire_at: Timestamp,
        _predecessors_removed_at: Timestamp,
    ) -> Result<bool, Unavailable> {
        self.kept().keys.push(key.clone());
        Ok(true)
    }

    async fn retire_signing_key(
        &self,
        id: &KeyId,
        retired_at: Timestamp,
        removed_at: Timestamp,
    ) -> Result<bool, Unavailable> {
        for key in self.kept().keys.iter_mut().filter(|key| key.id == *id) {
            (key.retired_at, key.removed_at) = (Some(retired_at), Some(removed_at));
        }
        Ok(true)
    }

    async fn sealed(&self, name: &str) -> Result<Option<Vec<u8>>, Unavailable> {
        Ok(self.kept().sealed.get(name).cloned())
    }

    async fn keep_sealed(&self, name: &str, sealed: &[u8]) -> Result<Vec<u8>, Unavailable> {
        Ok(self.kept().sealed.entry(name.to_owned()).or_insert_with(|| sealed.to_vec()).clone())
    }
}

struct Still(Timestamp);

impl Clock for Still {
    fn now(&self) -> Timestamp {
        self.0
    }
}

#[tokio::test]
async fn what_it_signs_it_verifies_as_long_as_the_key_is_published() {
    let now = Timestamp::from_seconds(1_800_000_000);
    let env = Env { clock: Arc::new(Still(now)), rng: Arc::new(SystemRng) };
    let store = KeyStore::default();
    let master = MasterKey::generate(&SystemRng).unwrap();
    let policy = Policy { algorithms: vec![Algorithm::EdDSA, Algorithm::ES256], ..Policy::default() };
    let ring = KeyRing::open(store.clone(), master, env, policy).await.unwrap();
    assert_eq!(TokenKeys::algorithms(&ring), [Algorithm::EdDSA, Algorithm::ES256]);

    let token = ring.sign("at+jwt", b"{\"a\":1}", None, now).unwrap();
    let signed = ring.verify("at+jwt", &token, now).unwrap();
    assert_eq!((signed.payload.as_slice(), ring.is_trusted(&signed.kid, now)), (&b"{\"a\":1}"[..], true));
    assert!(ring.verify("JWT", &token, now).is_none(), "a token of another kind");
    assert!(ring.verify("at+jwt", &token[..token.len() - 2], now).is_none());
    let set: serde_json::Value = serde_json::from_slice(&ring.jwks(now).body).unwrap();
    assert_eq!(set["keys"].as_array().unwrap().len(), 3, "two that sign, one to encrypt to");

    store.retire_signing_key(&KeyId::from(&*signed.kid), now, now).await.unwrap();
    ring.reload().await.unwrap();
    assert!(ring.verify("at+jwt", &token, now).is_none() && !ring.is_trusted(&signed.kid, now));
    assert!(ring.sign("at+jwt", b"{}", None, now).is_err(), "nothing is signed by a key that is gone");
}
