//! Pages for people: forms that are none of ours, queries that can't be read, and who tries too often.

use axum::http::Method;

use super::addresses::{self, Kind};
use super::scene::app;
use crate::browser::Browser;

/// What forms are about, all of them at once.
const ABOUT: &str = "continue=x&client_id=web&approval=x&user_code=BCDF-GHJK&csrf=x";

/// RFC 6749 §10.12, RFC 9700 §4.7: a form counts only in the browser and the session that it was shown in.
#[tokio::test]
async fn a_form_that_was_not_shown_here_is_refused() {
    let app = app().await;
    app.client_with("own", |client| client.owner = Some("usr_ada".into())).await;
    let mut signed_in = Browser::new(&app);
    signed_in.sign_in("ada").await;
    for address in addresses::of(&[Kind::Form]) {
        let path = address.concrete("own");
        for site in ["same-origin", "same-site", "cross-site"] {
            let page = signed_in.step(Method::POST, &path, Some(ABOUT), &[("sec-fetch-site", site)]).await;
            assert_eq!(page.status, 403, "{path} {site}: {page:?}");
            assert!(page.shows("This form is out of date"), "{path}");
            assert_eq!(page.headers["cache-control"], "no-store", "{path}");
        }
        // Somebody who is not signed in is sent to sign in, or was not shown a form either.
        let page = Browser::new(&app).step(Method::POST, &path, Some(ABOUT), &[]).await;
        let goes = page.location().unwrap_or_default();
        let is_sent_away = page.status == 303 && (goes.starts_with("/sign-in") || goes == "/signed-out");
        assert!(page.status == 403 || is_sent_away, "{path}: {page:?}");
    }
}

/// A form in which something comes twice can be read in two ways.
#[tokio::test]
async fn a_form_or_query_that_could_be_read_in_two_ways_is_refused() {
    let app = app().await;
    let mut browser = Browser::new(&app);
    browser.sign_in("ada").await;
    for address in addresses::of(&[Kind::Form]) {
        let path = address.concrete("web");
        let page = browser.step(Method::POST, &path, Some("csrf=a&csrf=b"), &[]).await;
        assert!(page.status == 400 && page.shows(">invalid_request<"), "{path}: {page:?}");
    }
    let queried =
        ["/sign-in", "/consent", "/device", "/account/authorization", "/device/qr", "/applications/web"];
    let long = format!("x={}", "y".repeat(17_000));
    for path in queried.into_iter().chain(["/account/authorizations", "/authorize", "/login/oauth/authorize"])
    {
        for query in ["continue=%zz", "continue=%ff", "continue=%00", long.as_str()] {
            let page = browser.step(Method::GET, &format!("{path}?{query}"), None, &[]).await;
            assert!(page.status == 400 && page.shows(">invalid_request<"), "{path}?{query}: {page:?}");
        }
    }
    for path in queried {
        let page = browser.step(Method::GET, &format!("{path}?a=1&a=2"), None, &[]).await;
        assert!(page.status == 400 && page.shows(">invalid_request<"), "{path}: {page:?}");
    }
}

/// RFC 6585 §4: where something can be guessed, or where what is sent stays.
#[tokio::test]
async fn who_tries_too_often_is_told_when_to_come_back() {
    let app = app().await;
    let mut browser = Browser::new(&app);
    let sign_in = browser.get("/sign-in").await;
    let mut stranger = Browser::new(&app);
    let their_sign_in = stranger.get("/sign-in").await;
    browser.submit(&sign_in, &[("username", "ada"), ("password", crate::support::PASSWORD)]).await;
    let device = browser.get("/device").await;
    let application = browser.get("/applications/new").await;
    let guess = async |browser: &mut Browser<'_>, page, typed: &[(&str, &str)]| {
        for _ in 0..40 {
            let answer = browser.submit(page, typed).await;
            if answer.status == 429 {
                return answer.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap();
            }
            let is_told = matches!(answer.status.as_u16(), 400 | 403 | 404) && answer.shows("role=\"alert\"");
            assert!(is_told, "{answer:?}");
        }
        panic!("as often as one likes");
    };
    assert!(guess(&mut stranger, &their_sign_in, &[("username", "ada"), ("password", "x")]).await > 0);
    assert!(guess(&mut browser, &device, &[("user_code", "BCDF-GHJK")]).await > 0);
    assert!(guess(&mut browser, &application, &[("name", "")]).await > 0);
}

/// What is not there, or not a person's own, is not there for them.
#[tokio::test]
async fn what_is_anothers_is_not_there() {
    let app = app().await;
    let mut browser = Browser::new(&app);
    browser.sign_in("ada").await;
    let nothing =
        ["/account/authorization", "/account/authorization?client_id=web", "/device/qr", "/assets/x"];
    let others = [
        "/applications/web",
        "/applications/web/secret",
        "/applications/web/delete",
        "/ca/crl",
        "/ca/bundle.pem",
    ];
    for path in nothing.into_iter().chain(others) {
        let page = browser.step(Method::GET, path, None, &[]).await;
        assert_eq!(page.status, 404, "{path}: {page:?}");
    }
}
