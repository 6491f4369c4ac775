use countersign_model::*;
use countersign_oauth::ports::{AccessTokens as _, Clients as _, Grants as _};
use countersign_store::StoreError;

use crate::fresh::Fresh;
use crate::samples::*;

contract!(kept_as_given, a_change_brings_nothing_back, disabled_and_enabled, deleted_with_all_it_holds);

async fn kept_as_given(fresh: Fresh) {
    let store = fresh.open().await;
    let app = Client { jwks: Some(serde_json::json!({ "keys": [] })), ..client("app") };
    store.create_client(&app).await.unwrap();
    assert_eq!(store.client(&app.client_id).await.unwrap().as_deref(), Some(&app));
    assert!(store.client(&ClientId::new("other")).await.unwrap().is_none());
    assert!(matches!(store.create_client(&app).await, Err(StoreError::AlreadyExists { .. })));
    let changed = Client { client_name: "Renamed".into(), ..app.clone() };
    assert!(store.change_client(&app, &changed, at(1)).await.unwrap());
    assert_eq!(store.client(&app.client_id).await.unwrap().as_deref(), Some(&changed));
    assert!(!store.change_client(&client("other"), &client("other"), at(1)).await.unwrap());
    store.create_client(&client("zoo")).await.unwrap();
    let list = store.clients(Some(&app.client_id), 10).await.unwrap();
    assert_eq!(list, [client("zoo")]);
}

/// Who looked before a secret was ended does not bring it back.
async fn a_change_brings_nothing_back(fresh: Fresh) {
    let store = fresh.open().await;
    let (old, new) = (TokenHash::of(b"old"), TokenHash::of(b"new"));
    let before = Client { secrets: vec![new, old], ..client("app") };
    store.create_client(&before).await.unwrap();
    let ended = Client { secrets: vec![new], ..before.clone() };
    assert!(store.change_client(&before, &ended, at(1)).await.unwrap());
    let late = Client { client_name: "Renamed".into(), ..before.clone() };
    assert!(!store.change_client(&before, &late, at(2)).await.unwrap());
    assert_eq!(store.client(&before.client_id).await.unwrap().as_deref(), Some(&ended));
}

async fn disabled_and_enabled(fresh: Fresh) {
    let store = fresh.open().await;
    let (_, app, grant) = with_grant(&store).await;
    let token = access("tok_1", &app.client_id, Some(&grant));
    store.record_issuance(&token, None).await.unwrap();
    assert!(store.set_client_status(&app.client_id, ClientStatus::Disabled, at(1)).await.unwrap());
    assert!(!store.client(&app.client_id).await.unwrap().unwrap().is_enabled());
    assert!(!store.access_token(&token.id).await.unwrap().unwrap().is_live);
    assert!(store.set_client_status(&app.client_id, ClientStatus::Enabled, at(2)).await.unwrap());
    assert!(store.access_token(&token.id).await.unwrap().unwrap().is_live);
    assert!(!store.set_client_status(&ClientId::new("x"), ClientStatus::Enabled, at(2)).await.unwrap());
}

async fn deleted_with_all_it_holds(fresh: Fresh) {
    let store = fresh.open().await;
    let (ada, app, grant) = with_grant(&store).await;
    let (own, given) =
        (access("tok_own", &app.client_id, None), access("tok_given", &app.client_id, Some(&grant)));
    store.record_issuance(&own, None).await.unwrap();
    store.record_issuance(&given, None).await.unwrap();
    store.remember_consent(&ada.id, &app.client_id, &agreed("read"), at(0)).await.unwrap();
    assert!(store.delete_client(&app.client_id, at(5)).await.unwrap());
    assert!(!store.delete_client(&app.client_id, at(5)).await.unwrap());
    assert!(store.client(&app.client_id).await.unwrap().is_none());
    assert_eq!(store.grant(&grant.id).await.unwrap().unwrap().revoked_at, Some(at(5)));
    assert_eq!(store.consent(&ada.id, &app.client_id).await.unwrap(), None);
    // A later client of the same name does not inherit them.
    store.create_client(&app).await.unwrap();
    for token in [own, given] {
        assert!(!store.access_token(&token.id).await.unwrap().unwrap().is_live);
    }
}
