//! Claims about a person (OpenID Connect Core §5.3), sessions, and the documents.

use countersign_model::{Subject, UserKind};
use countersign_oauth::Error;
use serde_json::{Value, json};

use crate::support::*;

async fn claims(house: &House, text: &str) -> Value {
    let answer = house.engine.userinfo(&Subject::from("usr_alice"), &scopes(text)).await.unwrap();
    serde_json::from_slice(&answer).unwrap()
}

#[tokio::test]
async fn scopes_open_claims() {
    let house = House::new().await;
    assert_eq!(claims(&house, "openid").await, json!({ "sub": "usr_alice" }));
    let profile = json!({ "sub": "usr_alice", "name": "alice Example", "preferred_username": "alice" });
    assert_eq!(claims(&house, "openid profile").await, profile);
    let email = json!({ "sub": "usr_alice", "email": "alice@example.org", "email_verified": true });
    assert_eq!(claims(&house, "openid email").await, email);
}

#[tokio::test]
async fn only_openid_tokens_of_people() {
    let house = House::new().await;
    let alice = Subject::from("usr_alice");
    let error = house.engine.userinfo(&alice, &scopes("profile")).await.unwrap_err();
    assert!(matches!(error, Error::InsufficientScope));
    let nobody = house.engine.userinfo(&Subject::from("service"), &scopes("openid")).await.unwrap_err();
    assert!(matches!(nobody, Error::InvalidToken));
    house.disable_user("alice");
    let error = house.engine.userinfo(&alice, &scopes("openid")).await.unwrap_err();
    assert_eq!((error.status(), error.code()), (401, "invalid_token"));
}

#[tokio::test]
async fn sessions_begin_are_found_and_end() {
    let house = House::new().await;
    let alice = house.engine.person("ALICE").await.unwrap().unwrap();
    let first = house.engine.sign_in(&alice, &["pwd"], None).await.unwrap().unwrap();
    let found = house.engine.session(&first.cookie).await.unwrap().unwrap();
    assert_eq!((&found.id, found.amr.as_slice()), (&first.session.id, &["pwd".to_owned()][..]));
    let second = house.engine.sign_in(&alice, &["pwd"], Some(&first.session)).await.unwrap().unwrap();
    assert!(house.engine.session(&first.cookie).await.unwrap().is_none(), "a new secret at every sign-in");
    house.engine.sign_out(&second.session).await.unwrap();
    assert!(house.engine.session(&second.cookie).await.unwrap().is_none());
    let third = house.engine.sign_in(&alice, &["pwd"], None).await.unwrap().unwrap();
    house.advance(12 * 3_600);
    assert!(house.engine.session(&third.cookie).await.unwrap().is_none());
}

#[tokio::test]
async fn programs_and_disabled_people_see_no_page() {
    let house = House::new().await;
    let mut robot = house.user("robot");
    robot.kind = UserKind::Service;
    house.memory.tables().users.insert(robot.id.clone(), robot);
    house.disable_user("alice");
    for name in ["robot", "alice", "nobody", "", "a:b"] {
        assert!(house.engine.person(name).await.unwrap().is_none(), "{name}");
    }
}

#[tokio::test]
async fn documents_are_json() {
    let house = House::new().await;
    let metadata: Value = serde_json::from_slice(&house.engine.metadata()).unwrap();
    assert_eq!(metadata["issuer"], ISSUER);
    assert_eq!(metadata["id_token_signing_alg_values_supported"], json!(["ES256"]));
    let jwks: Value = serde_json::from_slice(&house.engine.jwks().body).unwrap();
    assert_eq!(jwks["keys"].as_array().unwrap().len(), 1);
    assert!(jwks["keys"][0].get("d").is_none());
}
