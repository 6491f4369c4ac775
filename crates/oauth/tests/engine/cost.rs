//! What the engine costs, its store left out: a measurement, run by hand.
//! `cargo test --release -p countersign-oauth -- --ignored --nocapture cost`

use std::time::Instant;

use countersign_model::AccessTokenFormat;

use crate::support::*;

const TIMES: u32 = 20_000;

#[expect(clippy::print_stdout, reason = "the result of a measurement")]
async fn measure(what: &str, mut once: impl AsyncFnMut()) {
    for _ in 0..500 {
        once().await;
    }
    // The least of several rounds: what others do on this machine only ever adds.
    let mut least = f64::MAX;
    for _ in 0..10 {
        let began = Instant::now();
        for _ in 0..TIMES / 10 {
            once().await;
        }
        least = least.min(began.elapsed().as_secs_f64() * 1e6 / f64::from(TIMES / 10));
    }
    println!("{what:<40} {least:>8.1} µs");
}

#[tokio::test]
#[ignore = "a measurement, not a test"]
async fn cost() {
    let house = House::new().await;
    house.client("app", |client| client.first_party = true);
    house.client("opaque", |client| client.access_token_format = AccessTokenFormat::Reference);
    for id in ["app", "opaque"] {
        measure(&format!("client_credentials, {id}"), async || {
            let tokens = house.token(id, &[("grant_type", "client_credentials")]).await.unwrap();
            std::hint::black_box(tokens.to_json());
            house.memory.tables().access.clear();
        })
        .await;
        let token = house.token(id, &[("grant_type", "client_credentials")]).await.unwrap().access_token;
        measure(&format!("introspection, {id}"), async || {
            assert!(house.is_active(id, &token).await);
        })
        .await;
    }
    let mut refresh = house.tokens("app", "read offline_access").await.refresh_token.unwrap();
    measure("refresh, without ID token", async || {
        refresh = house.refresh("app", &refresh).await.unwrap().refresh_token.unwrap();
        let mut tables = house.memory.tables();
        tables.access.clear();
        tables.refresh.retain(|_, (_, rotated_at)| rotated_at.is_none());
    })
    .await;
    measure("code with PKCE and a live session", async || {
        house.tokens("app", "read").await;
        let mut tables = house.memory.tables();
        tables.access.clear();
        tables.sessions.clear();
        tables.codes.clear();
        tables.refresh.clear();
    })
    .await;
}
