//! The API by which a program of the person's own answers backchannel requests.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, header};
use countersign_model::{Client, ClientOrigin, Clock as _, GrantType, OptionalScopes, UserId};
use countersign_oauth::ports::{BackchannelRequests as _, Clients as _, People as _};
use serde_json::json;

use crate::browser::Browser;
use crate::support::{Answer, App, REDIRECT, VERIFIER, authorization, basic, web_client};

const CIBA: &str = "urn:openid:params:grant-type:ciba";

/// A server with two people, an authenticator and a bank.
async fn app() -> App {
    let app = App::new().await;
    app.person("ada").await;
    app.person("eve").await;
    let authenticator = Client {
        scopes: "openid email approvals".parse().unwrap(),
        first_party: true,
        ..web_client("authenticator", app.clock.now())
    };
    app.store.create_client(&authenticator).await.unwrap();
    let bank = Client { grant_types: [GrantType::Ciba].into(), ..web_client("bank", app.clock.now()) };
    app.store.create_client(&bank).await.unwrap();
    app
}

/// Changes the authenticator.
async fn change(app: &App, how: impl FnOnce(&mut Client)) {
    let before = app.store.client(&"authenticator".into()).await.unwrap().unwrap();
    let mut client = Client::clone(&before);
    how(&mut client);
    assert!(app.store.change_client(&before, &client, app.clock.now()).await.unwrap());
}

/// An access token of the authenticator for this person.
async fn token(app: &App, name: &str, scope: &str) -> String {
    let mut browser = Browser::new(app);
    browser.sign_in(name).await;
    let page = browser.get(&authorization("authenticator", &[("scope", scope)])).await;
    let back = url::Url::parse(page.location().unwrap()).unwrap();
    let code = back.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    app.post("/token", Some(&basic("authenticator")), &form).await.text("access_token").to_owned()
}

async fn ask(app: &App) -> Answer {
    let form = [("scope", "openid"), ("login_hint", "ada"), ("binding_message", "W4SCT")];
    let asked = app.post("/bc-authorize", Some(&basic("bank")), &form).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    asked
}

async fn fetch(app: &App, asked: &Answer) -> Answer {
    app.clock.advance(Duration::from_secs(5));
    let form = [("grant_type", CIBA), ("auth_req_id", asked.text("auth_req_id"))];
    app.post("/token", Some(&basic("bank")), &form).await
}

async fn list(app: &App, token: &str) -> Answer {
    let request = Request::get("/api/approvals").header(header::AUTHORIZATION, format!("Bearer {token}"));
    Answer::of(app.send(request.body(Body::empty()).unwrap()).await).await
}

async fn decide(app: &App, token: &str, id: &str, body: &str) -> Answer {
    let request = Request::post(format!("/api/approvals/{id}"))
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json");
    Answer::of(app.send(request.body(Body::from(body.to_owned())).unwrap()).await).await
}

#[tokio::test]
async fn a_program_of_the_persons_answers() {
    let app = app().await;
    let token = token(&app, "ada", "openid approvals").await;
    let asked = ask(&app).await;
    let listed = list(&app, &token).await;
    assert_eq!((listed.status, listed.header("cache-control")), (200, "no-store"));
    let one = &listed.json["approvals"][0];
    assert_eq!((&one["client_name"], &one["binding_message"]), (&json!("The bank app"), &json!("W4SCT")));
    assert_eq!((&one["scope"], &one["needs_sign_in"]), (&json!("openid"), &json!(false)));
    assert!(!listed.json.to_string().contains(asked.text("auth_req_id")));
    let id = one["id"].as_str().unwrap();
    for nonsense in ["", "{}", "[1]", "{\"decision\": \"maybe\"}", "{\"decision\": true}"] {
        assert_eq!(decide(&app, &token, id, nonsense).await.status, 400, "{nonsense}");
    }
    assert_eq!(decide(&app, &token, id, &" ".repeat(5_000)).await.status, 413);
    let answered = decide(&app, &token, id, "{\"decision\": \"approve\"}").await;
    assert_eq!((answered.status, answered.text("decision")), (200, "approve"));
    assert_eq!(decide(&app, &token, id, "{\"decision\": \"deny\"}").await.status, 404, "once");
    assert_eq!(fetch(&app, &asked).await.status, 200);
    let asked = ask(&app).await;
    let listed = list(&app, &token).await;
    let id = listed.json["approvals"][0]["id"].as_str().unwrap();
    assert_eq!(decide(&app, &token, id, "{\"decision\": \"deny\"}").await.status, 200);
    assert_eq!(fetch(&app, &asked).await.text("error"), "access_denied");
}

