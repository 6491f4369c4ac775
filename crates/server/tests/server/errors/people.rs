//! What people answer, on pages and by programs of their own.

use axum::http::Method;
use countersign_model::{GrantType, OptionalScopes};
use countersign_oauth::Error;

use super::scene::app;
use super::{REQUEST, Table, Told, addresses};
use crate::browser::Browser;
use crate::support::{Answer, App, PASSWORD, authorization};

const DENIED: &str = "RFC 6749 §4.1.2.1, RFC 8628 §3.5, CIBA §11";
const UNMET: &str = "unmet_authentication_requirements";

pub(super) async fn rows(table: &mut Table) {
    let app = app().await;
    app.client_with("tv", |client| client.grant_types = [GrantType::DeviceCode].into()).await;
    app.client_with("bank", |client| client.grant_types = [GrantType::Ciba].into()).await;
    app.client_with("phone", |client| client.scopes = "openid approvals".parse().unwrap()).await;
    app.client_with("modest", |client| {
        client.grant_types = [GrantType::DeviceCode].into();
        client.optional_scopes = OptionalScopes::AllButOpenid;
    })
    .await;
    app.client_with("own", |client| {
        client.first_party = true;
        client.authorization.authorization_encrypted_response_alg = Some("ECDH-ES".to_owned());
    })
    .await;
    app.client_with("sealed", |client| {
        client.first_party = false;
        client.authorization.authorization_encrypted_response_alg = Some("ECDH-ES".to_owned());
    })
    .await;
    requests(table, &app).await;
    devices(table, &app).await;
    approvals(table, &app).await;
}

/// Requests that wait for somebody to sign in or to agree.
async fn requests(table: &mut Table, app: &App) {
    let mut browser = Browser::new(app);
    for page in ["/sign-in", "/consent"] {
        let mut address = format!("{page}?continue=x");
        if page == "/consent" {
            // Not before there is a browser that could have begun one.
            browser.get(&authorization("web", &[])).await;
            address.push_str("&x=1");
        }
        let nothing = browser.get(&address).await;
        table.row(page, &Error::UnknownInteraction, (400, REQUEST, "RFC 9700 §4.7"), nothing);
    }
    let sign_in = browser.get(&authorization("web", &[("acr_values", "strong")])).await;
    let weak = browser.submit(&sign_in, &[("username", "ada"), ("password", PASSWORD)]).await;
    table.row("/sign-in", &Error::UnmetAuthentication, (303, UNMET, "RFC 9470 §5"), weak);
    let consent = browser.get(&authorization("web", &[])).await;
    let denied = browser.submit(&consent, &[("decision", "deny")]).await;
    table.row("/consent", &Error::AccessDenied, (303, "access_denied", DENIED), denied);
    let consent = browser.get(&authorization("sealed", &[("response_mode", "jwt")])).await;
    let unsealed = browser.submit(&consent, &[("decision", "allow")]).await;
    table.row("/consent", &Error::ResponseKeyUnavailable, (400, REQUEST, "JARM §3"), unsealed);
    let mut browser = Browser::new(app);
    let sign_in = browser.get(&authorization("own", &[("response_mode", "jwt")])).await;
    let unsealed = browser.submit(&sign_in, &[("username", "ada"), ("password", PASSWORD)]).await;
    table.row("/sign-in", &Error::ResponseKeyUnavailable, (400, REQUEST, "JARM §3"), unsealed);
}

