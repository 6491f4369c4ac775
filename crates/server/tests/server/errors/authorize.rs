//! The authorization endpoint: what is shown to the person, and what is sent back to the client.

use axum::http::Method;
use countersign_jose::jwe::{ContentEncryption, DecryptionKey, EncryptionKey, KeyManagement};
use countersign_jose::{Jwk, jwe};
use countersign_model::{ClientStatus, Clock as _, SecretBytes, SystemRng};
use countersign_oauth::{Error, RequestObjectRefusal};
use countersign_server::ServerSettings;
use serde_json::{Value, json};

use super::Table;
use super::scene::{NOW, challenge, changed, everything, key, sign};
use crate::browser::{Browser, Page, encode};
use crate::support::{App, ISSUER, PASSWORD, REDIRECT, authorization, basic};

const AT: &str = "/authorize";
const REQUEST: &str = "invalid_request";

async fn app() -> App {
    let app = App::with(ISSUER, ServerSettings::default(), everything).await;
    app.person("ada").await;
    app.client("web").await;
    app
}

async fn ask(app: &App, client: &str, changes: &[(&str, &str)]) -> Page {
    Browser::new(app).get(&authorization(client, changes)).await
}

/// RFC 6749 §4.1.2.1: nobody may be redirected.
pub(super) async fn shown(table: &mut Table) {
    let app = app().await;
    app.client("off").await;
    app.store.set_client_status(&"off".into(), ClientStatus::Disabled, app.clock.now()).await.unwrap();
    app.client_with("two", |client| client.redirect_uris.push("https://app.example/second".to_owned())).await;
    app.client_with("sealed", |client| {
        client.authorization.authorization_encrypted_response_alg = Some("ECDH-ES".to_owned());
    })
    .await;
    let client = "invalid_client";
    let unknown = ask(&app, "nobody", &[]).await;
    table.row(AT, &Error::UnknownClient, (400, client, "RFC 6749 §4.1.2.1"), unknown);
    table.row(AT, &Error::DisabledClient, (400, client, "RFC 6749 §4.1.2.1"), ask(&app, "off", &[]).await);
    let gone = ask(&app, "https://bank.example/gone", &[]).await;
    let wire = (400, client, "OAuth Client ID Metadata Document, Client Information Discovery");
    table.row(AT, &Error::ClientDocument("it could not be fetched"), wire, gone);
    let unnamed = ask(&app, "two", &[("redirect_uri", "")]).await;
    let wire = (400, REQUEST, "RFC 6749 §3.1.2.3, OpenID Connect Core §3.1.2.1");
    table.row(AT, &Error::RedirectUriMissing, wire, unnamed);
    let evil = ask(&app, "web", &[("redirect_uri", "https://evil.example/")]).await;
    table.row(AT, &Error::RedirectUriUnregistered, (400, REQUEST, "RFC 9700 §2.1"), evil);
    let guessed = ask(&app, "web", &[("request_uri", "urn:ietf:params:oauth:request_uri:guess")]).await;
    table.row(AT, &Error::InvalidRequestUri, (400, "invalid_request_uri", "RFC 9101 §7"), guessed);
    let page = Browser::new(&app).agree(&authorization("sealed", &[("response_mode", "jwt")])).await;
    table.row(AT, &Error::ResponseKeyUnavailable, (400, REQUEST, "JARM §3"), page);
    let nothing = Browser::new(&app).get("/consent?continue=x").await;
    table.row("/consent", &Error::UnknownInteraction, (400, REQUEST, "RFC 9700 §4.7"), nothing);
}

