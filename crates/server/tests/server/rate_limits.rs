//! How often clients may call.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, header};
use countersign_model::{AddressList, ClientAuthentication, Clock as _};
use countersign_server::{RateLimits, ServerSettings};

use crate::browser::encode;
use crate::support::{Answer, App, ISSUER, SECRET, authorization, web_client};

const HERE: &str = "192.0.2.1";
const ELSEWHERE: &str = "198.51.100.7";

async fn app(rates: RateLimits) -> App {
    let trusted_proxies = AddressList::new(vec!["0.0.0.0/32".parse().unwrap()]);
    let app = App::at(ISSUER, ServerSettings { trusted_proxies, rates, ..ServerSettings::default() }).await;
    for id in ["web", "other"] {
        let mut client = web_client(id, app.clock.now());
        client.authentication = ClientAuthentication::ClientSecretPost;
        app.store.create_client(&client).await.unwrap();
    }
    app
}

async fn post(app: &App, from: &str, path: &str, form: &[(&str, &str)]) -> Answer {
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("x-forwarded-for", from)
        .body(Body::from(encode(form.iter().copied())));
    Answer::of(app.send(request.unwrap()).await).await
}

async fn token(app: &App, from: &str, client: &str, secret: &str) -> Answer {
    let form = [("grant_type", "client_credentials"), ("client_id", client), ("client_secret", secret)];
    post(app, from, "/token", &form).await
}

