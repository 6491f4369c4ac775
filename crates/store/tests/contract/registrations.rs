use std::sync::Arc;
use std::time::Duration;

use countersign_model::*;
use countersign_oauth::ports::{
    AccessTokens as _, Clients as _, DocumentedClient, NewRegistration, Registered, Registrations as _,
};
use countersign_store::{RegistrationToken, Store};

use crate::fresh::Fresh;
use crate::samples::*;

contract!(
    a_token_registers_as_many_as_it_may,
    tokens_end_and_are_withdrawn,
    there_may_be_so_many_and_no_more,
    a_registration_is_replaced_by_whoever_has_its_token,
    of_many_who_replace_one_wins,
    deleted_with_all_it_holds,
    unused_ones_are_removed_in_small_steps,
    documents_keep_what_the_operator_said,
);

fn registration(id: &str, initial: Option<&str>) -> NewRegistration {
    NewRegistration {
        client: Arc::new(Client { origin: ClientOrigin::Registration, ..client(id) }),
        token: hash(id),
        initial: initial.map(hash),
        most_clients: 1_000,
        expires_at: at(1_000),
        now: at(1),
    }
}

fn documented(id: &str, name: &str) -> DocumentedClient {
    let origin = ClientOrigin::MetadataDocument { fresh_until: at(60) };
    let client = Client { origin, client_name: name.to_owned(), ..client(id) };
    DocumentedClient { client, most_clients: 2, expires_at: at(100), now: at(1) }
}

async fn token(
    store: &Store,
    name: &str,
    most_uses: Option<u32>,
    expires_at: Option<Timestamp>,
) -> RegistrationToken {
    let token = RegistrationToken {
        id: RegistrationTokenId::new(name),
        name: format!("for {name}"),
        uses: 0,
        most_uses,
        created_at: at(0),
        expires_at,
    };
    store.create_registration_token(&token, hash(name)).await.unwrap();
    token
}

async fn a_token_registers_as_many_as_it_may(fresh: Fresh) {
    let store = fresh.open().await;
    token(&store, "three", Some(3), None).await;
    let attempts = (0..40).map(|n| {
        let store = store.clone();
        tokio::spawn(async move {
            store.register_client(registration(&format!("c{n:02}"), Some("three"))).await.unwrap()
        })
    });
    let mut kept = 0;
    for attempt in attempts.collect::<Vec<_>>() {
        match attempt.await.unwrap() {
            Registered::Kept => kept += 1,
            Registered::TokenSpent => {}
            Registered::Full => panic!("it is not full"),
        }
    }
    assert_eq!(kept, 3);
    assert_eq!(store.clients(None, 100).await.unwrap().len(), 3, "whoever got no use left nothing behind");
    assert_eq!(store.registration_tokens().await.unwrap()[0].uses, 3);
    assert!(!store.initial_access_token_counts(&hash("three"), at(1)).await.unwrap());
}

async fn tokens_end_and_are_withdrawn(fresh: Fresh) {
    let store = fresh.open().await;
    let short = token(&store, "short", None, Some(at(10))).await;
    let long = token(&store, "long", None, None).await;
    assert_eq!(store.registration_tokens().await.unwrap(), [long.clone(), short]);
    assert!(store.initial_access_token_counts(&hash("short"), at(9)).await.unwrap());
    assert!(!store.initial_access_token_counts(&hash("short"), at(10)).await.unwrap());
    let late = NewRegistration { now: at(10), ..registration("a", Some("short")) };
    assert_eq!(store.register_client(late).await.unwrap(), Registered::TokenSpent);
    assert_eq!(store.register_client(registration("a", Some("long"))).await.unwrap(), Registered::Kept);
    assert!(store.delete_registration_token(&long.id).await.unwrap());
    assert!(!store.delete_registration_token(&long.id).await.unwrap());
    assert_eq!(store.register_client(registration("b", Some("long"))).await.unwrap(), Registered::TokenSpent);
    assert!(!store.initial_access_token_counts(&hash("unknown"), at(1)).await.unwrap());
    assert_eq!(store.purge(at(11), 10).await.unwrap(), 1, "what has ended is removed");
    assert!(store.registration_tokens().await.unwrap().is_empty());
}

async fn there_may_be_so_many_and_no_more(fresh: Fresh) {
    let store = fresh.open().await;
    token(&store, "any", Some(5), None).await;
    let few = |id| NewRegistration { most_clients: 2, ..registration(id, Some("any")) };
    for (id, outcome) in [("a", Registered::Kept), ("b", Registered::Kept), ("c", Registered::Full)] {
        assert_eq!(store.register_client(few(id)).await.unwrap(), outcome, "{id}");
    }
    assert_eq!(
        store.registration_tokens().await.unwrap()[0].uses,
        2,
        "no use is counted where there was no room"
    );
    assert!(store.keep_documented_client(documented("https://a.example/c", "A")).await.unwrap().is_none());
}

