//! The addresses of clients written for GitHub, where errors have another shape; and the API of a person's approvals.

use axum::body::Body;
use axum::http::{Request, header};
use countersign_access::TokenKind;
use countersign_model::{Clock as _, SystemRng, UserStatus};
use countersign_oauth::{ClientRefusal, Error, GrantRefusal};
use countersign_server::ServerSettings;

use super::scene::everything;
use super::{Table, Told, post_with};
use crate::browser::{Browser, encode};
use crate::support::{Answer, App, ISSUER, basic};

async fn app() -> App {
    let settings = ServerSettings { github: true, ..ServerSettings::default() };
    let app = App::with(ISSUER, settings, everything).await;
    app.person("ada").await;
    app.client("web").await;
    app.client_with("phone", |client| client.scopes = "openid approvals".parse().unwrap()).await;
    app
}

async fn get(app: &App, path: &str, token: &str) -> Answer {
    let request = Request::get(path).header(header::AUTHORIZATION, format!("Bearer {token}"));
    Answer::of(app.send(request.body(Body::empty()).unwrap()).await).await
}

/// A body of JSON at an endpoint.
async fn post_json(app: &App, path: &str, authorization: &str, body: &str) -> Answer {
    let request = Request::post(path)
        .header(header::AUTHORIZATION, authorization)
        .header(header::CONTENT_TYPE, "application/json");
    Answer::of(app.send(request.body(Body::from(body.to_owned())).unwrap()).await).await
}

pub(super) async fn rows(table: &mut Table) {
    let app = app().await;
    let unknown =
        Browser::new(&app).get(&format!("/login/oauth/authorize?{}", encode([("client_id", "x")]))).await;
    let wire = (400, "invalid_client", "RFC 6749 §4.1.2.1");
    table.row("/login/oauth/authorize", &Error::UnknownClient, wire, unknown);

    let authorization = basic("web");
    let fields = [("authorization", authorization.as_str()), ("accept", "application/json")];
    let at = "/login/oauth/access_token";
    let guessed = post_with(&app, at, &fields, &[("code", "x")]).await;
    let wire = (200, "bad_verification_code", "RFC 6749 §5.2");
    table.row(at, &Error::InvalidGrant(GrantRefusal::CodeUnknown), wire, Told::Github(guessed));
    let at = "/login/device/code";
    let not_its_own = post_with(&app, at, &fields, &[]).await;
    let wire = (200, "unauthorized_client", "RFC 6749 §4.1.2.1, §5.2");
    table.row(at, &Error::UnauthorizedClient, wire, Told::Github(not_its_own));

    let at = "/applications/{client_id}/token";
    let wire = (401, "invalid_client", "RFC 6749 §5.2");
    let body = "{\"access_token\": \"x\"}";
    let other = post_json(&app, "/applications/phone/token", &authorization, body).await;
    let fact = Error::InvalidClient { reason: ClientRefusal::OtherClient };
    table.row(at, &fact, wire, Told::Words(other));
}

/// What a person's program and GitHub's clients are told of their tokens.
pub(super) async fn tokens(table: &mut Table) {
    let app = app().await;
    let code = app.code("phone", &[("scope", "openid approvals")]).await;
    let token = app.redeem("phone", &code, &[]).await.text("access_token").to_owned();
    let unknown =
        post_json(&app, "/api/approvals/x", &format!("Bearer {token}"), "{\"decision\": \"deny\"}").await;
    let wire = (404, "invalid_request", "OpenID Connect CIBA §8");
    table.row("/api/approvals", &Error::UnknownApproval, wire, Told::Words(unknown));

    assert_eq!(get(&app, "/user", &token).await.status, 200);
    app.store.set_user_status(&"usr_ada".into(), UserStatus::Disabled, app.clock.now()).await.unwrap();
    let wire = (401, "invalid_token", "RFC 6750 §3.1");
    table.row("/user", &Error::InvalidToken, wire, Told::Words(get(&app, "/user", &token).await));
}

/// GitHub's own words are said where they are true, and of nothing else.
#[tokio::test]
async fn a_credential_is_called_bad_only_if_it_is() {
    let app = app().await;
    let bad = get(&app, "/user", "x").await;
    assert_eq!((bad.status, bad.text("message")), (401, "Bad credentials"));
    let bare = Answer::of(app.send(Request::get("/user").body(Body::empty()).unwrap()).await).await;
    assert_eq!((bare.status, bare.text("message")), (401, "Requires authentication"));
    app.store.close().await;
    let token = TokenKind::AccessToken.generate(&SystemRng);
    let lost = get(&app, "/user", token.expose()).await;
    assert_eq!((lost.status, lost.header("retry-after").is_empty()), (503, false), "{lost:?}");
    assert_eq!(lost.text("message"), "The credential can't be checked right now.");
}
