//! Backchannel authentication (OpenID Connect CIBA): a client asks, a person without JavaScript answers.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use countersign_model::{Client, ClientId, ClientOrigin, Clock as _, GrantType, OptionalScopes, UserId};
use countersign_oauth::ports::Clients as _;

use crate::browser::{Browser, Page};
use crate::support::{Answer, App, PASSWORD, basic, web_client};

const CIBA: &str = "urn:openid:params:grant-type:ciba";

/// A server with ada, eve and a bank.
async fn app() -> App {
    let app = App::new().await;
    app.person("ada").await;
    app.person("eve").await;
    let client = Client {
        client_name: "The <bank>".to_owned(),
        grant_types: [GrantType::Ciba].into(),
        ..web_client("bank", app.clock.now())
    };
    app.store.create_client(&client).await.unwrap();
    app
}

async fn ask(app: &App, changes: &[(&str, &str)]) -> Answer {
    let usual = [("scope", "openid email"), ("login_hint", "ada"), ("binding_message", "Pay 12 & go: W4SCT")];
    let kept = usual.into_iter().filter(|(name, _)| !changes.iter().any(|(other, _)| other == name));
    let form: Vec<_> = kept.chain(changes.iter().copied()).collect();
    app.post("/bc-authorize", Some(&basic("bank")), &form).await
}

async fn fetch(app: &App, asked: &Answer) -> Answer {
    let form = [("grant_type", CIBA), ("auth_req_id", asked.text("auth_req_id"))];
    app.post("/token", Some(&basic("bank")), &form).await
}

/// The page with what waits, seen by this person in a new browser.
async fn page_of<'a>(app: &'a App, name: &str) -> (Browser<'a>, Page) {
    let mut browser = Browser::new(app);
    browser.sign_in(name).await;
    let page = browser.get("/account/approvals").await;
    (browser, page)
}

#[tokio::test]
async fn a_person_approves_on_their_page() {
    let app = app().await;
    let asked = ask(&app, &[]).await;
    assert_eq!((asked.status, asked.header("cache-control")), (200, "no-store"), "CIBA §7.3");
    assert_eq!((&asked.json["expires_in"], &asked.json["interval"]), (&300.into(), &5.into()));
    assert_eq!(fetch(&app, &asked).await.text("error"), "authorization_pending");

    let mut browser = Browser::new(&app);
    let page = browser.get("/account/approvals").await;
    assert!(page.shows("to see what waits for your approval"), "{page:?}");
    let page = browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
    assert!(page.shows("The &#60;bank&#62;") && page.shows("Pay 12 &#38; go: W4SCT"), "{page:?}");
    assert!(page.shows("See your e-mail address") && page.shows("Waits until"), "{page:?}");
    assert!(!page.shows(asked.text("auth_req_id")), "the client's secret is no business of a page");
    let page = browser.submit(&page, &[("decision", "approve")]).await;
    assert!(page.shows("You approved the request") && page.shows("Nothing waits for you"), "{page:?}");

    app.clock.advance(Duration::from_secs(5));
    let tokens = fetch(&app, &asked).await;
    assert_eq!((tokens.status, tokens.text("scope")), (200, "email openid"));
    let authorization = format!("Bearer {}", tokens.text("access_token"));
    let request = Request::get("/userinfo").header(header::AUTHORIZATION, authorization);
    let who = Answer::of(app.send(request.body(Body::empty()).unwrap()).await).await;
    assert_eq!(who.text("sub"), "usr_ada");
    assert_eq!(fetch(&app, &asked).await.text("error"), "invalid_grant");
}

#[tokio::test]
async fn the_page_says_who_stands_behind_each_name() {
    let app = app().await;
    let bank = app.store.client(&ClientId::from("bank")).await.unwrap().unwrap();
    let others = [
        Client { client_id: ClientId::from("self"), origin: ClientOrigin::Registration, ..(*bank).clone() },
        Client { client_id: ClientId::from("eves"), owner: Some(UserId::from("usr_eve")), ..(*bank).clone() },
    ];
    for client in &others {
        app.store.create_client(client).await.unwrap();
    }
    for id in ["bank", "self", "eves"] {
        let form = [("scope", "openid"), ("login_hint", "ada")];
        assert_eq!(app.post("/bc-authorize", Some(&basic(id)), &form).await.status, 200, "{id}");
        app.clock.advance(Duration::from_secs(1));
    }
    let (_, page) = page_of(&app, "ada").await;
    for mark in ["approval-operator-1", "approval-unvouched-2", "approval-owner-3"] {
        assert!(page.shows(&format!("id=\"{mark}\"")), "{mark}: {page:?}");
    }
    assert!(page.shows("eve &#60;the first&#62; (eve)") && page.shows("Nobody here has checked its name"));
}

#[tokio::test]
async fn a_person_unticks_what_they_would_rather_not_give() {
    let app = app().await;
    let bank = app.store.client(&ClientId::from("bank")).await.unwrap().unwrap();
    let optional_scopes = OptionalScopes::Named("email".parse().unwrap());
    let lenient = Client { optional_scopes, ..(*bank).clone() };
    assert!(app.store.change_client(&bank, &lenient, app.clock.now()).await.unwrap());
    let asked = ask(&app, &[("scope", "openid email profile")]).await;
    let (mut browser, page) = page_of(&app, "ada").await;
    assert!(page.shows("name=\"scope:email\" value=\"yes\" checked"), "{page:?}");
    assert!(page.shows("Untick what you would rather not give") && !page.shows("name=\"scope:profile\""));
    // What can't be left out is not, whatever a form says, and the request goes on waiting.
    let forced = browser.submit(&page, &[("decision", "approve"), ("scope", "openid")]).await;
    assert_eq!(forced.status, StatusCode::BAD_REQUEST);
    assert_eq!(fetch(&app, &asked).await.text("error"), "authorization_pending");
    let answer = [("decision", "approve"), ("scope:email", ""), ("scope:admin", "yes")];
    let page = browser.submit(&page, &answer).await;
    assert!(page.shows("You approved the request"), "{page:?}");
    app.clock.advance(Duration::from_secs(5));
    let tokens = fetch(&app, &asked).await;
    assert_eq!((tokens.status, tokens.text("scope")), (200, "openid profile"));
}

