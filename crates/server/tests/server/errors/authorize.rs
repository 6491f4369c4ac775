//! The authorization endpoint: what is shown to the person, and what is sent back to the client.

use axum::http::Method;
use countersign_jose::jwe::{ContentEncryption, DecryptionKey, EncryptionKey, KeyManagement};
use countersign_jose::{Jwk, jwe};
use countersign_model::{ClientStatus, Clock as _, GrantType, Profile, ResponseType, SecretBytes, SystemRng};
use countersign_oauth::{Error, RequestObjectRefusal};
use serde_json::{Value, json};

use super::scene::{NOW, app, challenge, changed, key, sign};
use super::{REQUEST, Table};
use crate::browser::{Browser, Page, encode};
use crate::support::{Answer, App, ISSUER, REDIRECT, authorization, basic};

/// Where a request may be made by way of the browser.
const BY_BROWSER: [&str; 2] = ["/authorize", "/login/oauth/authorize"];

/// The same request at another address.
fn at(path: &str, request: &str) -> String {
    request.replacen("/authorize", path, 1)
}

async fn ask(app: &App, path: &str, client: &str, changes: &[(&str, &str)]) -> Page {
    Browser::new(app).get(&at(path, &authorization(client, changes))).await
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
    let (client, section) = ("invalid_client", "RFC 6749 §4.1.2.1");
    for path in BY_BROWSER {
        let unknown = ask(&app, path, "nobody", &[]).await;
        table.row(path, &Error::UnknownClient, (400, client, section), unknown);
        let off = ask(&app, path, "off", &[]).await;
        table.row(path, &Error::DisabledClient, (400, client, section), off);
        let gone = ask(&app, path, "https://bank.example/gone", &[]).await;
        let wire = (400, client, "OAuth Client ID Metadata Document, Client Information Discovery");
        table.row(path, &Error::ClientDocument("it could not be fetched"), wire, gone);
        let guess = "urn:ietf:params:oauth:request_uri:guess";
        let guessed = ask(&app, path, "web", &[("request_uri", guess)]).await;
        table.row(path, &Error::InvalidRequestUri, (400, "invalid_request_uri", "RFC 9101 §7"), guessed);
        let mut browser = Browser::new(&app);
        browser.sign_in("ada").await;
        let page = browser.get(&at(path, &authorization("sealed", &[("response_mode", "jwt")]))).await;
        table.row(path, &Error::ResponseKeyUnavailable, (400, REQUEST, "JARM §3"), page);
    }
    // What the client is told itself where it pushes its request.
    for (id, changes, fact, section) in [
        (
            "two",
            ("redirect_uri", ""),
            Error::RedirectUriMissing,
            "RFC 6749 §3.1.2.3, OpenID Connect Core §3.1.2.1",
        ),
        ("web", ("redirect_uri", "https://evil.example/"), Error::RedirectUriUnregistered, "RFC 9700 §2.1"),
    ] {
        for path in BY_BROWSER {
            let page = ask(&app, path, id, &[changes]).await;
            table.row(path, &fact, (400, REQUEST, section), page);
        }
        table.row("/par", &fact, (400, REQUEST, section), push(&app, id, &[changes]).await);
    }
}

async fn push(app: &App, id: &str, changes: &[(&str, &str)]) -> Answer {
    let query = authorization(id, changes);
    app.post_raw("/par", Some(&basic(id)), query.split_once('?').unwrap().1).await
}