fn assert_waits(answer: &Answer, seconds: &str) {
    assert_eq!((answer.status, answer.header("retry-after")), (429, seconds), "{answer:?}");
    assert_eq!(answer.text("error"), "temporarily_unavailable");
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn guessing_a_secret_is_slow_and_locks_nobody_out() {
    let app = app(RateLimits::default()).await;
    for _ in 0..30 {
        assert_eq!(token(&app, ELSEWHERE, "web", "wrong").await.status, 401);
    }
    // The right secret as well: else the limit would say which guess was right.
    assert_waits(&token(&app, ELSEWHERE, "web", SECRET).await, "2");
    // Every endpoint that asks who calls counts together.
    for path in ["/introspect", "/revoke", "/par", "/device_authorization"] {
        let form = [("client_id", "web"), ("client_secret", "wrong"), ("token", "x")];
        assert_waits(&post(&app, ELSEWHERE, path, &form).await, "2");
    }
    // Where the client really is, and for others at the guesser's address, nothing has changed.
    assert_eq!(token(&app, HERE, "web", SECRET).await.status, 200);
    assert_eq!(token(&app, ELSEWHERE, "other", SECRET).await.status, 200);
    app.clock.advance(Duration::from_secs(2));
    assert_eq!(token(&app, ELSEWHERE, "web", "wrong").await.status, 401);
    assert_eq!(token(&app, ELSEWHERE, "web", "wrong").await.status, 429);
}

#[tokio::test]
async fn a_client_that_gets_in_is_forgiven() {
    let app = app(RateLimits::default()).await;
    for _ in 0..5 {
        for _ in 0..29 {
            assert_eq!(token(&app, HERE, "web", "old secret").await.status, 401);
        }
        assert_eq!(token(&app, HERE, "web", SECRET).await.status, 200);
    }
}

#[tokio::test]
async fn one_address_can_not_try_many_clients() {
    let app = app(RateLimits { failures_per_address_and_minute: 60, ..RateLimits::default() }).await;
    for n in 0..60 {
        assert_eq!(token(&app, "2001:db8::1", &format!("client{n}"), "wrong").await.status, 401);
    }
    assert_waits(&token(&app, "2001:db8::2", "another", "wrong").await, "1");
    assert_eq!(token(&app, "2001:db8:0:1::1", "another", "wrong").await.status, 401);
}

#[tokio::test]
async fn a_neighbour_that_guesses_keeps_out_nobody_who_was_let_in() {
    let app = app(RateLimits { failures_per_address_and_minute: 60, ..RateLimits::default() }).await;
    assert_eq!(token(&app, HERE, "web", SECRET).await.status, 200);
    for n in 0..60 {
        assert_eq!(token(&app, HERE, &format!("client{n}"), "wrong").await.status, 401);
    }
    assert_eq!(token(&app, HERE, "other", SECRET).await.status, 429);
    assert_eq!(token(&app, HERE, "web", SECRET).await.status, 200);
    // Guesses at its own secret count all the same.
    for _ in 0..30 {
        assert_eq!(token(&app, HERE, "web", "wrong").await.status, 401);
    }
    assert_eq!(token(&app, HERE, "web", SECRET).await.status, 429);
    app.clock.advance(Duration::from_secs(60));
    for n in 0..60 {
        assert_eq!(token(&app, HERE, &format!("client{n}"), "wrong").await.status, 401);
    }
    assert_eq!(token(&app, HERE, "web", SECRET).await.status, 200);
    app.clock.advance(Duration::from_secs(3_600));
    for n in 0..60 {
        assert_eq!(token(&app, HERE, &format!("client{n}"), "wrong").await.status, 401);
    }
    assert_eq!(token(&app, HERE, "web", SECRET).await.status, 429, "that was long ago");
}

#[tokio::test]
async fn what_is_answered_counts_for_client_and_address() {
    let rates = RateLimits {
        requests_per_client_and_second: 5,
        requests_per_address_and_second: 8,
        ..RateLimits::default()
    };
    let app = app(rates).await;
    // What fails from elsewhere is not the client's to pay.
    for _ in 0..8 {
        assert_eq!(token(&app, ELSEWHERE, "web", "wrong").await.status, 401);
    }
    for _ in 0..5 {
        assert_eq!(token(&app, HERE, "web", SECRET).await.status, 200);
    }
    assert_waits(&token(&app, HERE, "web", SECRET).await, "1");
    assert_waits(&token(&app, "203.0.113.1", "web", SECRET).await, "1");
    assert_eq!(token(&app, HERE, "other", SECRET).await.status, 200);
    assert_eq!(token(&app, HERE, "other", SECRET).await.status, 200);
    assert_waits(&token(&app, HERE, "other", SECRET).await, "1");
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(token(&app, HERE, "web", SECRET).await.status, 200);
}

#[tokio::test]
async fn no_limit_is_no_limit() {
    let none = RateLimits {
        requests_per_client_and_second: 0,
        requests_per_address_and_second: 0,
        authorization_requests_per_address_and_minute: 0,
        failures_per_client_and_minute: 0,
        failures_per_address_and_minute: 0,
    };
    let app = app(none).await;
    for _ in 0..100 {
        assert_eq!(token(&app, HERE, "web", "wrong").await.status, 401);
    }
    assert_eq!(token(&app, HERE, "web", SECRET).await.status, 200);
}

#[tokio::test]
async fn authorization_requests_of_an_address_are_as_many_as_may_be() {
    let rates = RateLimits { authorization_requests_per_address_and_minute: 6, ..RateLimits::default() };
    let app = app(rates).await;
    let authorize = |from: &'static str| {
        let app = &app;
        async move {
            let request = Request::get(authorization("web", &[])).header("x-forwarded-for", from);
            app.send(request.body(Body::empty()).unwrap()).await
        }
    };
    for _ in 0..4 {
        assert_eq!(authorize(HERE).await.status(), 303);
    }
    let form = [("client_id", "web"), ("client_secret", SECRET), ("response_type", "code")];
    for _ in 0..2 {
        assert_eq!(post(&app, HERE, "/par", &form).await.status, 400);
    }
    assert_waits(&post(&app, HERE, "/par", &form).await, "10");
    assert_waits(&post(&app, HERE, "/device_authorization", &form).await, "10");
    let page = authorize(HERE).await;
    assert_eq!(page.status(), 429);
    assert_eq!(page.headers()["retry-after"], "10");
    let page = crate::support::read(page).await;
    assert!(page.contains("Please wait a moment"), "{page}");
    assert_eq!(authorize(ELSEWHERE).await.status(), 303);
    assert_eq!(token(&app, HERE, "web", SECRET).await.status, 200);
    app.clock.advance(Duration::from_secs(10));
    assert_eq!(authorize(HERE).await.status(), 303);
}
