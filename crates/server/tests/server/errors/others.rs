//! Registration, protected resources of our own, and what is nobody's fault but ours.

use axum::body::Body;
use axum::http::{Method, Request, header};
use countersign_access::TokenKind;
use countersign_model::{Clock as _, SystemRng, UserStatus};
use countersign_oauth::ports::Unavailable;
use countersign_oauth::register::RegistrationAccess;
use countersign_oauth::{Error, RegistrationRefusal, Settings, SigningFailed};
use serde_json::json;

use super::addresses::{self, Kind};
use super::scene::{app, everything, github};
use super::{REQUEST, Table, Told};
use crate::browser::Browser;
use crate::support::{Answer, App, ISSUER, REDIRECT, basic};

/// A body of JSON, with a token.
pub(super) async fn send(app: &App, method: Method, path: &str, bearer: Option<&str>, body: &str) -> Answer {
    let mut request =
        Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, "application/json");
    if let Some(bearer) = bearer {
        request = request.header(header::AUTHORIZATION, format!("Bearer {bearer}"));
    }
    Answer::of(app.send(request.body(Body::from(body.to_owned())).unwrap()).await).await
}

/// RFC 7591 §3.2.2, RFC 7592 §2: what is wrong with a new registration is wrong with one that replaces it.
pub(super) async fn registration(table: &mut Table) {
    let few = |settings: &mut Settings| {
        everything(settings);
        settings.registration.most_clients = 1;
    };
    let app = App::with(ISSUER, github(), few).await;
    let good = json!({ "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none" });
    let made = send(&app, Method::POST, "/register", None, &good.to_string()).await;
    assert_eq!(made.status, 201, "{made:?}");
    let (id, token) = (made.text("client_id").to_owned(), made.text("registration_access_token").to_owned());
    let own = format!("/register/{id}");
    let stranger = super::scene::sign("JWT", &json!({ "iss": "https://x.example" }), &super::scene::key());
    let metadata = "invalid_client_metadata";
    let cases = [
        (
            json!({ "default_max_age": 1 }),
            metadata,
            RegistrationRefusal::Metadata { member: "default_max_age", fault: "it is not offered" },
        ),
        (
            json!({ "redirect_uris": ["x"] }),
            "invalid_redirect_uri",
            RegistrationRefusal::RedirectUri("one is no absolute URI"),
        ),
        (
            json!({ "software_statement": "x" }),
            "invalid_software_statement",
            RegistrationRefusal::Statement("it is no signed JWT"),
        ),
        (
            json!({ "software_statement": stranger }),
            "unapproved_software_statement",
            RegistrationRefusal::StatementUnapproved("its issuer is not trusted here"),
        ),
    ];
    let at = [
        (Method::POST, "/register", "/register", None),
        (Method::PUT, "/register/{client_id}", own.as_str(), Some(token.as_str())),
    ];
    for (method, path, address, bearer) in at {
        let section = "RFC 7591 §3.2.2";
        let unreadable = send(&app, method.clone(), address, bearer, "x").await;
        let fact = Error::Registration(RegistrationRefusal::Document("it can't be read"));
        table.row(path, &fact, (400, metadata, section), unreadable);
        for (changes, code, refusal) in &cases {
            let mut document = super::scene::changed(good.clone(), changes);
            if bearer.is_some() {
                document["client_id"] = id.as_str().into();
            }
            let refused = send(&app, method.clone(), address, bearer, &document.to_string()).await;
            table.row(path, &Error::Registration(refusal.clone()), (400, code, section), refused);
        }
    }
    let full = send(&app, Method::POST, "/register", None, &good.to_string()).await;
    let wire = (503, "temporarily_unavailable", "RFC 6749 §4.1.2.1");
    table.row("/register", &Error::Registration(RegistrationRefusal::Full), wire, full);

    let closed = |settings: &mut Settings| {
        everything(settings);
        settings.registration.access = RegistrationAccess::InitialAccessToken;
    };
    let app = App::with(ISSUER, github(), closed).await;
    let wire = (401, "invalid_token", "RFC 7591 §3, RFC 7592 §2, RFC 6750 §3.1");
    for (path, method) in addresses::of(&[Kind::Registration])
        .flat_map(|address| address.methods().map(move |method| (address.path, method)))
    {
        let address = path.replace("{client_id}", "somebody");
        let bare = send(&app, method.clone(), &address, None, "{}").await;
        table.row(path, &Error::Registration(RegistrationRefusal::TokenMissing), wire, bare);
        let wrong = send(&app, method, &address, Some("x"), "{}").await;
        table.row(path, &Error::Registration(RegistrationRefusal::TokenInvalid), wire, wrong);
    }
}

