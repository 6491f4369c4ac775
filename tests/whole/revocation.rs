//! What is withdrawn at the server, or by the operator, is refused at the gateway at once.

use std::sync::Arc;
use std::time::Duration;

use countersign_model::{Client, ClientStatus, PasswordHashText, SecretString, UserId, UserStatus};
use countersign_oauth::ports::{Clients as _, Offline};
use countersign_passwords::{Hasher, Limits};
use countersign_store::WhichSessions;
use http::StatusCode;
use serde_json::json;

use crate::support::{Bench, House, PASSWORD, basic};

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// Refused at the gateway, said to be dead at the server, and other tokens are as they were.
async fn is_dead(house: &House, token: &str) {
    let answer = house.soon_refused(("authorization", &bearer(token))).await;
    assert!(answer.header("www-authenticate").contains("error=\"invalid_token\""), "{answer:?}");
    assert_eq!(house.introspect(token).await, json!({ "active": false }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_access_token_alone() {
    let house = House::new().await;
    let tokens = house.tokens().await;
    let other = house.refresh(&tokens.refresh).await.text("access_token");
    assert_eq!(house.bearer(&tokens.access).await.status, StatusCode::OK);
    // RFC 7009 §2.1: not by another client, who is told the same.
    assert_eq!(house.post("service", "/revoke", &[("token", &tokens.access)]).await.status, StatusCode::OK);
    assert_eq!(house.bearer(&tokens.access).await.status, StatusCode::OK);
    assert_eq!(house.post("app", "/revoke", &[("token", &tokens.access)]).await.status, StatusCode::OK);
    is_dead(&house, &tokens.access).await;
    assert_eq!(house.bearer(&other).await.status, StatusCode::OK);
    let opaque = house.client_credentials("opaque").await;
    assert_eq!(house.bearer(&opaque).await.status, StatusCode::OK);
    assert_eq!(house.post("opaque", "/revoke", &[("token", &opaque)]).await.status, StatusCode::OK);
    is_dead(&house, &opaque).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_token_with_its_family() {
    let house = House::new().await;
    let (tokens, others) = (house.tokens().await, house.tokens().await);
    assert_eq!(house.bearer(&tokens.access).await.status, StatusCode::OK);
    assert_eq!(house.post("app", "/revoke", &[("token", &tokens.refresh)]).await.status, StatusCode::OK);
    is_dead(&house, &tokens.access).await;
    assert_eq!(house.refresh(&tokens.refresh).await.text("error"), "invalid_grant");
    assert_eq!(house.bearer(&others.access).await.status, StatusCode::OK, "another family");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_that_comes_twice_takes_back_what_it_gave() {
    let house = House::new().await;
    let tokens = house.tokens().await;
    assert_eq!(house.bearer(&tokens.access).await.status, StatusCode::OK);
    assert_eq!(house.redeem(&tokens.code).await.text("error"), "invalid_grant");
    is_dead(&house, &tokens.access).await;
    assert_eq!(house.refresh(&tokens.refresh).await.text("error"), "invalid_grant");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spent_refresh_token_ends_the_thief_and_the_owner() {
    let house = House::new().await;
    let tokens = house.tokens().await;
    let thief = house.refresh(&tokens.refresh).await;
    let stolen = thief.text("access_token");
    assert_eq!(house.bearer(&stolen).await.status, StatusCode::OK);
    house.bench.pass(Duration::from_secs(11));
    assert_eq!(house.refresh(&tokens.refresh).await.text("error"), "invalid_grant");
    is_dead(&house, &stolen).await;
    is_dead(&house, &tokens.access).await;
    assert_eq!(house.refresh(&thief.text("refresh_token")).await.text("error"), "invalid_grant");
}

const ONLINE: &str = "openid orders.read";
const OFFLINE: &str = "openid offline_access orders.read";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_with_what_was_given_in_it() {
    let house = House::new().await;
    let (mut here, mut there) = (house.browser(), house.browser());
    let online = house.tokens_in(&mut here, ONLINE).await;
    let refreshed = house.refresh(&online.refresh).await;
    let offline = house.tokens_in(&mut here, OFFLINE).await;
    let elsewhere = house.tokens_in(&mut there, ONLINE).await;
    let tokens = [&online.access, &refreshed.text("access_token"), &offline.access, &elsewhere.access];
    for token in tokens {
        assert_eq!(house.bearer(token).await.status, StatusCode::OK);
    }
    let sid = house.introspect(&online.access).await["sid"].as_str().unwrap().to_owned();
    let revoke = async |offline| {
        let which = WhichSessions::One(sid.as_str().into());
        house.store().revoke_sessions(&which, offline, house.bench.now()).await.unwrap()
    };
    assert_eq!(revoke(Offline::Kept).await.grants, 1);
    is_dead(&house, &online.access).await;
    is_dead(&house, &refreshed.text("access_token")).await;
    assert_eq!(house.refresh(&refreshed.text("refresh_token")).await.text("error"), "invalid_grant");
    assert!(!here.is_signed_in().await);
    // What was agreed to for while the person is away, and what was given in another session, stay.
    assert_eq!(house.bearer(&offline.access).await.status, StatusCode::OK);
    assert_eq!(house.refresh(&offline.refresh).await.status, StatusCode::OK);
    assert_eq!(house.bearer(&elsewhere.access).await.status, StatusCode::OK);
    assert!(there.is_signed_in().await);
    assert_eq!(revoke(Offline::Ended).await.grants, 1);
    is_dead(&house, &offline.access).await;
    assert_eq!(house.bearer(&elsewhere.access).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_out_ends_tokens_where_the_operator_says_so() {
    for says_so in [true, false] {
        let house = House::start(Bench::new(1), &format!("sign_out_revokes = {says_so}\n")).await;
        let mut browser = house.browser();
        let online = house.tokens_in(&mut browser, ONLINE).await;
        let offline = house.tokens_in(&mut browser, OFFLINE).await;
        assert_eq!(house.bearer(&online.access).await.status, StatusCode::OK);
        browser.sign_out().await;
        assert!(!browser.is_signed_in().await);
        if says_so {
            is_dead(&house, &online.access).await;
        } else {
            assert_eq!(house.bearer(&online.access).await.status, StatusCode::OK);
        }
        assert_eq!(house.bearer(&offline.access).await.status, StatusCode::OK);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_with_everything_they_hold() {
    let house = House::new().await;
    let tokens = house.tokens().await;
    let (_, api_key) = house.api_key().await;
    let robot = basic("robot", PASSWORD);
    let own = house.client_credentials("service").await;
    for header in
        [("authorization", &*bearer(&tokens.access)), ("authorization", &robot), ("x-api-key", &api_key)]
    {
        assert_eq!(house.gateway("/orders", &[header]).await.status, StatusCode::OK);
    }
    for user in ["usr_alice", "usr_robot"] {
        let id = UserId::from(user);
        house.store().set_user_status(&id, UserStatus::Disabled, house.bench.now()).await.unwrap();
    }
    is_dead(&house, &tokens.access).await;
    house.soon_refused(("authorization", &robot)).await;
    house.soon_refused(("x-api-key", &api_key)).await;
    assert_eq!(house.refresh(&tokens.refresh).await.text("error"), "invalid_grant");
    assert_eq!(house.bearer(&own).await.status, StatusCode::OK, "a client's own token is nobody's");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_with_everything_it_holds() {
    let house = House::new().await;
    let (tokens, opaque) = (house.tokens().await, house.client_credentials("opaque").await);
    for (client, token) in [("app", &tokens.access), ("opaque", &opaque)] {
        assert_eq!(house.bearer(token).await.status, StatusCode::OK);
        let disabled = ClientStatus::Disabled;
        assert!(house.store().set_client_status(&client.into(), disabled, house.bench.now()).await.unwrap());
        is_dead(&house, token).await;
    }
    assert_eq!(house.refresh(&tokens.refresh).await.text("error"), "invalid_client");
    // And back: what has not expired works again.
    assert!(
        house
            .store()
            .set_client_status(&"app".into(), ClientStatus::Enabled, house.bench.now())
            .await
            .unwrap()
    );
    let mut status = StatusCode::UNAUTHORIZED;
    for _ in 0..400 {
        status = house.bearer(&tokens.access).await.status;
        if status == StatusCode::OK {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_key_and_a_changed_password() {
    let house = House::new().await;
    let (id, api_key) = house.api_key().await;
    let robot = basic("robot", PASSWORD);
    let mut browser = house.browser();
    house.code(&mut browser).await;
    assert!(browser.is_signed_in().await);
    for header in [("authorization", robot.as_str()), ("x-api-key", &api_key)] {
        assert_eq!(house.gateway("/orders", &[header]).await.status, StatusCode::OK);
    }
    house.store().revoke_api_key(&id, house.bench.now()).await.unwrap();
    house.soon_refused(("x-api-key", &api_key)).await;

    let hasher = Hasher::new(Limits::default(), house.bench.env().rng);
    let changed: PasswordHashText = hasher.hash(&SecretString::from("another password")).await.unwrap();
    house.bench.pass(Duration::from_secs(1));
    for user in ["usr_robot", "usr_alice"] {
        let id = UserId::from(user);
        assert!(house.store().set_password(&id, Some(&changed), house.bench.now()).await.unwrap());
    }
    house.soon_refused(("authorization", &robot)).await;
    let new = basic("robot", "another password");
    assert_eq!(house.gateway("/orders", &[("authorization", &new)]).await.status, StatusCode::OK);
    assert!(!browser.is_signed_in().await, "sessions end with the password that began them");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_client_may_no_longer_have() {
    let house = House::new().await;
    let tokens = house.tokens().await;
    let client = Arc::unwrap_or_clone(house.store().client(&"app".into()).await.unwrap().unwrap());
    let narrowed = Client { scopes: "openid offline_access".parse().unwrap(), ..client.clone() };
    assert!(house.store().change_client(&client, &narrowed, house.bench.now()).await.unwrap());
    let refreshed = house.refresh(&tokens.refresh).await;
    assert_eq!(refreshed.status, StatusCode::OK, "{refreshed:?}");
    assert_eq!(house.bearer(&refreshed.text("access_token")).await.status, StatusCode::FORBIDDEN);
}