/// Devices (RFC 8628 §3.3, §3.5).
async fn devices(table: &mut Table, app: &App) {
    let mut browser = Browser::new(app);
    browser.sign_in("ada").await;
    for address in addresses::of_grants() {
        let begun =
            addresses::named("/device_authorization").of(app, "tv", &[("scope", "openid email")]).await;
        let page = browser.get("/device").await;
        let page = browser.submit(&page, &[("user_code", begun.text("user_code"))]).await;
        let less = browser.submit(&page, &[("decision", "allow"), ("scope", "")]).await;
        let both = "RFC 6749 §4.1.2.1, §5.2";
        table.row("/device/confirm", &Error::Invalid("scope"), (400, REQUEST, both), less);
        browser.submit(&page, &[("decision", "deny")]).await;
        let grant = ("grant_type", "urn:ietf:params:oauth:grant-type:device_code");
        let denied = address.of(app, "tv", &[grant, ("device_code", begun.text("device_code"))]).await;
        table.refused(address, &Error::AccessDenied, (400, "access_denied", DENIED), denied);
        // The same page a second time: nothing waits under its code any more.
        let gone = browser.submit(&page, &[("decision", "allow")]).await;
        table.row("/device/confirm", &Error::UnknownUserCode, (400, REQUEST, "RFC 8628 §3.3"), gone);
    }
    let begun = addresses::named("/device_authorization").of(app, "modest", &[("scope", "email")]).await;
    let page = browser.get("/device").await;
    let page = browser.submit(&page, &[("user_code", begun.text("user_code"))]).await;
    let nothing = browser.submit(&page, &[("decision", "allow"), ("scope:email", "")]).await;
    table.row("/device/confirm", &Error::AccessDenied, (400, "access_denied", DENIED), nothing);
    let page = browser.get("/device").await;
    let unknown = browser.submit(&page, &[("user_code", "BCDF-GHJK")]).await;
    table.row("/device", &Error::UnknownUserCode, (404, REQUEST, "RFC 8628 §3.3"), unknown);
}

/// Backchannel requests (CIBA §8).
async fn approvals(table: &mut Table, app: &App) {
    let ask = async |more: &[(&str, &str)]| {
        let form = [&[("scope", "openid"), ("login_hint", "ada")], more].concat();
        assert_eq!(addresses::named("/bc-authorize").of(app, "bank", &form).await.status, 200);
    };
    ask(&[("acr_values", "strong")]).await;
    let mut browser = Browser::new(app);
    browser.sign_in("ada").await;
    let page = browser.get("/account/approvals").await;
    let (action, fields) = page.form(&[("decision", "approve")]);
    let weak = browser.step(Method::POST, &action, Some(&fields), &[]).await;
    table.row("/account/approvals", &Error::UnmetAuthentication, (403, UNMET, "RFC 9470 §5"), weak);

    let token = app.access_token("phone", "openid approvals").await;
    let program = async |id: &str, decision: &str| {
        let request = axum::http::Request::post(format!("/api/approvals/{id}"))
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(axum::body::Body::from(format!("{{\"decision\": \"{decision}\"}}")));
        Answer::of(app.send(request.unwrap()).await).await
    };
    let at = "/api/approvals/{id}";
    let id = fields.split('&').find_map(|field| field.strip_prefix("approval=")).unwrap();
    // RFC 9470 §3: the challenge of a protected resource.
    let weak = program(id, "approve").await;
    let challenge = "Bearer error=\"insufficient_user_authentication\"";
    assert_eq!((weak.status, weak.header("www-authenticate")), (401, challenge), "{weak:?}");
    table.met(at, &Error::UnmetAuthentication);
    let gone = (404, REQUEST, "OpenID Connect CIBA §8");
    table.row(at, &Error::UnknownApproval, gone, Told::Words(program("x", "deny").await));

    // Answered twice: the second time nothing waits.
    let (_, fields) = page.form(&[("decision", "deny")]);
    browser.step(Method::POST, &action, Some(&fields), &[]).await;
    let again = browser.step(Method::POST, &action, Some(&fields), &[]).await;
    table.row("/account/approvals", &Error::UnknownApproval, gone, again);

    // Something was left out that can't be.
    let both = (400, REQUEST, "RFC 6749 §4.1.2.1, §5.2");
    let form = [("scope", "openid email"), ("login_hint", "ada")];
    assert_eq!(addresses::named("/bc-authorize").of(app, "bank", &form).await.status, 200);
    let page = browser.get("/account/approvals").await;
    let (action, fields) = page.form(&[("decision", "approve"), ("scope", "openid")]);
    let id = fields.split('&').find_map(|field| field.strip_prefix("approval=")).unwrap();
    let less = browser.step(Method::POST, &action, Some(&fields), &[]).await;
    table.row("/account/approvals", &Error::Invalid("scope"), both, less);
    let less = program(id, "approve\", \"scope\": \"openid").await;
    table.row(at, &Error::Invalid("scope"), both, Told::Words(less));
}
