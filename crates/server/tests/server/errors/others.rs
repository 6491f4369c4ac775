//! Registration, userinfo, and what is nobody's fault but ours.

use axum::body::Body;
use axum::http::{Method, Request, header};
use countersign_model::{Clock as _, UserStatus};
use countersign_oauth::ports::Unavailable;
use countersign_oauth::register::RegistrationAccess;
use countersign_oauth::{Error, RegistrationRefusal, Settings, SigningFailed};
use countersign_server::ServerSettings;
use serde_json::{Value, json};

use super::scene::everything;
use super::{Table, post_with};
use crate::support::{Answer, App, ISSUER, REDIRECT, basic};

async fn send(app: &App, method: Method, path: &str, bearer: Option<&str>, body: &str) -> Answer {
    let mut request =
        Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, "application/json");
    if let Some(bearer) = bearer {
        request = request.header(header::AUTHORIZATION, format!("Bearer {bearer}"));
    }
    Answer::of(app.send(request.body(Body::from(body.to_owned())).unwrap()).await).await
}

/// RFC 7591 §3.2.2, RFC 7592 §2.
pub(super) async fn registration(table: &mut Table) {
    let few = |settings: &mut Settings| {
        everything(settings);
        settings.registration.most_clients = 1;
    };
    let app = App::with(ISSUER, ServerSettings::default(), few).await;
    let register = async |changes: Value| {
        let document = json!({ "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none" });
        let document = super::scene::changed(document, &changes).to_string();
        send(&app, Method::POST, "/register", None, &document).await
    };
    let section = "RFC 7591 §3.2.2";
    let refused = Error::Registration;
    let at = "/register";
    let unreadable = send(&app, Method::POST, at, None, "x").await;
    let wire = (400, "invalid_client_metadata", section);
    table.row(at, &refused(RegistrationRefusal::Document("it can't be read")), wire, unreadable);
    let fact = RegistrationRefusal::Metadata { member: "default_max_age", fault: "it is not offered" };
    table.row(at, &refused(fact), wire, register(json!({ "default_max_age": 1 })).await);
    let fact = RegistrationRefusal::RedirectUri("one is no absolute URI");
    let wire = (400, "invalid_redirect_uri", section);
    table.row(at, &refused(fact), wire, register(json!({ "redirect_uris": ["x"] })).await);
    let fact = RegistrationRefusal::Statement("it is no signed JWT");
    let wire = (400, "invalid_software_statement", section);
    table.row(at, &refused(fact), wire, register(json!({ "software_statement": "x" })).await);
    let stranger = super::scene::sign("JWT", &json!({ "iss": "https://x.example" }), &super::scene::key());
    let fact = RegistrationRefusal::StatementUnapproved("its issuer is not trusted here");
    let wire = (400, "unapproved_software_statement", section);
    table.row(at, &refused(fact), wire, register(json!({ "software_statement": stranger })).await);

    let section = "RFC 7591 §3, RFC 7592 §2, RFC 6750 §3.1";
    let wire = (401, "invalid_token", section);
    let wrong = send(&app, Method::POST, at, Some("x"), "{}").await;
    table.row(at, &refused(RegistrationRefusal::TokenInvalid), wire, wrong);
    let bare = send(&app, Method::GET, "/register/somebody", None, "").await;
    table.row("/register/{client_id}", &refused(RegistrationRefusal::TokenMissing), wire, bare);
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let wrong = send(&app, method, "/register/somebody", Some("x"), "{}").await;
        table.row("/register/{client_id}", &refused(RegistrationRefusal::TokenInvalid), wire, wrong);
    }
    assert_eq!(register(json!({})).await.status, 201);
    let wire = (503, "temporarily_unavailable", "RFC 6749 §4.1.2.1");
    table.row(at, &refused(RegistrationRefusal::Full), wire, register(json!({})).await);

    let closed = |settings: &mut Settings| {
        everything(settings);
        settings.registration.access = RegistrationAccess::InitialAccessToken;
    };
    let app = App::with(ISSUER, ServerSettings::default(), closed).await;
    let bare = send(&app, Method::POST, at, None, "{}").await;
    table.row(at, &refused(RegistrationRefusal::TokenMissing), (401, "invalid_token", section), bare);
}

/// RFC 6750 §3.1. What the pipeline refuses has tests of its own; these are the endpoint's.
pub(super) async fn userinfo(table: &mut Table) {
    let app = App::with(ISSUER, ServerSettings::default(), everything).await;
    app.person("ada").await;
    app.client_with("web", |_| {}).await;
    let token = async |scope: &str| {
        let code = app.code("web", &[("scope", scope)]).await;
        app.redeem("web", &code, &[]).await.text("access_token").to_owned()
    };
    let ask = async |token: &str| send(&app, Method::GET, "/userinfo", Some(token), "").await;
    let section = "RFC 6750 §3.1";
    let less = ask(&token("invoices:read").await).await;
    table.row("/userinfo", &Error::InsufficientScope, (403, "insufficient_scope", section), less);
    let good = token("openid").await;
    assert_eq!(ask(&good).await.status, 200);
    let now = app.clock.now();
    app.store.set_user_status(&"usr_ada".into(), UserStatus::Disabled, now).await.unwrap();
    table.row("/userinfo", &Error::InvalidToken, (401, "invalid_token", section), ask(&good).await);
}

/// RFC 6749 §4.1.2.1, `server_error`: nothing of the reason goes out.
pub(super) async fn our_own_fault(table: &mut Table) {
    let app = App::with(ISSUER, ServerSettings::default(), everything).await;
    app.client_with("api", |client| client.introspection_signed_response_alg = Some("ES512".to_owned()))
        .await;
    let wire = (500, "server_error", "RFC 6749 §4.1.2.1");
    let authorization = basic("api");
    let fields =
        [("authorization", authorization.as_str()), ("accept", "application/token-introspection+jwt")];
    let unsigned = post_with(&app, "/introspect", &fields, &[("token", "x")]).await;
    table.row("/introspect", &Error::Signing(SigningFailed), wire, unsigned);
    app.store.close().await;
    let wire = (503, "temporarily_unavailable", "RFC 6749 §4.1.2.1");
    let fact = Error::Unavailable(Unavailable("the reason is for the log alone".into()));
    let grant = [("grant_type", "client_credentials")];
    for (path, form) in [
        ("/token", &grant[..]),
        ("/par", &[][..]),
        ("/revoke", &[("token", "x")][..]),
        ("/introspect", &[("token", "x")][..]),
        ("/device_authorization", &[][..]),
        ("/bc-authorize", &[][..]),
    ] {
        // Another client than the one that is remembered.
        let answer = app.post(path, Some(&basic("nobody")), form).await;
        table.row(path, &fact, wire, answer);
    }
}
