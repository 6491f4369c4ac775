//! Management of registered clients (RFC 7592).

use countersign_model::*;
use countersign_oauth::Error;
use serde_json::{Value, json};

use crate::register::{metadata, open_house, told};
use crate::support::*;

fn unauthorized(error: &Error) {
    assert_eq!((error.status(), error.code()), (401, "invalid_token"), "{error}");
}

/// A client, its name and its token.
async fn registered(house: &House, changes: Value) -> (String, String, Value) {
    let told = told(&house.register(changes).await.unwrap());
    let text = |name: &str| told[name].as_str().unwrap().to_owned();
    (text("client_id"), text("registration_access_token"), told)
}

#[tokio::test]
async fn what_is_read_is_what_was_registered() {
    let house = open_house().await;
    let (id, token, first) = registered(&house, json!({"logo_uri": "https://app.example/l"})).await;
    let read = told(&house.engine.registration(&id, Some(&token)).await.unwrap());
    assert_eq!(read, first);
    let secret = json!({"token_endpoint_auth_method": "client_secret_post"});
    let (id, token, first) = registered(&house, secret).await;
    let read = told(&house.engine.registration(&id, Some(&token)).await.unwrap());
    assert!(
        first["client_secret"].is_string() && read.get("client_secret").is_none(),
        "only its hash is kept"
    );
}

#[tokio::test]
async fn only_with_the_clients_own_token() {
    let house = open_house().await;
    let (id, token, _) = registered(&house, json!({})).await;
    let (other, others, _) = registered(&house, json!({})).await;
    let missing = house.engine.registration(&id, None).await.unwrap_err();
    assert_eq!((missing.status(), missing.challenge()), (401, Some("Bearer")));
    // RFC 7592 §2.1: a client that is not there is a token that does not count.
    for (id, token) in [(id.as_str(), others.as_str()), (&other, &token), ("nobody", &token), (&id, "x")] {
        unauthorized(&house.engine.registration(id, Some(token)).await.unwrap_err());
        unauthorized(&house.engine.delete_registration(id, Some(token)).await.unwrap_err());
        let document = metadata(json!({"client_id": id}));
        unauthorized(&house.engine.replace_registration(id, Some(token), &document).await.unwrap_err());
    }
    // Nor is there anything to manage of a client that the operator registered, or disabled.
    house.client("operators", |_| {});
    unauthorized(&house.engine.registration("operators", Some(&token)).await.unwrap_err());
    let key = ClientId::from(id.as_str());
    let mut disabled = (*house.memory.tables().clients[&key]).clone();
    disabled.status = ClientStatus::Disabled;
    house.memory.tables().clients.insert(key, disabled.into());
    unauthorized(&house.engine.registration(&id, Some(&token)).await.unwrap_err());
}

#[tokio::test]
async fn replacing_replaces_all_of_it_and_the_token() {
    let house = open_house().await;
    let (id, token, _) = registered(&house, json!({"logo_uri": "https://app.example/l"})).await;
    let document = metadata(json!({"client_id": id, "client_name": "Renamed"}));
    let replaced = told(&house.engine.replace_registration(&id, Some(&token), &document).await.unwrap());
    assert_eq!(replaced["client_name"], "Renamed");
    assert!(replaced.get("logo_uri").is_none(), "what is left out is gone");
    let next = replaced["registration_access_token"].as_str().unwrap();
    assert_ne!(next, token);
    unauthorized(&house.engine.registration(&id, Some(&token)).await.unwrap_err());
    assert_eq!(told(&house.engine.registration(&id, Some(next)).await.unwrap()), replaced);
}

#[tokio::test]
async fn a_refused_replacement_changes_nothing() {
    let house = open_house().await;
    let (id, token, first) =
        registered(&house, json!({"token_endpoint_auth_method": "client_secret_basic"})).await;
    let secret = first["client_secret"].as_str().unwrap();
    // RFC 7592 §2.2.
    let cases = [
        json!({}),
        json!({"client_id": "another"}),
        json!({"client_id": id, "client_secret": "of my own choice"}),
        json!({"client_id": id, "registration_access_token": token}),
        json!({"client_id": id, "registration_client_uri": "https://id.example/"}),
        json!({"client_id": id, "client_secret_expires_at": 0}),
        json!({"client_id": id, "client_id_issued_at": 1}),
        json!({"client_id": id, "scope": "admin"}),
        json!({"client_id": id, "grant_types": ["implicit"]}),
    ];
    for changes in cases {
        let error = house.engine.replace_registration(&id, Some(&token), &metadata(changes.clone())).await;
        assert_eq!(error.unwrap_err().code(), "invalid_client_metadata", "{changes}");
    }
    let mut read = first.clone();
    read.as_object_mut().unwrap().remove("client_secret");
    assert_eq!(told(&house.engine.registration(&id, Some(&token)).await.unwrap()), read);
    let same = json!({"client_id": id, "client_secret": secret, "token_endpoint_auth_method": "client_secret_basic"});
    let replaced = house.engine.replace_registration(&id, Some(&token), &metadata(same)).await.unwrap();
    assert!(told(&replaced).get("client_secret").is_none(), "it goes on working");
}