#[tokio::test]
async fn a_person_says_no() {
    let app = app().await;
    let asked = ask(&app, &[]).await;
    let (mut browser, page) = page_of(&app, "ada").await;
    let page = browser.submit(&page, &[("decision", "deny")]).await;
    assert!(page.shows("You denied the request"), "{page:?}");
    let refused = fetch(&app, &asked).await;
    assert_eq!((refused.status, refused.text("error")), (400, "access_denied"), "CIBA §11");
}

#[tokio::test]
async fn only_the_person_who_is_asked_sees_and_answers_it() {
    let app = app().await;
    let asked = ask(&app, &[]).await;
    let (mut ada, shown) = page_of(&app, "ada").await;
    let (mut eve, page) = page_of(&app, "eve").await;
    assert!(page.shows("Nothing waits for you") && !page.shows("bank"), "{page:?}");
    let (action, fields) = shown.form(&[("decision", "approve")]);
    assert_eq!(action, "/account/approvals");
    // Another browser, another session, another site, a name that was swapped: none of them may answer.
    let forged = eve.step(Method::POST, &action, Some(&fields), &[]).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let site = [("sec-fetch-site", "cross-site")];
    assert_eq!(ada.step(Method::POST, &action, Some(&fields), &site).await.status, StatusCode::FORBIDDEN);
    ask(&app, &[("login_hint", "eve")]).await;
    let of_eve = eve.get("/account/approvals").await;
    let (_, theirs) = of_eve.form(&[("decision", "approve")]);
    assert_eq!(ada.step(Method::POST, &action, Some(&theirs), &[]).await.status, StatusCode::FORBIDDEN);
    let nobody = Browser::new(&app).step(Method::POST, &action, Some(&fields), &[]).await;
    assert_eq!(nobody.location().unwrap(), "/sign-in?to=approvals");
    assert_eq!(fetch(&app, &asked).await.text("error"), "authorization_pending");
    // Once, and not when it is over.
    assert_eq!(ada.step(Method::POST, &action, Some(&fields), &[]).await.status, StatusCode::OK);
    let again = ada.step(Method::POST, &action, Some(&fields), &[]).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    app.clock.advance(Duration::from_secs(5));
    assert_eq!(fetch(&app, &asked).await.status, 200);
}

#[tokio::test]
async fn clients_are_told_what_is_wrong() {
    let app = app().await;
    app.client("web").await;
    let status_and_error = |answer: &Answer| (answer.status, answer.text("error").to_owned());
    let wrong = [
        (("login_hint", "nobody"), 400, "unknown_user_id"),
        (("binding_message", "two\nlines"), 400, "invalid_binding_message"),
        (("scope", "email"), 400, "invalid_scope"),
        (("requested_expiry", "soon"), 400, "invalid_request"),
        (("id_token_hint", "x.y.z"), 400, "invalid_request"),
        (("request", "x.y.z"), 400, "invalid_request"),
    ];
    for (change, status, error) in wrong {
        assert_eq!(status_and_error(&ask(&app, &[change]).await), (status, error.to_owned()), "{change:?}");
    }
    let form = [("scope", "openid"), ("login_hint", "ada")];
    let answer = app.post("/bc-authorize", Some(&basic("web")), &form).await;
    assert_eq!(status_and_error(&answer), (400, "unauthorized_client".to_owned()));
    let answer = app.post("/bc-authorize", None, &form).await;
    assert_eq!(status_and_error(&answer), (401, "invalid_client".to_owned()));
    assert!(answer.header("www-authenticate").starts_with("Basic "));
    let get = Request::get("/bc-authorize").body(Body::empty()).unwrap();
    assert_eq!(app.send(get).await.status(), 405, "CIBA §7.1: POST");
    for _ in 0..3 {
        assert_eq!(ask(&app, &[]).await.status, 200);
    }
    assert_eq!(status_and_error(&ask(&app, &[]).await), (403, "access_denied".to_owned()), "CIBA §13");
    let metadata = Request::get("/.well-known/openid-configuration").body(Body::empty()).unwrap();
    let metadata = Answer::of(app.send(metadata).await).await;
    assert_eq!(metadata.text("backchannel_authentication_endpoint"), "https://auth.example/bc-authorize");
}

#[tokio::test]
async fn names_are_learnt_slowly() {
    let app = app().await;
    for number in 0..30 {
        let name = format!("nobody{number}");
        assert_eq!(ask(&app, &[("login_hint", &name)]).await.text("error"), "unknown_user_id");
    }
    let answer = ask(&app, &[]).await;
    assert_eq!((answer.status, answer.text("error")), (429, "temporarily_unavailable"), "{answer:?}");
    assert_eq!(answer.header("retry-after"), "2");
    // What it does elsewhere goes on.
    let form = [("grant_type", CIBA), ("auth_req_id", "made-up")];
    assert_eq!(app.post("/token", Some(&basic("bank")), &form).await.text("error"), "invalid_grant");
    app.clock.advance(Duration::from_secs(2));
    assert_eq!(ask(&app, &[]).await.status, 200);
}
