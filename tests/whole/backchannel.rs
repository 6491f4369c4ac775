//! Backchannel authentication (OpenID Connect CIBA) in the whole product, with an end in the middle of it.

use std::sync::Arc;
use std::time::Duration;

use countersign_model::{Client, ClientAuthentication, ClientId, GrantType, TokenHash};
use http::StatusCode;
use tokio::task::JoinSet;

use crate::support::{Answer, House, SECRET, scopes};

const CIBA: &str = "urn:openid:params:grant-type:ciba";

async fn house() -> House {
    let house = House::new().await;
    let bank = Client {
        authentication: ClientAuthentication::ClientSecretBasic,
        secrets: vec![TokenHash::of(SECRET.as_bytes())],
        grant_types: [GrantType::Ciba].into(),
        scopes: scopes("openid orders.read"),
        ..Client::new(ClientId::from("bank"), house.bench.now())
    };
    house.store().create_client(&bank).await.unwrap();
    house
}

async fn ask(house: &House) -> String {
    let form = [("scope", "openid orders.read"), ("login_hint", "alice"), ("binding_message", "W4SCT")];
    let answer = house.post("bank", "/bc-authorize", &form).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.text("auth_req_id")
}

async fn fetch(house: &House, auth_req_id: &str) -> Answer {
    house.post("bank", "/token", &[("grant_type", CIBA), ("auth_req_id", auth_req_id)]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_outlives_a_restart_and_ends_at_the_gateway() {
    let house = house().await;
    let auth_req_id = ask(&house).await;
    assert_eq!(fetch(&house, &auth_req_id).await.text("error"), "authorization_pending");
    let house = house.again().await;
    house.browser().approve("alice").await;
    let house = house.again().await;
    house.bench.pass(Duration::from_secs(5));
    let tokens = fetch(&house, &auth_req_id).await;
    assert_eq!(tokens.status, StatusCode::OK, "{tokens:?}");
    let access = tokens.text("access_token");
    assert_eq!(house.bearer(&access).await.status, StatusCode::OK);
    // What came of it can be taken back like anything else.
    assert_eq!(house.post("bank", "/revoke", &[("token", &access)]).await.status, StatusCode::OK);
    house.soon_refused(("authorization", &format!("Bearer {access}"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_fetch_at_once_one_gets_tokens() {
    let house = Arc::new(house().await);
    let auth_req_id = ask(&house).await;
    house.browser().approve("alice").await;
    let mut fetching = JoinSet::new();
    for _ in 0..60 {
        let (house, auth_req_id) = (Arc::clone(&house), auth_req_id.clone());
        fetching.spawn(async move { fetch(&house, &auth_req_id).await });
    }
    let (won, lost): (Vec<_>, Vec<_>) =
        fetching.join_all().await.into_iter().partition(|answer| answer.status == StatusCode::OK);
    assert_eq!(won.len(), 1);
    assert!(lost.iter().all(|answer| answer.text("error") == "invalid_grant"), "{lost:?}");
}
