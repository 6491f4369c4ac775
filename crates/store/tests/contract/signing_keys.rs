use countersign_keys::ports::{SigningKeys as _, StoredKey};
use countersign_model::*;

use crate::fresh::Fresh;
use crate::samples::*;

contract!(introduced_and_retired, one_node_rotates, sealed_things_stay);

fn key(id: &str, algorithm: &str, published: i64) -> StoredKey {
    StoredKey {
        id: KeyId::new(id),
        algorithm: algorithm.into(),
        public_jwk: serde_json::json!({ "kty": "EC", "kid": id }),
        sealed: vec![0, 1, 255],
        published_at: at(published),
        active_from: at(published + 10),
        retired_at: None,
        removed_at: None,
    }
}

async fn introduced_and_retired(fresh: Fresh) {
    let store = fresh.open().await;
    let (first, other) = (key("k1", "ES256", 0), key("r1", "RS256", 0));
    assert!(store.introduce_signing_key(&first, None, at(0), at(0)).await.unwrap());
    assert!(store.introduce_signing_key(&other, None, at(0), at(0)).await.unwrap());
    assert_eq!(store.signing_keys().await.unwrap(), [first.clone(), other.clone()]);
    let second = key("k2", "ES256", 50);
    assert!(store.introduce_signing_key(&second, Some(&first.id), at(60), at(90)).await.unwrap());
    let ended = StoredKey { retired_at: Some(at(60)), removed_at: Some(at(90)), ..first.clone() };
    assert_eq!(store.signing_keys().await.unwrap(), [ended.clone(), other.clone(), second.clone()]);
    // Who has not seen the second is too late.
    assert!(
        !store.introduce_signing_key(&key("k3", "ES256", 55), Some(&first.id), at(1), at(2)).await.unwrap()
    );
    assert!(!store.introduce_signing_key(&key("k3", "ES256", 55), None, at(1), at(2)).await.unwrap());
    // An end that was given stays.
    assert!(
        store.introduce_signing_key(&key("k3", "ES256", 70), Some(&second.id), at(80), at(99)).await.unwrap()
    );
    let keys = store.signing_keys().await.unwrap();
    assert_eq!((&keys[0], keys[2].retired_at, keys.len()), (&ended, Some(at(80)), 4));
    assert!(store.retire_signing_key(&other.id, at(5), at(6)).await.unwrap());
    assert!(!store.retire_signing_key(&KeyId::new("x"), at(5), at(6)).await.unwrap());
    let keys = store.signing_keys().await.unwrap();
    assert_eq!((keys[1].retired_at, keys[1].removed_at), (Some(at(5)), Some(at(6))));
}

async fn one_node_rotates(fresh: Fresh) {
    let (one, two) = (fresh.open().await, fresh.open().await);
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let store = if number % 2 == 0 { &one } else { &two }.clone();
            let key = key(&format!("k{number}"), "ES256", 0);
            tokio::spawn(async move { store.introduce_signing_key(&key, None, at(0), at(0)).await.unwrap() })
        })
        .collect();
    let mut introduced = 0;
    for task in tasks {
        introduced += usize::from(task.await.unwrap());
    }
    assert_eq!(introduced, 1);
    assert_eq!(two.signing_keys().await.unwrap().len(), 1);
}

async fn sealed_things_stay(fresh: Fresh) {
    let store = fresh.open().await;
    assert_eq!(store.sealed("master").await.unwrap(), None);
    assert_eq!(store.keep_sealed("master", b"one").await.unwrap(), b"one");
    assert_eq!(store.keep_sealed("master", b"two").await.unwrap(), b"one");
    assert_eq!(store.sealed("master").await.unwrap(), Some(b"one".to_vec()));
}
