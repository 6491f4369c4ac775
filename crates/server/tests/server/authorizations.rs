//! What a person let applications do, and how they take it back.

use axum::http::{Method, StatusCode};

use crate::browser::{Browser, encode};
use crate::support::*;

async fn let_in(app: &App, browser: &mut Browser<'_>) -> Answer {
    let page = browser.get(&authorization("web", &[])).await;
    let page = browser.submit(&page, &[("decision", "allow")]).await;
    let code = page.answer("code").unwrap_or_else(|| panic!("no code: {page:?}"));
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    app.post("/token", Some(&basic("web")), &form).await
}

#[tokio::test]
async fn one_is_seen_and_taken_back_with_every_token() {
    let app = App::new().await;
    app.person("ada").await;
    app.client("web").await;
    let mut browser = Browser::new(&app);
    browser.sign_in("ada").await;
    assert!(browser.get("/account/authorizations").await.shows("authorizations-none"));
    let tokens = let_in(&app, &mut browser).await;

    let account = browser.get("/account").await;
    assert!(account.shows("/account/authorizations"), "{account:?}");
    let list = browser.get("/account/authorizations").await;
    assert!(list.shows("The web app") && list.shows("3 permissions"), "{list:?}");
    let one = browser.get("/account/authorization?client_id=web").await;
    assert!(one.shows("invoices:read") && one.shows("the people who run auth.example"), "{one:?}");
    assert!(!one.shows("not known"), "it fetched a token");
    let answer =
        app.post("/introspect", Some(&basic("web")), &[("token", tokens.text("access_token"))]).await;
    assert_eq!(answer.json["active"], true);

    let after = browser.submit(&one, &[]).await;
    assert!(after.shows("id=\"withdrawn\"") && after.shows("authorizations-none"), "{after:?}");
    let answer =
        app.post("/introspect", Some(&basic("web")), &[("token", tokens.text("access_token"))]).await;
    assert_eq!(answer.json, serde_json::json!({ "active": false }));
    let form = [("grant_type", "refresh_token"), ("refresh_token", tokens.text("refresh_token"))];
    assert_eq!(app.post("/token", Some(&basic("web")), &form).await.text("error"), "invalid_grant");
    // And nothing is remembered: the person is asked anew.
    assert!(browser.get(&authorization("web", &[])).await.shows("consent-allow"));
    assert_eq!(browser.get("/account/authorization?client_id=web").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn who_asks_for_nothing_is_let_in_and_taken_back_like_others() {
    let app = App::new().await;
    app.person("ada").await;
    app.client("web").await;
    let mut browser = Browser::new(&app);
    browser.sign_in("ada").await;
    let nothing = authorization("web", &[("scope", "")]);
    let quietly = authorization("web", &[("scope", ""), ("prompt", "none")]);
    assert_eq!(browser.get(&quietly).await.answer("error").as_deref(), Some("consent_required"));
    let page = browser.get(&nothing).await;
    assert!(page.shows("consent-allow") && page.shows("learns an identifier of yours"), "{page:?}");
    assert!(!page.shows("nothing more about you"), "{page:?}");
    assert!(browser.submit(&page, &[("decision", "allow")]).await.answer("code").is_some());
    assert!(browser.get(&quietly).await.answer("code").is_some(), "the answer is remembered");

    let one = browser.get("/account/authorization?client_id=web").await;
    assert!(one.shows("authorization-nothing") && one.shows("an identifier of yours"), "{one:?}");
    assert!(browser.submit(&one, &[]).await.shows("id=\"withdrawn\""));
    assert_eq!(browser.get(&quietly).await.answer("error").as_deref(), Some("consent_required"));
    assert!(browser.get(&nothing).await.shows("consent-allow"));
}

#[tokio::test]
async fn nobody_takes_back_what_is_anothers() {
    let app = App::new().await;
    app.person("ada").await;
    app.person("eve").await;
    app.client("web").await;
    let mut ada = Browser::new(&app);
    ada.sign_in("ada").await;
    let tokens = let_in(&app, &mut ada).await;
    let one = ada.get("/account/authorization?client_id=web").await;
    let (_, form) = one.form(&[]);

    let mut eve = Browser::new(&app);
    eve.sign_in("eve").await;
    let page = eve.step(Method::GET, "/account/authorization?client_id=web", None, &[]).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    let forged = eve.step(Method::POST, "/account/authorization", Some(&form), &[]).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let bare = encode([("client_id", "web")]);
    for (form, extra) in [(&bare, &[][..]), (&form, &[("sec-fetch-site", "cross-site")][..])] {
        let forged = ada.step(Method::POST, "/account/authorization", Some(form), extra).await;
        assert_eq!(forged.status, StatusCode::FORBIDDEN);
    }
    let answer =
        app.post("/introspect", Some(&basic("web")), &[("token", tokens.text("access_token"))]).await;
    assert_eq!(answer.json["active"], true);
    let stranger = Browser::new(&app).get("/account/authorizations").await;
    assert!(stranger.address.starts_with("/sign-in?to=authorizations"), "{stranger:?}");
}