async fn a_registration_is_replaced_by_whoever_has_its_token(fresh: Fresh) {
    let store = fresh.open().await;
    store.register_client(registration("app", None)).await.unwrap();
    let id = ClientId::new("app");
    assert_eq!(store.registration_token(&id).await.unwrap(), Some(hash("app")));
    let renamed = Client { client_name: "Renamed".into(), ..(*registration("app", None).client).clone() };
    let replace = |presented: &str, next: &str| {
        let (store, renamed, presented, next) = (store.clone(), renamed.clone(), hash(presented), hash(next));
        async move { store.replace_registration(&presented, &renamed, &next, at(2)).await.unwrap() }
    };
    assert!(!replace("other", "next").await);
    assert_ne!(store.client(&id).await.unwrap().unwrap().client_name, "Renamed");
    assert!(replace("app", "next").await);
    assert_eq!(store.client(&id).await.unwrap().unwrap().client_name, "Renamed");
    assert!(!replace("app", "again").await, "the token was spent");
    assert_eq!(store.registration_token(&id).await.unwrap(), Some(hash("next")));
    assert_eq!(store.registration_token(&ClientId::new("none")).await.unwrap(), None);
}

async fn of_many_who_replace_one_wins(fresh: Fresh) {
    let store = fresh.open().await;
    store.register_client(registration("app", None)).await.unwrap();
    let client = registration("app", None).client;
    let attempts = (0..40).map(|n| {
        let (store, client) = (store.clone(), client.clone());
        tokio::spawn(async move {
            store
                .replace_registration(&hash("app"), &client, &hash(&format!("next{n}")), at(2))
                .await
                .unwrap()
        })
    });
    let mut won = 0;
    for attempt in attempts.collect::<Vec<_>>() {
        won += u32::from(attempt.await.unwrap());
    }
    assert_eq!(won, 1);
}

async fn deleted_with_all_it_holds(fresh: Fresh) {
    let store = fresh.open().await;
    store.register_client(registration("app", None)).await.unwrap();
    let id = ClientId::new("app");
    let own = access("tok_own", &id, None);
    store.record_issuance(&own, None).await.unwrap();
    assert!(!store.delete_registration(&id, &hash("other"), at(2)).await.unwrap());
    assert!(store.client(&id).await.unwrap().is_some());
    assert!(store.delete_registration(&id, &hash("app"), at(2)).await.unwrap());
    assert!(!store.delete_registration(&id, &hash("app"), at(2)).await.unwrap());
    assert!(store.client(&id).await.unwrap().is_none());
    assert!(!store.access_token(&own.id).await.unwrap().unwrap().is_live);
}

async fn unused_ones_are_removed_in_small_steps(fresh: Fresh) {
    let store = fresh.open().await;
    for id in ["a", "b", "c", "used"] {
        store.register_client(registration(id, None)).await.unwrap();
    }
    store.create_client(&client("operators")).await.unwrap();
    let used = ClientId::new("used");
    store.keep_registration(&used, at(1_000).plus(Duration::from_secs(60))).await.unwrap();
    // Noting an earlier moment takes nothing away.
    store.keep_registration(&used, at(5)).await.unwrap();
    assert_eq!(store.purge(at(999), 2).await.unwrap(), 0);
    assert_eq!(store.purge(at(1_000), 2).await.unwrap(), 2);
    assert_eq!(store.purge(at(1_000), 2).await.unwrap(), 1);
    let left: Vec<String> = store
        .clients(None, 10)
        .await
        .unwrap()
        .into_iter()
        .map(|client| client.client_id.to_string())
        .collect();
    assert_eq!(left, ["operators", "used"]);
}

async fn documents_keep_what_the_operator_said(fresh: Fresh) {
    let store = fresh.open().await;
    let url = "https://a.example/client.json";
    let id = ClientId::new(url);
    let kept = store.keep_documented_client(documented(url, "First")).await.unwrap().unwrap();
    assert_eq!(kept.client_name, "First");
    assert_eq!(store.registration_token(&id).await.unwrap(), None);
    store.set_client_status(&id, ClientStatus::Disabled, at(2)).await.unwrap();
    let later = Client { created_at: at(50), ..documented(url, "Second").client };
    let later = DocumentedClient { client: later, now: at(50), ..documented(url, "Second") };
    let kept = store.keep_documented_client(later).await.unwrap().unwrap();
    assert_eq!((kept.client_name.as_str(), kept.status), ("Second", ClientStatus::Disabled));
    assert_eq!(kept.created_at, at(0), "it was first seen then");
    assert_eq!(store.client(&id).await.unwrap().unwrap(), kept);
    // What the operator took away is not in the document for the store, whatever it says.
    let narrow = |client: &Client| {
        let ceiling = Ceiling { scopes: Some("a".parse().unwrap()), grant_types: None };
        Client { ceiling, ..client.clone() }.within_ceiling()
    };
    let wide = DocumentedClient {
        client: Client { scopes: "a b".parse().unwrap(), ..documented(url, "Third").client },
        ..documented(url, "Third")
    };
    let kept = store.keep_documented_client(wide.clone()).await.unwrap().unwrap();
    assert_eq!(kept.scopes.to_string(), "a b");
    assert!(store.change_client(&kept, &narrow(&kept), at(51)).await.unwrap());
    let kept = store.keep_documented_client(wide).await.unwrap().unwrap();
    assert_eq!((kept.scopes.to_string().as_str(), kept.client_name.as_str()), ("a", "Third"));
    // What the operator registered under that name is his.
    store.create_client(&client("https://b.example/c")).await.unwrap();
    let kept =
        store.keep_documented_client(documented("https://b.example/c", "Mine")).await.unwrap().unwrap();
    assert_eq!(*kept, client("https://b.example/c"));
}