#[tokio::test]
async fn secrets_follow_the_method() {
    let house = open_house().await;
    let (id, token, first) =
        registered(&house, json!({"token_endpoint_auth_method": "client_secret_basic"})).await;
    let key = ClientId::from(id.as_str());
    let to = async |token: &str, method: &str| {
        let document = metadata(json!({"client_id": id, "token_endpoint_auth_method": method}));
        told(&house.engine.replace_registration(&id, Some(token), &document).await.unwrap())
    };
    let public = to(&token, "none").await;
    assert!(public.get("client_secret").is_none() && public.get("client_secret_expires_at").is_none());
    assert!(house.memory.tables().clients[&key].secrets.is_empty());
    let again = to(public["registration_access_token"].as_str().unwrap(), "client_secret_post").await;
    assert!(again["client_secret"].is_string() && again["client_secret"] != first["client_secret"]);
}

#[tokio::test]
async fn deleting_ends_everything() {
    let house = open_house().await;
    let (id, token, _) = registered(&house, json!({})).await;
    let code = house.code(&request(&id, &[])).await;
    let tokens = house.token_public(&id, &redemption(&code)).await.unwrap();
    house.client("gateway", |client| client.may_introspect = true);
    assert!(house.is_active("gateway", &tokens.access_token).await);
    house.engine.delete_registration(&id, Some(&token)).await.unwrap();
    assert!(!house.is_active("gateway", &tokens.access_token).await);
    unauthorized(&house.engine.delete_registration(&id, Some(&token)).await.unwrap_err());
    let error = house.begin(&request(&id, &[]), None).await.unwrap_err();
    assert!(matches!(error, Error::UnknownClient));
}

#[tokio::test]
async fn use_keeps_a_client_and_is_noted_now_and_then() {
    let house = open_house().await;
    let (id, ..) = registered(&house, json!({})).await;
    let ends = || house.memory.tables().registrations[&ClientId::from(id.as_str())].1;
    let day = 86_400;
    assert_eq!(ends(), Timestamp::from_seconds(START + 90 * day));
    let call =
        async || house.token_public(&id, &[("grant_type", "refresh_token"), ("refresh_token", "x")]).await;
    house.advance(10 * day);
    call().await.unwrap_err();
    assert_eq!(ends(), Timestamp::from_seconds(START + 100 * day));
    house.advance(60);
    call().await.unwrap_err();
    assert_eq!(ends(), Timestamp::from_seconds(START + 100 * day), "that was noted a minute ago");
    house.advance(10 * day);
    call().await.unwrap_err();
    assert_eq!(ends(), Timestamp::from_seconds(START + 110 * day + 60));
}

#[tokio::test]
async fn a_store_out_of_order_is_our_fault() {
    let house = open_house().await;
    let (id, token, _) = registered(&house, json!({})).await;
    house.set_broken(true);
    for error in [
        house.register(json!({})).await.unwrap_err(),
        house.engine.registration(&id, Some(&token)).await.unwrap_err(),
        house.engine.delete_registration(&id, Some(&token)).await.unwrap_err(),
    ] {
        assert_eq!((error.status(), error.is_ours()), (503, true));
        assert!(!error.to_json().contains("disk"));
    }
}

#[tokio::test]
async fn what_the_operator_took_away_is_not_given_back() {
    let house = open_house().await;
    let (id, token, _) =
        registered(&house, json!({"grant_types": ["authorization_code", "refresh_token"]})).await;
    let key = ClientId::from(id.as_str());
    let mut narrowed = (*house.memory.tables().clients[&key]).clone();
    let (grants, scopes) = ([GrantType::AuthorizationCode].into(), "openid".parse::<ScopeSet>().unwrap());
    narrowed.ceiling = Ceiling { grant_types: Some(grants), scopes: Some(scopes) };
    house.memory.tables().clients.insert(key.clone(), narrowed.within_ceiling().into());
    let ask = async |token: &str, changes: Value| {
        house.engine.replace_registration(&id, Some(token), &metadata(changes)).await
    };
    for (member, changes) in [
        ("grant_types", json!({"client_id": id, "grant_types": ["authorization_code", "refresh_token"]})),
        ("scope", json!({"client_id": id, "grant_types": ["authorization_code"], "scope": "openid profile"})),
    ] {
        let error = ask(&token, changes).await.unwrap_err();
        assert_eq!(error.code(), "invalid_client_metadata");
        assert!(error.to_string().contains(member), "it says which: {error}");
    }
    // What is left to the server stays below it.
    let asked = json!({"client_id": id, "client_name": "Renamed", "scope": "", "grant_types": ["authorization_code"]});
    let replaced = told(&ask(&token, asked).await.unwrap());
    assert_eq!((&replaced["scope"], &replaced["client_name"]), (&json!("openid"), &json!("Renamed")));
    let next = replaced["registration_access_token"].as_str().unwrap();
    let asked = json!({"client_id": id, "grant_types": ["authorization_code"], "scope": "openid"});
    assert_eq!(told(&ask(next, asked).await.unwrap())["scope"], "openid");
}
