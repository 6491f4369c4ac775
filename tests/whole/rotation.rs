//! Signing keys come and go, and no request fails for it.

use std::time::Duration;

use countersign_jose::Algorithm;
use countersign_keys::{Policy, When};
use http::{Method, StatusCode};
use serde_json::Value;

use crate::support::{Answer, House};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// The policy that the configuration's defaults make.
fn policy() -> Policy {
    let token_life = DAY + Duration::from_secs(300);
    Policy { token_life, prepublish: HOUR, rotate_after: 90 * DAY, algorithms: vec![Algorithm::ES256] }
}

async fn jwks(house: &House) -> Answer {
    house.server(Method::GET, "/jwks", &[], None).await
}

/// The keys that are published to verify with.
async fn published(house: &House) -> Vec<String> {
    let set = jwks(house).await.json();
    let kid = |key: &Value| key["kid"].as_str().unwrap().to_owned();
    let keys = set["keys"].as_array().unwrap().iter();
    keys.filter(|key| key["use"] == "sig").map(kid).collect()
}

fn kid(token: &str) -> String {
    jsonwebtoken::decode_header(token).unwrap().kid.unwrap()
}

/// Waits until the server has taken up what another node changed.
async fn until_published(house: &House, kid: &str, wanted: bool) {
    for _ in 0..400 {
        if published(house).await.iter().any(|known| known == kid) == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the change was not taken up: {kid} {wanted}");
}

/// A token made now works now.
async fn fresh(house: &House) -> String {
    let token = house.client_credentials("service").await;
    assert_eq!(house.bearer(&token).await.status, StatusCode::OK);
    assert!(published(house).await.contains(&kid(&token)), "it was signed by a key that nobody may know");
    token
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn published_then_signing_then_retired_after_the_last_token() {
    let house = House::new().await;
    let old_token = fresh(&house).await;
    let old = kid(&old_token);
    let ring = house.keys(policy()).await;
    let new = ring.rotate(Algorithm::ES256, When::Published).await.unwrap().to_string();
    until_published(&house, &new, true).await;

    house.bench.pass(HOUR - Duration::from_secs(1));
    let last = fresh(&house).await;
    assert_eq!(kid(&last), old, "published, and not signing yet");
    house.bench.pass(Duration::from_secs(1));
    let first = fresh(&house).await;
    assert_eq!(kid(&first), new);
    assert_eq!(house.bearer(&last).await.status, StatusCode::OK, "what the old one signed is good still");

    house.bench.pass(DAY + Duration::from_secs(299));
    assert_eq!(published(&house).await.len(), 2, "its last token could be alive");
    house.bench.pass(Duration::from_secs(1));
    assert_eq!(published(&house).await, std::slice::from_ref(&new));
    fresh(&house).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_schedule_rotates_by_itself() {
    let house = House::new().await;
    let mut signer = kid(&fresh(&house).await);
    for _ in 0..3 {
        house.bench.pass(90 * DAY - HOUR);
        house.running.tick().await.unwrap();
        assert_eq!(kid(&fresh(&house).await), signer);
        assert!(published(&house).await.len() >= 2, "the successor is there an hour before");
        let token = fresh(&house).await;
        house.bench.pass(HOUR);
        // Nobody ticks: the time alone makes the successor sign. Only the token's own life ended.
        let next = fresh(&house).await;
        assert_ne!(kid(&next), signer);
        assert!(published(&house).await.contains(&kid(&token)));
        signer = kid(&next);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emergency_refuses_what_the_key_signed() {
    let house = House::new().await;
    let token = fresh(&house).await;
    let mine = house.tokens().await;
    let ring = house.keys(policy()).await;
    ring.retire(&kid(&token).as_str().into(), When::Now).await.unwrap();
    until_published(&house, &kid(&token), false).await;
    for token in [&token, &mine.access] {
        house.soon_refused(("authorization", &format!("Bearer {token}"))).await;
        assert_eq!(house.introspect(token).await, serde_json::json!({ "active": false }));
    }
    // Nobody is signed out: the grant gives a token of the new key.
    let again = house.refresh(&mine.refresh).await;
    assert_eq!(house.bearer(&again.text("access_token")).await.status, StatusCode::OK, "{again:?}");
    fresh(&house).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_cache_outlives_the_time_before_a_key_signs() {
    use crate::support::Bench;
    for (prepublish, cached) in [("1h", "max-age=300"), ("1m", "max-age=30"), ("2s", "max-age=1")] {
        let house = House::start(Bench::new(1), &format!("[keys]\nprepublish = \"{prepublish}\"\n")).await;
        assert_eq!(jwks(&house).await.header("cache-control"), format!("public, {cached}"), "{prepublish}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_of_every_algorithm_pass_the_gateway() {
    use crate::support::Bench;
    for algorithm in ["ES256", "ES384", "EdDSA", "RS256", "PS256"] {
        let more = format!("[keys]\nalgorithms = [\"{algorithm}\"]\n");
        let house = House::start(Bench::new(1), &more).await;
        let token = house.client_credentials("service").await;
        let header = token.split('.').next().unwrap();
        use base64::Engine as _;
        let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(header).unwrap();
        let header: Value = serde_json::from_slice(&header).unwrap();
        assert_eq!((header["alg"].as_str(), header["typ"].as_str()), (Some(algorithm), Some("at+jwt")));
        assert_eq!(house.bearer(&token).await.status, StatusCode::OK, "{algorithm}");
    }
}
