//! Backchannel authentication (OpenID Connect CIBA §13).

use axum::http::Method;
use countersign_model::GrantType;
use countersign_oauth::{Error, GrantRefusal, RequestObjectRefusal};
use countersign_server::ServerSettings;
use serde_json::json;

use super::Table;
use super::scene::{NOW, everything, key, sign};
use crate::browser::Browser;
use crate::support::{Answer, App, ISSUER, basic};

const AT: &str = "/bc-authorize";

async fn ask(app: &App, form: &[(&str, &str)]) -> Answer {
    app.post(AT, Some(&basic("bank")), form).await
}

pub(super) async fn rows(table: &mut Table) {
    let app = App::with(ISSUER, ServerSettings::default(), everything).await;
    app.person("ada").await;
    let own = key();
    app.client_with("bank", |client| {
        client.grant_types = [GrantType::Ciba].into();
        client.jwks = Some(json!({ "keys": [own.public_jwk_value().unwrap()] }));
    })
    .await;
    let (scope, ada) = (("scope", "openid"), ("login_hint", "ada"));
    let (section, request) = ("OpenID Connect CIBA §13", "invalid_request");
    table.row(AT, &Error::HintCount, (400, request, section), ask(&app, &[scope]).await);
    let nobody = ask(&app, &[scope, ("login_hint", "nobody")]).await;
    table.row(AT, &Error::UnknownPerson, (400, "unknown_user_id", section), nobody);
    let long = "x".repeat(101);
    let long = ask(&app, &[scope, ada, ("binding_message", &long)]).await;
    table.row(AT, &Error::InvalidBindingMessage, (400, "invalid_binding_message", section), long);

    let claims = json!({
        "iss": "bank", "aud": ISSUER, "iat": NOW, "nbf": NOW, "exp": NOW + 300, "jti": "1", "scope": "openid",
        "login_hint": "ada",
    });
    let signed = sign("JWT", &claims, &own);
    let first = ask(&app, &[("request", &signed)]).await;
    assert_eq!(first.status, 200, "{first:?}");
    let again = Error::InvalidSignedRequest(RequestObjectRefusal::Replayed);
    let wire = (400, request, "OpenID Connect CIBA §7.1.1, §13");
    table.row(AT, &again, wire, ask(&app, &[("request", &signed)]).await);

    for _ in 0..2 {
        assert_eq!(ask(&app, &[scope, ada]).await.status, 200);
    }
    let full = ask(&app, &[scope, ada]).await;
    table.row(AT, &Error::TooManyWaiting, (403, "access_denied", section), full);

    let form = [("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", "x")];
    let unknown = app.post("/token", Some(&basic("bank")), &form).await;
    let fact = Error::InvalidGrant(GrantRefusal::AuthReqIdUnknown);
    table.row("/token", &fact, (400, "invalid_grant", "RFC 6749 §5.2"), unknown);

    // Answered twice: the second time nothing waits.
    let mut browser = Browser::new(&app);
    browser.sign_in("ada").await;
    let page = browser.get("/account/approvals").await;
    let (action, fields) = page.form(&[("decision", "deny")]);
    browser.step(Method::POST, &action, Some(&fields), &[]).await;
    let gone = browser.step(Method::POST, &action, Some(&fields), &[]).await;
    let wire = (404, request, "OpenID Connect CIBA §8");
    table.row("/account/approvals", &Error::UnknownApproval, wire, gone);
}
