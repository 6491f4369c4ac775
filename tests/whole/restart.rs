//! Ended and started again over the same data: nobody notices, and nothing that was withdrawn comes back.

use std::time::Duration;

use http::{Method, StatusCode};

use crate::support::{House, PASSWORD, basic};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_as_it_was() {
    let house = House::new().await;
    let mut browser = house.browser();
    let code = house.code(&mut browser).await;
    let unredeemed = house.code(&mut browser).await;
    let tokens = house.redeem(&code).await;
    let (access, refresh) = (tokens.text("access_token"), tokens.text("refresh_token"));
    let opaque = house.client_credentials("opaque").await;
    let (_, api_key) = house.api_key().await;
    let gone = house.tokens().await;
    assert_eq!(house.post("app", "/revoke", &[("token", &gone.refresh)]).await.status, StatusCode::OK);
    let keys = house.server(Method::GET, "/jwks", &[], None).await.body;
    let issuer = house.server(Method::GET, "/.well-known/openid-configuration", &[], None).await.body;
    let browser_cookies = browser.cookies();

    let house = house.again().await;
    assert_eq!(house.server(Method::GET, "/jwks", &[], None).await.body, keys);
    assert_eq!(house.server(Method::GET, "/.well-known/openid-configuration", &[], None).await.body, issuer);
    for token in [&access, &opaque] {
        assert_eq!(house.bearer(token).await.status, StatusCode::OK);
    }
    assert_eq!(house.gateway("/orders", &[("x-api-key", &api_key)]).await.status, StatusCode::OK);
    let robot = basic("robot", PASSWORD);
    assert_eq!(house.gateway("/orders", &[("authorization", &robot)]).await.status, StatusCode::OK);
    // What was revoked is known from the first request on.
    assert_eq!(house.bearer(&gone.access).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(house.refresh(&gone.refresh).await.text("error"), "invalid_grant");
    assert!(house.browser_with(browser_cookies).is_signed_in().await);
    assert_eq!(house.redeem(&unredeemed).await.status, StatusCode::OK);
    assert_eq!(house.refresh(&refresh).await.status, StatusCode::OK);
    // And a code that was redeemed before is known to have been.
    assert_eq!(house.redeem(&code).await.text("error"), "invalid_grant");
    house.soon_refused(("authorization", &format!("Bearer {access}"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn time_that_passed_meanwhile_counts() {
    let house = House::new().await;
    let tokens = house.tokens().await;
    house.bench.pass(Duration::from_secs(3_600));
    let house = house.again().await;
    assert_eq!(house.bearer(&tokens.access).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(house.refresh(&tokens.refresh).await.status, StatusCode::OK);
}
