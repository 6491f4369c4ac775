//! What ends when its time has come, not before and not after.

use std::time::Duration;

use countersign_model::{AccessTokenFormat, Client, ClientId, GrantType, OptionalScopes, TokenLife};
use countersign_oauth::ports::{Clients as _, Grants as _};
use http::StatusCode;
use serde_json::json;

use crate::support::{House, PASSWORD, basic};

/// By how much the gateway lets another machine's clock differ.
const LEEWAY: Duration = Duration::from_secs(5);

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

const fn hours(hours: u64) -> Duration {
    minutes(60 * hours)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn access_tokens_end_with_their_ten_minutes() {
    let house = House::new().await;
    let tokens = [
        house.tokens().await.access,
        house.client_credentials("service").await,
        house.client_credentials("opaque").await,
    ];
    for token in &tokens {
        assert_eq!(house.bearer(token).await.status, StatusCode::OK);
        assert_eq!(house.introspect(token).await["active"], true);
    }
    house.bench.pass(minutes(10) - Duration::from_secs(1));
    for token in &tokens {
        // Remembered or not: the gateway has seen it, and a fresh look at the store says the same.
        assert_eq!(house.bearer(token).await.status, StatusCode::OK);
        assert_eq!(house.introspect(token).await["active"], true);
    }
    house.bench.pass(Duration::from_secs(1));
    for token in &tokens {
        assert_eq!(
            house.introspect(token).await,
            json!({ "active": false }),
            "RFC 7662 §2.2: no leeway at home"
        );
    }
    house.bench.pass(LEEWAY);
    for token in &tokens {
        let answer = house.bearer(token).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{answer:?}");
        assert!(answer.header("www-authenticate").contains("error=\"invalid_token\""), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_without_an_end_lives_until_it_is_taken_back() {
    let house = House::new().await;
    let app = ClientId::from("app");
    let before = house.store().client(&app).await.unwrap().unwrap();
    let mut client = Client::clone(&before);
    client.access_token_format = AccessTokenFormat::Reference;
    client.lifetimes.access_token = Some(TokenLife::UntilWithdrawn);
    client.grant_types.remove(&GrantType::RefreshToken);
    client.optional_scopes = OptionalScopes::AllButOpenid;
    assert!(house.store().change_client(&before, &client, house.bench.now()).await.unwrap());
    let code = house.code_for(&mut house.browser(), "openid orders.read").await;
    let answer = house.redeem(&code).await;
    assert!(answer.json().get("expires_in").is_none(), "{answer:?}");
    assert!(answer.json().get("refresh_token").is_none(), "{answer:?}");
    let token = answer.text("access_token");
    assert_eq!(house.bearer(&token).await.status, StatusCode::OK);
    house.bench.pass(hours(3 * 365 * 24));
    while house.store().purge(house.bench.now(), 1_000).await.unwrap() > 0 {}
    assert_eq!(house.bearer(&token).await.status, StatusCode::OK, "housekeeping took a live token");
    let told = house.introspect(&token).await;
    assert_eq!((&told["active"], told.get("exp")), (&json!(true), None), "{told}");
    house.store().withdraw_consent(&"usr_alice".into(), &app, house.bench.now()).await.unwrap();
    house.soon_refused(("authorization", &format!("Bearer {token}"))).await;
    assert_eq!(house.introspect(&token).await, json!({ "active": false }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_ends_with_its_minute() {
    let house = House::new().await;
    let mut browser = house.browser();
    let code = house.code(&mut browser).await;
    house.bench.pass(Duration::from_secs(59));
    assert_eq!(house.redeem(&code).await.status, StatusCode::OK);
    let code = house.code(&mut browser).await;
    house.bench.pass(minutes(1));
    let answer = house.redeem(&code).await;
    assert_eq!((answer.status, answer.text("error").as_str()), (StatusCode::BAD_REQUEST, "invalid_grant"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_token_lives_from_its_last_use() {
    let house = House::new().await;
    let mut refresh = house.tokens().await.refresh;
    for _ in 0..3 {
        house.bench.pass(hours(29 * 24));
        let answer = house.refresh(&refresh).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        assert_eq!(house.bearer(&answer.text("access_token")).await.status, StatusCode::OK);
        refresh = answer.text("refresh_token");
    }
    house.bench.pass(hours(30 * 24));
    assert_eq!(house.refresh(&refresh).await.text("error"), "invalid_grant");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ends_with_its_twelve_hours() {
    let house = House::new().await;
    let mut browser = house.browser();
    house.code(&mut browser).await;
    house.bench.pass(hours(12) - Duration::from_secs(1));
    assert!(browser.is_signed_in().await);
    house.bench.pass(Duration::from_secs(1));
    assert!(!browser.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_wait_and_the_owner_elsewhere_does_not() {
    let house = House::new().await;
    let (good, wrong) = (basic("robot", PASSWORD), basic("robot", "a guess"));
    assert_eq!(house.gateway("/", &[("authorization", &good)]).await.status, StatusCode::OK);
    let mut waited = false;
    for _ in 0..30 {
        let answer = house.gateway("/", &[("authorization", &wrong)]).await;
        waited |= answer.status == StatusCode::TOO_MANY_REQUESTS && !answer.header("retry-after").is_empty();
        assert!(
            matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS),
            "{answer:?}"
        );
    }
    assert!(waited, "thirty guesses were taken");
    // Whoever was known before is known still, from the very same address.
    assert_eq!(house.gateway("/", &[("authorization", &good)]).await.status, StatusCode::OK);
    house.bench.pass(hours(1));
    assert_eq!(house.gateway("/", &[("authorization", &wrong)]).await.status, StatusCode::UNAUTHORIZED);
}
