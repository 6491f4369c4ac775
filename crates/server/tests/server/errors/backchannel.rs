//! Backchannel authentication (OpenID Connect CIBA §13).

use countersign_model::GrantType;
use countersign_oauth::{Error, GrantRefusal, RequestObjectRefusal};
use serde_json::{Value, json};

use super::addresses::{self, Address};
use super::scene::{NOW, app, changed, key, sign};
use super::{REQUEST, Table};
use crate::support::{Answer, App, ISSUER};

const SECTION: &str = "OpenID Connect CIBA §13";

fn at() -> &'static Address {
    addresses::named("/bc-authorize")
}

async fn ask(app: &App, form: &[(&str, &str)]) -> Answer {
    at().of(app, "bank", form).await
}

pub(super) async fn rows(table: &mut Table) {
    let app = app().await;
    app.client_with("bank", |client| client.grant_types = [GrantType::Ciba].into()).await;
    let (scope, ada) = (("scope", "openid"), ("login_hint", "ada"));
    let both = "RFC 6749 §4.1.2.1, §5.2";
    let not_its_own = at().of(&app, "web", &[scope, ada]).await;
    table.refused(at(), &Error::UnauthorizedClient, (400, "unauthorized_client", both), not_its_own);
    table.refused(at(), &Error::Missing("scope"), (400, REQUEST, both), ask(&app, &[ada]).await);
    let without_openid = ask(&app, &[("scope", "invoices:read"), ada]).await;
    table.refused(at(), &Error::InvalidScope, (400, "invalid_scope", both), without_openid);
    let elsewhere = ask(&app, &[scope, ada, ("resource", "https://evil.example/")]).await;
    table.refused(at(), &Error::InvalidTarget, (400, "invalid_target", "RFC 8707 §2"), elsewhere);
    let details = ask(&app, &[scope, ada, ("authorization_details", "[{\"type\":\"payment\"}]")]).await;
    let wire = (400, "invalid_authorization_details", "RFC 9396 §5");
    table.refused(at(), &Error::InvalidAuthorizationDetails, wire, details);
    let soon = ask(&app, &[scope, ada, ("requested_expiry", "soon")]).await;
    table.refused(at(), &Error::Invalid("requested_expiry"), (400, REQUEST, both), soon);
    table.refused(at(), &Error::HintCount, (400, REQUEST, SECTION), ask(&app, &[scope]).await);
    let nobody = ask(&app, &[scope, ("login_hint", "nobody")]).await;
    table.refused(at(), &Error::UnknownPerson, (400, "unknown_user_id", SECTION), nobody);
    let long = "x".repeat(101);
    let long = ask(&app, &[scope, ada, ("binding_message", &long)]).await;
    table.refused(at(), &Error::InvalidBindingMessage, (400, "invalid_binding_message", SECTION), long);

    for _ in 0..3 {
        assert_eq!(ask(&app, &[scope, ada]).await.status, 200);
    }
    let full = ask(&app, &[scope, ada]).await;
    table.refused(at(), &Error::TooManyWaiting, (403, "access_denied", SECTION), full);

    for address in addresses::of_grants() {
        let form = [("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", "x")];
        let unknown = address.of(&app, "bank", &form).await;
        let fact = Error::InvalidGrant(GrantRefusal::AuthReqIdUnknown);
        table.refused(address, &fact, (400, "invalid_grant", "RFC 6749 §5.2"), unknown);
    }
}

/// Signed requests (CIBA §7.1.1).
pub(super) async fn signed(table: &mut Table) {
    let app = app().await;
    let (own, stranger) = (key(), key());
    let jwks = json!({ "keys": [own.public_jwk_value().unwrap()] });
    for (id, algorithm, jwks) in
        [("bank", "ES256", Some(&jwks)), ("named", "ES384", Some(&jwks)), ("far", "ES256", None)]
    {
        app.client_with(id, |client| {
            client.grant_types = [GrantType::Ciba].into();
            client.backchannel.authentication_request_signing_alg = Some(algorithm.to_owned());
            client.jwks = jwks.cloned();
        })
        .await;
    }
    let unsigned = ask(&app, &[("scope", "openid"), ("login_hint", "ada")]).await;
    table.refused(at(), &Error::SignedRequestRequired, (400, REQUEST, "RFC 9101 §10.5"), unsigned);
    let claims = |id: &str, changes: Value| {
        let good = json!({
            "iss": id, "aud": ISSUER, "iat": NOW, "nbf": NOW, "exp": NOW + 300, "jti": "1", "scope": "openid",
            "login_hint": "ada",
        });
        changed(good, &changes)
    };
    let good = sign("JWT", &claims("bank", json!({})), &own);
    let first = ask(&app, &[("request", &good)]).await;
    assert_eq!(first.status, 200, "{first:?}");
    let cases = [
        ("bank", "x".to_owned(), RequestObjectRefusal::Malformed),
        ("named", sign("JWT", &claims("named", json!({})), &own), RequestObjectRefusal::Algorithm),
        ("far", sign("JWT", &claims("far", json!({})), &own), RequestObjectRefusal::KeysUnavailable),
        ("bank", sign("JWT", &claims("bank", json!({})), &stranger), RequestObjectRefusal::Signature),
        (
            "bank",
            sign("JWT", &claims("bank", json!({ "exp": NOW - 60 })), &own),
            RequestObjectRefusal::Claims,
        ),
        ("bank", good, RequestObjectRefusal::Replayed),
    ];
    for (id, request, reason) in cases {
        let answer = at().of(&app, id, &[("request", &request)]).await;
        let wire = (400, REQUEST, "OpenID Connect CIBA §7.1.1, §13");
        table.refused(at(), &Error::InvalidSignedRequest(reason), wire, answer);
    }
}