/// RFC 6749 §4.1.2.1: the client is told. The pushed request endpoint tells it the same at once (RFC 9126 §2.3).
pub(super) async fn sent_back(table: &mut Table) {
    let app = app().await;
    app.client_with("pusher", |client| client.authorization.require_pushed_authorization_requests = true)
        .await;
    app.client_with("signer", |client| client.authorization.require_signed_request_object = true).await;
    let types = "RFC 6749 §4.1.2.1";
    let wrong = [
        ("response_type", "token", Error::UnsupportedResponseType, "unsupported_response_type", types),
        (
            "response_mode",
            "fragment",
            Error::UnsupportedResponseMode,
            REQUEST,
            "OAuth 2.0 Multiple Response Types §2.1",
        ),
        ("code_challenge", "", Error::ChallengeMissing, REQUEST, "RFC 7636 §4.4.1"),
        ("code_challenge", "x", Error::ChallengeMalformed, REQUEST, "RFC 7636 §4.2"),
        ("code_challenge_method", "plain", Error::ChallengeMethod, REQUEST, "RFC 7636 §4.4.1"),
        ("scope", "admin", Error::InvalidScope, "invalid_scope", "RFC 6749 §4.1.2.1, §5.2"),
        ("resource", "https://evil.example/", Error::InvalidTarget, "invalid_target", "RFC 8707 §2"),
        (
            "registration",
            "{}",
            Error::RegistrationNotSupported,
            "registration_not_supported",
            "OpenID Connect Core §3.1.2.6",
        ),
        ("max_age", "x", Error::Invalid("max_age"), REQUEST, "RFC 6749 §4.1.2.1, §5.2"),
    ];
    for (name, value, fact, code, section) in wrong {
        let page = ask(&app, "web", &[(name, value)]).await;
        table.row(AT, &fact, (303, code, section), page);
        let query = authorization("web", &[(name, value)]);
        let pushed = app.post_raw("/par", Some(&basic("web")), query.split_once('?').unwrap().1).await;
        table.row("/par", &fact, (400, code, section), pushed);
    }
    let bare = ask(&app, "pusher", &[]).await;
    table.row(AT, &Error::PushedRequestRequired, (303, REQUEST, "RFC 9126 §5"), bare);
    let bare = ask(&app, "signer", &[]).await;
    table.row(AT, &Error::SignedRequestRequired, (303, REQUEST, "RFC 9101 §10.5"), bare);
    let silent = "OpenID Connect Core §3.1.2.6";
    let nobody = ask(&app, "web", &[("prompt", "none")]).await;
    table.row(AT, &Error::LoginRequired, (303, "login_required", silent), nobody);
    let mut browser = Browser::new(&app);
    browser.sign_in("ada").await;
    let unasked = browser.get(&authorization("web", &[("prompt", "none")])).await;
    table.row(AT, &Error::ConsentRequired, (303, "consent_required", silent), unasked);
    let consent = browser.get(&authorization("web", &[])).await;
    let denied = browser.submit(&consent, &[("decision", "deny")]).await;
    let wire = (303, "access_denied", "RFC 6749 §4.1.2.1, RFC 8628 §3.5, CIBA §11");
    table.row("/consent", &Error::AccessDenied, wire, denied);
    let mut browser = Browser::new(&app);
    let sign_in = browser.get(&authorization("web", &[("acr_values", "strong")])).await;
    let weak = browser.submit(&sign_in, &[("username", "ada"), ("password", PASSWORD)]).await;
    let wire = (303, "unmet_authentication_requirements", "RFC 9470 §5");
    table.row(AT, &Error::UnmetAuthentication, wire, weak);
}

/// RFC 9101 §7.
pub(super) async fn request_objects(table: &mut Table) {
    let app = app().await;
    let (own, stranger) = (key(), key());
    let jwks = json!({ "keys": [own.public_jwk_value().unwrap()] });
    app.client_with("signer", |client| client.jwks = Some(jwks.clone())).await;
    app.client_with("named", |client| {
        client.jwks = Some(jwks.clone());
        client.authorization.request_object_signing_alg = Some("ES384".to_owned());
    })
    .await;
    let claims = |id: &str, changes: Value| {
        let good = json!({
            "iss": id, "aud": ISSUER, "client_id": id, "exp": NOW + 300, "nbf": NOW, "response_type": "code",
            "redirect_uri": REDIRECT, "scope": "openid", "code_challenge": challenge(), "code_challenge_method": "S256",
        });
        changed(good, &changes)
    };
    let typ = "oauth-authz-req+jwt";
    let good = sign(typ, &claims("signer", json!({})), &own);
    let unopened = {
        let (_, jwk) = DecryptionKey::from_p256_number(&SecretBytes::new(vec![5; 32])).unwrap();
        let jwk = Jwk::from_map(jwk.as_object().unwrap()).unwrap();
        let to_another = EncryptionKey::from_jwk(&jwk, KeyManagement::EcdhEs).unwrap();
        jwe::encrypt_compact(None, good.as_bytes(), &to_another, ContentEncryption::A256Gcm, &SystemRng)
            .unwrap()
    };
    let wire = (400, "invalid_request_object", "RFC 9101 §7");
    let cases = [
        ("signer", "x".to_owned(), RequestObjectRefusal::Malformed),
        ("signer", unopened, RequestObjectRefusal::Undecryptable),
        ("named", sign(typ, &claims("named", json!({})), &own), RequestObjectRefusal::Algorithm),
        ("web", sign(typ, &claims("web", json!({})), &own), RequestObjectRefusal::KeysUnavailable),
        ("signer", sign(typ, &claims("signer", json!({})), &stranger), RequestObjectRefusal::Signature),
        (
            "signer",
            sign(typ, &claims("signer", json!({ "exp": NOW - 60 })), &own),
            RequestObjectRefusal::Claims,
        ),
    ];
    for (id, object, reason) in cases {
        let fact = Error::InvalidRequestObject(reason);
        let query = encode([("client_id", id), ("request", object.as_str())]);
        let mut browser = Browser::new(&app);
        let page = browser.step(Method::GET, &format!("/authorize?{query}"), None, &[]).await;
        table.row(AT, &fact, wire, page);
        let pushed = app.post("/par", Some(&basic(id)), &[("request", &object)]).await;
        table.row("/par", &fact, wire, pushed);
    }
}
