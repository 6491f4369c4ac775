use countersign_access::ports::{ApiKeys as _, Change, RevocationList as _};
use countersign_model::*;
use countersign_oauth::ports::{AccessTokens as _, Applications as _, Clients as _, Registered};
use countersign_store::Announcement;

use crate::fresh::{Fresh, next};
use crate::samples::*;

contract!(
    counted_for_each_person,
    of_many_at_once_no_more_are_kept,
    changed_by_one,
    deleted_by_its_owner,
    stopped_with_its_owner
);

fn owned(id: &str, owner: &User) -> Client {
    Client { owner: Some(owner.id.clone()), ..client(id) }
}

async fn counted_for_each_person(fresh: Fresh) {
    let store = fresh.open().await;
    let (ada, eve) = (user("ada"), user("eve"));
    store.create_user(&ada).await.unwrap();
    store.create_user(&eve).await.unwrap();
    let keep =
        async |id: &str, who: &User| store.register_application(&owned(id, who), &who.id, 2).await.unwrap();
    assert_eq!(keep("a", &ada).await, Registered::Kept);
    assert_eq!(keep("b", &ada).await, Registered::Kept);
    assert_eq!(keep("c", &ada).await, Registered::Full);
    assert_eq!(keep("d", &eve).await, Registered::Kept);
    let of = async |who: &User| {
        let all = store.applications(&who.id).await.unwrap();
        all.iter().map(|client| client.client_id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!((of(&ada).await, of(&eve).await), (vec!["a".to_owned(), "b".into()], vec!["d".to_owned()]));
}

async fn of_many_at_once_no_more_are_kept(fresh: Fresh) {
    let store = fresh.open().await;
    let ada = user("ada");
    store.create_user(&ada).await.unwrap();
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let (store, client, owner) =
                (store.clone(), owned(&format!("app{number}"), &ada), ada.id.clone());
            tokio::spawn(async move { store.register_application(&client, &owner, 3).await.unwrap() })
        })
        .collect();
    let mut kept = 0;
    for task in tasks {
        kept += u32::from(task.await.unwrap() == Registered::Kept);
    }
    assert_eq!((kept, store.applications(&ada.id).await.unwrap().len()), (3, 3));
}

async fn changed_by_one(fresh: Fresh) {
    let store = fresh.open().await;
    let ada = user("ada");
    store.create_user(&ada).await.unwrap();
    let before = owned("app", &ada);
    store.register_application(&before, &ada.id, 1).await.unwrap();
    let after = Client { client_name: "Another".into(), ..before.clone() };
    assert!(store.change_application(&before, &after, at(1)).await.unwrap());
    assert!(!store.change_application(&before, &after, at(2)).await.unwrap(), "it is no longer what it was");
    let known = store.client(&before.client_id).await.unwrap().unwrap();
    assert_eq!(*known, after);
    // The operator's own changes keep its owner.
    store.set_client_status(&before.client_id, ClientStatus::Disabled, at(3)).await.unwrap();
    assert_eq!(store.applications(&ada.id).await.unwrap().len(), 1);
}

async fn deleted_by_its_owner(fresh: Fresh) {
    let store = fresh.open().await;
    let (ada, eve) = (user("ada"), user("eve"));
    store.create_user(&ada).await.unwrap();
    store.create_user(&eve).await.unwrap();
    let app = owned("app", &ada);
    store.register_application(&app, &ada.id, 1).await.unwrap();
    let token = access("tok", &app.client_id, None);
    store.record_issuance(&token, None).await.unwrap();
    assert!(!store.delete_application(&app.client_id, &eve.id, at(1)).await.unwrap());
    assert!(store.delete_application(&app.client_id, &ada.id, at(1)).await.unwrap());
    assert!(!store.delete_application(&app.client_id, &ada.id, at(1)).await.unwrap());
    assert!(!store.access_token(&token.id).await.unwrap().unwrap().is_live);
    assert_eq!(store.applications(&ada.id).await.unwrap().len(), 0);
}

async fn stopped_with_its_owner(fresh: Fresh) {
    let store = fresh.open().await;
    let ada = user("ada");
    store.create_user(&ada).await.unwrap();
    let (app, ours) = (owned("app", &ada), client("ours"));
    store.register_application(&app, &ada.id, 1).await.unwrap();
    store.create_client(&ours).await.unwrap();
    let token = access("tok", &app.client_id, None);
    store.record_issuance(&token, None).await.unwrap();
    let key = api_key("k", app.client_id.as_str());
    store.create_api_key(&key).await.unwrap();
    let mut changes = store.subscribe();
    for (status, works) in [(UserStatus::Disabled, false), (UserStatus::Enabled, true)] {
        store.set_user_status(&ada.id, status, at(1)).await.unwrap();
        for told in [
            Change::ApiKey(key.hash),
            Change::Client(app.client_id.clone()),
            Change::User(ada.id.clone(), ada.username.clone()),
        ] {
            assert_eq!(next(&mut changes).await, Announcement::Change(told), "{status:?}");
        }
        assert_eq!(store.client(&app.client_id).await.unwrap().unwrap().is_enabled(), works);
        assert_eq!(store.clients(None, 9).await.unwrap()[0].is_enabled(), works);
        assert_eq!(store.client_is_enabled(&app.client_id).await.unwrap(), works);
        assert_eq!(store.access_token(&token.id).await.unwrap().unwrap().is_live, works);
        assert_eq!(store.api_key(&key.hash).await.unwrap().unwrap().status == ApiKeyStatus::Active, works);
        let disabled = store.revocations(at(1)).await.unwrap().disabled_clients;
        assert_eq!(disabled, if works { vec![] } else { vec![app.client_id.clone()] });
        // Nobody else's.
        assert!(store.client(&ours.client_id).await.unwrap().unwrap().is_enabled());
    }
    // Whoever changes it meanwhile does not keep it disabled for good.
    store.set_user_status(&ada.id, UserStatus::Disabled, at(2)).await.unwrap();
    let stopped = store.client(&app.client_id).await.unwrap().unwrap();
    assert!(store.change_client(&stopped, &stopped, at(2)).await.unwrap());
    store.set_user_status(&ada.id, UserStatus::Enabled, at(2)).await.unwrap();
    assert!(store.client(&app.client_id).await.unwrap().unwrap().is_enabled());
}