/// RFC 6750 §3.1, of what the engine has to say; what the pipeline says is in `resources`.
pub(super) async fn resources(table: &mut Table) {
    let app = app().await;
    app.client_with("trusted", |_| {}).await;
    let section = "RFC 6750 §3.1";
    for path in ["/userinfo", "/user", "/api/v3/user"] {
        let address = addresses::named(path);
        let ask = async |token: &str| {
            let answer = send(&app, Method::GET, path, Some(token), "").await;
            if path == "/userinfo" { Told::Program(answer) } else { address.told(answer) }
        };
        let less = ask(&app.access_token("trusted", "invoices:read").await).await;
        table.row(path, &Error::InsufficientScope, (403, "insufficient_scope", section), less);
        let good = app.access_token("trusted", "openid").await;
        let now = app.clock.now();
        app.store.set_user_status(&"usr_ada".into(), UserStatus::Disabled, now).await.unwrap();
        table.row(path, &Error::InvalidToken, (401, "invalid_token", section), ask(&good).await);
        app.store.set_user_status(&"usr_ada".into(), UserStatus::Enabled, now).await.unwrap();
    }
}

/// RFC 6749 §4.1.2.1: nothing of the reason goes out.
pub(super) async fn our_own_fault(table: &mut Table) {
    let app = app().await;
    app.client_with("odd", |client| client.introspection_signed_response_alg = Some("ES512".to_owned()))
        .await;
    app.client_with("sealed", |client| {
        client.introspection_encrypted_response_alg = Some("ECDH-ES".to_owned());
    })
    .await;
    let introspect = addresses::named("/introspect");
    let ask = async |id: &str, accept: &'static str| {
        let authorization = basic(id);
        let fields = [("authorization", authorization.as_str()), ("accept", accept)];
        super::scene::only(introspect.form(&fields, &[("token", "x")]), "accept", accept)
    };
    let signed = "application/token-introspection+jwt";
    let unsigned = Answer::of(app.send(ask("odd", signed).await).await).await;
    let wire = (500, "server_error", "RFC 6749 §4.1.2.1");
    table.refused(introspect, &Error::Signing(SigningFailed), wire, unsigned);
    let unsealed = Answer::of(app.send(ask("sealed", signed).await).await).await;
    table.refused(introspect, &Error::ResponseKeyUnavailable, (400, REQUEST, "JARM §3"), unsealed);
    let clear = Answer::of(app.send(ask("sealed", "application/json").await).await).await;
    let wire = (400, REQUEST, "RFC 6749 §4.1.2.1, §5.2");
    table.refused(introspect, &Error::Invalid("Accept"), wire, clear);

    let wire = (503, "temporarily_unavailable", "RFC 6749 §4.1.2.1");
    let fact = Error::Unavailable(Unavailable("the reason is for the log alone".into()));
    let mut browser = Browser::new(&app);
    browser.sign_in("ada").await;
    app.client_with("phone", |client| client.scopes = "openid approvals".parse().unwrap()).await;
    let token = app.access_token("phone", "openid approvals").await;
    app.store.close().await;
    // Another client than the one that is remembered.
    for address in addresses::of_clients() {
        let lost = address.of(&app, "nobody", &[("token", "x")]).await;
        assert_eq!(lost.header("retry-after"), "5", "{address:?}");
        table.refused(address, &fact, wire, lost);
    }
    let unknown = TokenKind::RegistrationAccessToken.generate(&SystemRng);
    for address in addresses::of(&[Kind::Registration]) {
        for method in address.methods() {
            let document = json!({ "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none" });
            let bearer = (address.path != "/register").then_some(unknown.expose().as_str());
            let lost = send(&app, method, &address.concrete("web"), bearer, &document.to_string()).await;
            assert_eq!(lost.header("retry-after"), "5", "{address:?}");
            table.row(address.path, &fact, wire, lost);
        }
    }
    for address in addresses::of(&[Kind::Resource]) {
        let lost = send(&app, address.method(), &address.concrete("x"), Some(&token), "{}").await;
        let told = (lost.status, lost.header("retry-after"), lost.header("cache-control"));
        assert_eq!(told, (503, "5", "no-store"), "{address:?}: {lost:?}");
        table.met(address.path, &fact);
    }
    let about = "continue=x&client_id=web&approval=x&user_code=BCDF-GHJK";
    for address in addresses::of(&[Kind::Authorization, Kind::Form, Kind::Page]) {
        for method in address.methods() {
            let path = address.concrete("web");
            let form = (method != Method::GET).then_some(about);
            let page = browser.step(method, &format!("{path}?{about}"), form, &[]).await;
            // What the form is about can't be asked before it is known to be ours.
            if page.status == 403 && form.is_some() {
                continue;
            }
            assert_eq!(
                page.headers.get("retry-after").map(|wait| wait.as_bytes()),
                Some(&b"5"[..]),
                "{path} {form:?}: {page:?}"
            );
            table.row(address.path, &fact, wire, page);
        }
    }
}