/// RFC 6749 §4.1.2.1: the client is told. The pushed request endpoint tells it the same at once (RFC 9126 §2.3).
pub(super) async fn asked_for(table: &mut Table) {
    let app = app().await;
    app.client_with("signer", |client| client.authorization.require_signed_request_object = true).await;
    app.client_with("few", |client| client.grant_types = [GrantType::RefreshToken].into()).await;
    app.client_with("oidc", |client| {
        client.profile = Profile::Oidc;
        client.authorization.response_types = ResponseType::ALL.into();
    })
    .await;
    let (types, both) = ("RFC 6749 §4.1.2.1", "RFC 6749 §4.1.2.1, §5.2");
    let modes = "OAuth 2.0 Multiple Response Types §2.1";
    let unregistered = "registration_not_supported";
    let silent = "OpenID Connect Core §3.1.2.6";
    let evil = "https://evil.example/";
    let details = "[{\"type\":\"unknown\"}]";
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], Error, &'a str, &'a str);
    let wrong: [Case<'_>; 14] = [
        (
            "web",
            &[("response_type", "token")],
            Error::UnsupportedResponseType,
            "unsupported_response_type",
            types,
        ),
        ("web", &[("response_mode", "fragment")], Error::UnsupportedResponseMode, REQUEST, modes),
        ("few", &[], Error::UnauthorizedClient, "unauthorized_client", both),
        ("signer", &[], Error::SignedRequestRequired, REQUEST, "RFC 9101 §10.5"),
        ("web", &[("code_challenge", "")], Error::ChallengeMissing, REQUEST, "RFC 7636 §4.4.1"),
        ("web", &[("code_challenge", "x")], Error::ChallengeMalformed, REQUEST, "RFC 7636 §4.2"),
        ("web", &[("code_challenge_method", "plain")], Error::ChallengeMethod, REQUEST, "RFC 7636 §4.4.1"),
        ("web", &[("scope", "admin")], Error::InvalidScope, "invalid_scope", both),
        ("web", &[("resource", evil)], Error::InvalidTarget, "invalid_target", "RFC 8707 §2"),
        (
            "web",
            &[("authorization_details", details)],
            Error::InvalidAuthorizationDetails,
            "invalid_authorization_details",
            "RFC 9396 §5",
        ),
        ("web", &[("registration", "{}")], Error::RegistrationNotSupported, unregistered, silent),
        ("web", &[("max_age", "x")], Error::Invalid("max_age"), REQUEST, both),
        (
            "web",
            &[("prompt", "none"), ("prompt", "login")],
            Error::DuplicateParameter,
            REQUEST,
            "RFC 6749 §3.1, §3.2",
        ),
        (
            "oidc",
            &[("response_type", "id_token"), ("response_mode", "form_post"), ("nonce", "")],
            Error::Missing("nonce"),
            REQUEST,
            both,
        ),
    ];
    for (id, changes, fact, code, section) in wrong {
        for path in BY_BROWSER {
            let page = ask(&app, path, id, changes).await;
            // An answer by form has no address that could be looked at.
            if page.location().is_some() {
                table.row(path, &fact, (303, code, section), page);
            } else {
                assert!(page.shows(&format!("value=\"{code}\"")), "{fact:?}: {page:?}");
                table.met(path, &fact);
            }
        }
        table.row("/par", &fact, (400, code, section), push(&app, id, changes).await);
    }
}

/// The same of what the authorization endpoint alone can say.
pub(super) async fn sent_back(table: &mut Table) {
    let app = app().await;
    app.client_with("pusher", |client| client.authorization.require_pushed_authorization_requests = true)
        .await;
    let silent = "OpenID Connect Core §3.1.2.6";
    for path in BY_BROWSER {
        let bare = ask(&app, path, "pusher", &[]).await;
        table.row(path, &Error::PushedRequestRequired, (303, REQUEST, "RFC 9126 §5"), bare);
        let nobody = ask(&app, path, "web", &[("prompt", "none")]).await;
        table.row(path, &Error::LoginRequired, (303, "login_required", silent), nobody);
        let mut browser = Browser::new(&app);
        browser.sign_in("ada").await;
        let unasked = browser.get(&at(path, &authorization("web", &[("prompt", "none")]))).await;
        table.row(path, &Error::ConsentRequired, (303, "consent_required", silent), unasked);
    }
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
        for path in BY_BROWSER {
            let mut browser = Browser::new(&app);
            let page = browser.step(Method::GET, &format!("{path}?{query}"), None, &[]).await;
            table.row(path, &fact, wire, page);
        }
        let pushed = app.post("/par", Some(&basic(id)), &[("request", &object)]).await;
        table.row("/par", &fact, wire, pushed);
    }
}
