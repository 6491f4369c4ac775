//! Of many who come at the same instant, one wins.

use std::sync::Arc;

use countersign_oauth::{Error, GrantRefusal, Step};
use tokio::task::JoinSet;

use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_thousand_redemptions_of_a_code_one_wins() {
    let house = Arc::new(House::new().await);
    house.client("app", |client| client.first_party = true);
    let code = house.code(&request("app", &[])).await;
    let mut tries = JoinSet::new();
    for _ in 0..1_000 {
        let (house, code) = (Arc::clone(&house), code.clone());
        tries.spawn(async move { house.token("app", &redemption(&code)).await });
    }
    let results = tries.join_all().await;
    // The one who took the code is told so, unless a replay withdrew the grant before its answer was ready.
    let replayed =
        |result: &Result<_, Error>| matches!(result, Err(Error::InvalidGrant(GrantRefusal::CodeReplayed)));
    assert_eq!(results.iter().filter(|result| replayed(result)).count(), 999);
    let tokens: Vec<_> = results.into_iter().filter_map(Result::ok).collect();
    // Whoever won, the replays have taken it back.
    for tokens in tokens {
        assert!(!house.is_active("app", &tokens.access_token).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_thousand_uses_of_a_refresh_token_one_wins() {
    let without_grace = |settings: &mut countersign_oauth::Settings| {
        settings.refresh_grace = std::time::Duration::ZERO;
    };
    let house = Arc::new(House::with(without_grace, countersign_jose::Algorithm::ES256).await);
    house.client("app", |client| client.first_party = true);
    let refresh = house.tokens("app", "read offline_access").await.refresh_token.unwrap();
    let mut tries = JoinSet::new();
    for _ in 0..1_000 {
        let (house, refresh) = (Arc::clone(&house), refresh.clone());
        tries.spawn(async move { house.refresh("app", &refresh).await });
    }
    let results = tries.join_all().await;
    let won: Vec<_> = results.into_iter().filter_map(Result::ok).collect();
    assert_eq!(won.len(), 1);
    // Two parties held it: the winner keeps nothing.
    assert!(!house.is_active("app", &won[0].access_token).await);
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