#[tokio::test]
async fn what_can_be_left_out_is_named_and_left_out() {
    let app = app().await;
    let shop = Client {
        grant_types: [GrantType::Ciba].into(),
        optional_scopes: OptionalScopes::Named("email".parse().unwrap()),
        ..web_client("shop", app.clock.now())
    };
    app.store.create_client(&shop).await.unwrap();
    let token = token(&app, "ada", "openid approvals").await;
    let form = [("scope", "openid email profile"), ("login_hint", "ada")];
    let asked = app.post("/bc-authorize", Some(&basic("shop")), &form).await;
    let listed = list(&app, &token).await;
    let one = &listed.json["approvals"][0];
    assert_eq!((&one["scope"], &one["optional_scope"]), (&json!("email openid profile"), &json!("email")));
    let id = one["id"].as_str().unwrap();
    let approve = async |scope: serde_json::Value| {
        decide(&app, &token, id, &json!({ "decision": "approve", "scope": scope }).to_string()).await.status
    };
    for wrong in [json!("openid email"), json!(""), json!("a\"b"), json!(["openid"]), json!(null)] {
        assert_eq!(approve(wrong.clone()).await, 400, "{wrong}");
    }
    assert_eq!(approve(json!("openid profile")).await, 200);
    app.clock.advance(Duration::from_secs(5));
    let form = [("grant_type", CIBA), ("auth_req_id", asked.text("auth_req_id"))];
    let tokens = app.post("/token", Some(&basic("shop")), &form).await;
    assert_eq!((tokens.status, tokens.text("scope")), (200, "openid profile"));
}

#[tokio::test]
async fn nobody_else_does() {
    let app = app().await;
    let asked = ask(&app).await;
    let ada = token(&app, "ada", "openid approvals").await;
    let id = list(&app, &ada).await.json["approvals"][0]["id"].as_str().unwrap().to_owned();
    let yes = "{\"decision\": \"approve\"}";
    // Another person: it is not there.
    let eve = token(&app, "eve", "openid approvals").await;
    assert_eq!(list(&app, &eve).await.json["approvals"], json!([]));
    assert_eq!(decide(&app, &eve, &id, yes).await.status, 404);
    // A token of ada's without the scope, none at all, and one of a program.
    let plain = token(&app, "ada", "openid email").await;
    let refused = decide(&app, &plain, &id, yes).await;
    assert_eq!(refused.status, 403);
    assert!(refused.header("www-authenticate").contains("insufficient_scope"), "{refused:?}");
    assert_eq!(list(&app, "made-up").await.status, 401);
    let form = [("grant_type", "client_credentials"), ("scope", "approvals")];
    let own = app.post("/token", Some(&basic("authenticator")), &form).await;
    let own = own.text("access_token").to_owned();
    assert_eq!(list(&app, &own).await.status, 403);
    assert_eq!(fetch(&app, &asked).await.text("error"), "authorization_pending");
}

#[tokio::test]
async fn a_program_that_asks_does_not_answer_itself() {
    let app = app().await;
    change(&app, |client| client.grant_types.extend([GrantType::Ciba])).await;
    let token = token(&app, "ada", "openid approvals").await;
    let form = [("scope", "openid"), ("login_hint", "ada")];
    let asked = app.post("/bc-authorize", Some(&basic("authenticator")), &form).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    assert_eq!(list(&app, &token).await.json["approvals"], json!([]));
    let ada = app.store.user_by_name(&"ada".parse().unwrap()).await.unwrap().unwrap();
    let waiting = app.store.waiting_backchannel(&ada.id, app.clock.now()).await.unwrap();
    let id = &waiting[0].backchannel.as_ref().unwrap().id;
    for decision in ["approve", "deny"] {
        let body = json!({ "decision": decision }).to_string();
        assert_eq!(decide(&app, &token, id, &body).await.status, 404, "{decision}");
    }
    // Another program of theirs does.
    ask(&app).await;
    assert_eq!(list(&app, &token).await.json["approvals"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn applications_that_the_operator_did_not_register_answer_nothing() {
    let app = app().await;
    ask(&app).await;
    let token = token(&app, "ada", "openid approvals").await;
    let id = list(&app, &token).await.json["approvals"][0]["id"].as_str().unwrap().to_owned();
    let until = app.clock.now();
    let strangers: [fn(&mut Client, countersign_model::Timestamp); 3] = [
        |client, _| client.origin = ClientOrigin::Registration,
        |client, until| client.origin = ClientOrigin::MetadataDocument { fresh_until: until },
        |client, _| client.owner = Some(UserId::from("usr_somebody")),
    ];
    for stranger in strangers {
        change(&app, |client| stranger(client, until)).await;
        let refused = list(&app, &token).await;
        assert_eq!(refused.status, 403);
        assert!(refused.text("detail").contains("the operator registered"), "{refused:?}");
        assert_eq!(decide(&app, &token, &id, "{\"decision\": \"approve\"}").await.status, 403);
        change(&app, |client| (client.origin, client.owner) = (ClientOrigin::Operator, None)).await;
    }
    assert_eq!(decide(&app, &token, &id, "{\"decision\": \"approve\"}").await.status, 200);
}
