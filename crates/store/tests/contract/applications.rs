use countersign_model::*;
use countersign_oauth::ports::{AccessTokens as _, Applications as _, Clients as _, Registered};

use crate::fresh::Fresh;
use crate::samples::*;

contract!(counted_for_each_person, of_many_at_once_no_more_are_kept, changed_by_one, deleted_by_its_owner);

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
