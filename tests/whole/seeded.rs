//! Time and randomness are arguments: with the same of both, two runs say the same to the letter.

use http::Method;

use crate::support::{Bench, House};

/// What a run answers where a random value or the time shows.
async fn transcript(seed: u64) -> Vec<String> {
    let house = House::start(Bench::new(seed), "").await;
    let opaque = house.client_credentials("opaque").await;
    let introspected = house.introspect(&opaque).await.to_string();
    let code = house.code(&mut house.browser()).await;
    let redeemed = house.redeem(&code).await;
    let refused = house.server(Method::GET, "/nowhere", &[], None).await;
    vec![opaque, introspected, code, redeemed.text("refresh_token"), refused.body]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_seed_says_the_same() {
    let (one, two, other) = (transcript(1).await, transcript(1).await, transcript(2).await);
    assert_eq!(one, two);
    for (one, other) in one.iter().zip(&other) {
        assert_ne!(one, other, "it owes nothing to the seed");
    }
}
