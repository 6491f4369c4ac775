use countersign_access::ports::{ApiKeys as _, KeyUse as _};
use countersign_model::*;
use countersign_store::{ApiKeyUse, ListedApiKey, StoreError};

use crate::fresh::Fresh;
use crate::samples::*;

contract!(kept_as_given, listed, revoked, stops_with_its_owner, last_use_is_noted);

async fn kept_as_given(fresh: Fresh) {
    let store = fresh.open().await;
    let key = api_key("one", "somebody");
    store.create_api_key(&key).await.unwrap();
    assert_eq!(store.api_key(&key.hash).await.unwrap().as_deref(), Some(&key));
    assert!(store.api_key(&hash("other")).await.unwrap().is_none());
    assert!(matches!(store.create_api_key(&key).await, Err(StoreError::AlreadyExists { .. })));
    let free = ApiKey {
        addresses: AddressList::default(),
        requests_per_minute: None,
        expires_at: None,
        ..api_key("two", "x")
    };
    store.create_api_key(&free).await.unwrap();
    assert_eq!(store.api_key(&free.hash).await.unwrap().as_deref(), Some(&free));
}

async fn listed(fresh: Fresh) {
    let store = fresh.open().await;
    for (name, owner) in [("a", "ada"), ("b", "bob"), ("c", "ada")] {
        store.create_api_key(&api_key(name, owner)).await.unwrap();
    }
    let names = |keys: Vec<ListedApiKey>| keys.into_iter().map(|listed| listed.key.name).collect::<Vec<_>>();
    assert_eq!(names(store.api_keys(None, None, 2).await.unwrap()), ["a", "b"]);
    assert_eq!(names(store.api_keys(None, Some(&ApiKeyId::new("key_b")), 2).await.unwrap()), ["c"]);
    let ada = Subject::new("ada");
    assert_eq!(names(store.api_keys(Some(&ada), None, 9).await.unwrap()), ["a", "c"]);
}

async fn revoked(fresh: Fresh) {
    let store = fresh.open().await;
    let key = api_key("one", "x");
    store.create_api_key(&key).await.unwrap();
    assert!(store.revoke_api_key(&key.id, at(1)).await.unwrap());
    assert!(store.revoke_api_key(&key.id, at(1)).await.unwrap());
    assert!(!store.revoke_api_key(&ApiKeyId::new("x"), at(1)).await.unwrap());
    assert_eq!(store.api_key(&key.hash).await.unwrap().unwrap().status, ApiKeyStatus::Revoked);
}

async fn stops_with_its_owner(fresh: Fresh) {
    let store = fresh.open().await;
    let (ada, app) = (user("ada"), client("app"));
    store.create_user(&ada).await.unwrap();
    store.create_client(&app).await.unwrap();
    let (of_user, of_client) = (api_key("u", ada.id.as_str()), api_key("c", app.client_id.as_str()));
    store.create_api_key(&of_user).await.unwrap();
    store.create_api_key(&of_client).await.unwrap();
    store.set_user_status(&ada.id, UserStatus::Disabled, at(1)).await.unwrap();
    store.set_client_status(&app.client_id, ClientStatus::Disabled, at(1)).await.unwrap();
    for key in [&of_user, &of_client] {
        assert_eq!(store.api_key(&key.hash).await.unwrap().unwrap().status, ApiKeyStatus::Revoked);
        // The key itself is as it was.
        let listed = store.api_key_by_id(&key.id).await.unwrap().unwrap();
        assert_eq!(listed.key.status, ApiKeyStatus::Active);
    }
    store.set_user_status(&ada.id, UserStatus::Enabled, at(2)).await.unwrap();
    assert_eq!(store.api_key(&of_user.hash).await.unwrap().unwrap().status, ApiKeyStatus::Active);
}

async fn last_use_is_noted(fresh: Fresh) {
    let store = fresh.open().await;
    let (key, other) = (api_key("one", "x"), api_key("two", "x"));
    store.create_api_key(&key).await.unwrap();
    store.create_api_key(&other).await.unwrap();
    let (near, far) = ("127.0.0.1".parse().unwrap(), "2001:db8::7".parse().unwrap());
    store.note_api_key_use(&key.id, at(10), far, Some("orders"));
    store.note_api_key_use(&key.id, at(5), near, None);
    store.used(&std::sync::Arc::new(other.clone()), near, at(7));
    store.note_api_key_use(&ApiKeyId::new("gone"), at(10), near, None);
    store.write_api_key_uses().await.unwrap();
    // An older use of another node does not take its place.
    store.note_api_key_use(&key.id, at(6), near, None);
    store.close().await;
    let store = fresh.open().await;
    let used = store.api_key_by_id(&key.id).await.unwrap().unwrap().last_use;
    assert_eq!(used, Some(ApiKeyUse { at: at(10), address: far, route: Some("orders".into()) }));
    let used = store.api_keys(None, None, 9).await.unwrap().pop().unwrap().last_use;
    assert_eq!(used, Some(ApiKeyUse { at: at(7), address: near, route: None }));
}
