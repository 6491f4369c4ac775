//! Of many who come at the same instant, one wins.

use std::sync::Arc;

use countersign_oauth::{Error, Step};
use tokio::task::JoinSet;

use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_is_redeemed_once() {
    let house = Arc::new(House::new().await);
    house.client("app", |client| client.first_party = true);
    let code = house.code(&request("app", &[])).await;
    let mut tries = JoinSet::new();
    for _ in 0..16 {
        let (house, code) = (Arc::clone(&house), code.clone());
        tries.spawn(async move { house.token("app", &redemption(&code)).await });
    }
    let results = tries.join_all().await;
    let tokens: Vec<_> = results.into_iter().filter_map(Result::ok).collect();
    assert!(tokens.len() <= 1);
    // Whoever won, the replays have taken it back.
    for tokens in tokens {
        assert!(!house.is_active("app", &tokens.access_token).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_request_is_answered_once() {
    let house = Arc::new(House::new().await);
    house.client("app", |_| {});
    let session = house.sign_in("alice").await;
    let Step::Consent(asked) = house.begin(&request("app", &[]), Some(&session)).await.unwrap() else {
        panic!()
    };
    let name = asked.interaction.expose().clone();
    let mut tries = JoinSet::new();
    for _ in 0..16 {
        let (house, session, name) = (Arc::clone(&house), session.clone(), name.clone());
        tries.spawn(async move {
            let given = scopes("openid read");
            house.engine.consent_given(&name, &session, &house.browser, &given).await
        });
    }
    let results = tries.join_all().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(results.iter().all(|result| matches!(result, Ok(_) | Err(Error::UnknownInteraction))));
}
