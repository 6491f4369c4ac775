//! Who calls: client authentication, and the keys that tokens are bound to.

use countersign_access::dpop::DpopRefusal;
use countersign_model::{CertificateName, ClientAuthentication, ClientStatus, Clock as _, Profile};
use countersign_oauth::{ClientRefusal, Error, Settings};
use countersign_server::ServerSettings;
use serde_json::{Value, json};

use super::scene::{NOW, Shown, everything, key, post_over_tls, proof, sign};
use super::{Table, post_with};
use crate::support::{App, ISSUER, SECRET, basic};

const GRANT: (&str, &str) = ("grant_type", "client_credentials");
const REFUSED: (u16, &str, &str) = (401, "invalid_client", "RFC 6749 §5.2");

fn invalid(reason: ClientRefusal) -> Error {
    Error::InvalidClient { reason }
}

async fn app() -> App {
    App::with(ISSUER, ServerSettings::default(), everything).await
}

pub(super) async fn rows(table: &mut Table) {
    let app = app().await;
    app.client("web").await;
    app.client("other").await;
    app.client("off").await;
    app.store.set_client_status(&"off".into(), ClientStatus::Disabled, app.clock.now()).await.unwrap();
    app.public("spa").await;
    let id = |id: &'static str| ("client_id", id);
    let nobody = app.post("/token", None, &[GRANT]).await;
    table.row("/token", &invalid(ClientRefusal::Absent), REFUSED, nobody);
    let unreadable = app.post("/token", Some("Basic !"), &[GRANT]).await;
    table.row("/token", &invalid(ClientRefusal::Malformed), REFUSED, unreadable);
    let unknown = app.post("/revoke", Some(&basic("nobody")), &[("token", "x")]).await;
    table.row("/revoke", &invalid(ClientRefusal::Unknown), REFUSED, unknown);
    let gone = app.post("/token", None, &[GRANT, id("https://bank.example/gone")]).await;
    table.row("/token", &invalid(ClientRefusal::Document), REFUSED, gone);
    let off = app.post("/par", Some(&basic("off")), &[]).await;
    table.row("/par", &invalid(ClientRefusal::Disabled), REFUSED, off);
    let by_name = app.post("/token", None, &[GRANT, id("web")]).await;
    table.row("/token", &invalid(ClientRefusal::WrongMethod), REFUSED, by_name);
    let wrong =
        post_with(&app, "/introspect", &[("authorization", "Basic d2ViOngK")], &[("token", "x")]).await;
    table.row("/introspect", &invalid(ClientRefusal::WrongSecret), REFUSED, wrong);
    let two_names = app.post("/token", Some(&basic("web")), &[GRANT, id("other")]).await;
    table.row("/token", &invalid(ClientRefusal::OtherClient), REFUSED, two_names);
    let public = app.post("/introspect", None, &[("token", "x"), id("spa")]).await;
    table.row("/introspect", &invalid(ClientRefusal::Public), REFUSED, public);
    let two = app.post("/device_authorization", Some(&basic("web")), &[("client_secret", SECRET)]).await;
    let wire = (400, "invalid_request", "RFC 6749 §2.3");
    table.row("/device_authorization", &Error::TwoMethods, wire, two);
}

/// `private_key_jwt` (RFC 7523 §3).
pub(super) async fn assertions(table: &mut Table) {
    let app = app().await;
    let (own, stranger) = (key(), key());
    let jwks = json!({ "keys": [own.public_jwk_value().unwrap()] });
    app.client_with("signer", |client| {
        client.authentication = ClientAuthentication::PrivateKeyJwt;
        client.jwks = Some(jwks.clone());
    })
    .await;
    app.client_with("named", |client| {
        client.authentication = ClientAuthentication::PrivateKeyJwt;
        client.token_endpoint_auth_signing_alg = Some("ES384".to_owned());
        client.jwks = Some(jwks.clone());
    })
    .await;
    app.client_with("far", |client| {
        client.authentication = ClientAuthentication::PrivateKeyJwt;
        client.jwks_uri = Some("https://app.example/jwks".to_owned());
    })
    .await;
    let claims = |id: &str, changes: Value| {
        let good = json!({ "iss": id, "sub": id, "aud": ISSUER, "exp": NOW + 60, "jti": "1" });
        super::scene::changed(good, &changes)
    };
    const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let ask = async |kind: &str, assertion: &str| {
        let form = [GRANT, ("client_assertion_type", kind), ("client_assertion", assertion)];
        app.post("/token", None, &form).await
    };
    let signed = |changes: Value| sign("JWT", &claims("signer", changes), &own);
    table.row("/token", &invalid(ClientRefusal::AssertionMalformed), REFUSED, ask(TYPE, "x").await);
    let other_kind = ask("urn:x", &signed(json!({}))).await;
    table.row("/token", &invalid(ClientRefusal::AssertionType), REFUSED, other_kind);
    let other_algorithm = ask(TYPE, &sign("JWT", &claims("named", json!({})), &own)).await;
    table.row("/token", &invalid(ClientRefusal::AssertionAlgorithm), REFUSED, other_algorithm);
    let of_another = ask(TYPE, &signed(json!({ "iss": "another" }))).await;
    table.row("/token", &invalid(ClientRefusal::AssertionIssuer), REFUSED, of_another);
    let for_another = ask(TYPE, &signed(json!({ "aud": "https://other.example" }))).await;
    table.row("/token", &invalid(ClientRefusal::AssertionAudience), REFUSED, for_another);
    let late = ask(TYPE, &signed(json!({ "exp": NOW - 60 }))).await;
    table.row("/token", &invalid(ClientRefusal::AssertionTime), REFUSED, late);
    let forged = ask(TYPE, &sign("JWT", &claims("signer", json!({})), &stranger)).await;
    table.row("/token", &invalid(ClientRefusal::AssertionSignature), REFUSED, forged);
    assert_eq!(ask(TYPE, &signed(json!({}))).await.status, 200);
    let again = ask(TYPE, &signed(json!({}))).await;
    table.row("/token", &invalid(ClientRefusal::AssertionReplayed), REFUSED, again);
    let no_keys = ask(TYPE, &sign("JWT", &claims("far", json!({})), &own)).await;
    table.row("/token", &invalid(ClientRefusal::KeysUnavailable), REFUSED, no_keys);
}

/// Certificates (RFC 8705) and proofs (RFC 9449).
pub(super) async fn keys(table: &mut Table) {
    let app = app().await;
    let by_name = |name: &'static str| {
        move |client: &mut countersign_model::Client| {
            client.authentication = ClientAuthentication::TlsClientAuth;
            client.certificate_name = Some(CertificateName::SanDns(name.to_owned()));
        }
    };
    app.client_with("billing", by_name("billing.example")).await;
    app.client_with("ledger", by_name("ledger.example")).await;
    app.client_with("own", |client| {
        client.authentication = ClientAuthentication::SelfSignedTlsClientAuth;
        client.jwks = Some(json!({ "keys": [key().public_jwk_value().unwrap()] }));
    })
    .await;
    let id = |id: &'static str| [GRANT, ("client_id", id)];
    let bare = app.post("/token", None, &id("billing")).await;
    table.row("/token", &invalid(ClientRefusal::CertificateAbsent), REFUSED, bare);
    let unvouched = post_over_tls(&app, Shown::Unvouched, &[], &id("billing")).await;
    table.row("/token", &invalid(ClientRefusal::CertificateUnvouched), REFUSED, unvouched);
    let other_name = post_over_tls(&app, Shown::Vouched, &[], &id("ledger")).await;
    table.row("/token", &invalid(ClientRefusal::CertificateName), REFUSED, other_name);
    let unknown = post_over_tls(&app, Shown::Unvouched, &[], &id("own")).await;
    table.row("/token", &invalid(ClientRefusal::CertificateUnknown), REFUSED, unknown);
    assert_eq!(post_over_tls(&app, Shown::Vouched, &[], &id("billing")).await.status, 200);

    app.client_with("bound", |client| client.tls_client_certificate_bound_access_tokens = true).await;
    app.client_with("prover", |client| client.dpop_bound_access_tokens = true).await;
    let prover = key();
    let auth = |id: &str| ("authorization", basic(id));
    let wire = (400, "invalid_request", "RFC 8705 §3.4");
    table.row(
        "/token",
        &Error::CertificateMissing,
        wire,
        app.post("/token", Some(&basic("bound")), &[GRANT]).await,
    );
    let (name, value) = auth("bound");
    let proof_beside = proof(&prover, "/token", "1");
    let fields = [(name, value.as_str()), ("dpop", proof_beside.as_str())];
    let both = post_over_tls(&app, Shown::Vouched, &fields, &[GRANT]).await;
    table.row("/token", &Error::TwoKeys, (400, "invalid_request", "RFC 8705 §3, RFC 9449 §5"), both);
    let without = app.post("/token", Some(&basic("prover")), &[GRANT]).await;
    table.row("/token", &Error::ProofMissing, (400, "invalid_request", "RFC 9449 §5.2"), without);
    let (name, value) = auth("prover");
    for path in ["/token", "/par"] {
        let bad = post_with(&app, path, &[(name, value.as_str()), ("dpop", "x")], &[GRANT]).await;
        let wire = (400, "invalid_dpop_proof", "RFC 9449 §5");
        table.row(path, &Error::InvalidDpopProof(DpopRefusal::Malformed), wire, bad);
    }
    unbound(table).await;
    nonce(table).await;
}

/// A profile that wants tokens bound, and a client that authenticates by another key than one of the connection.
async fn unbound(table: &mut Table) {
    let app = app().await;
    let own = key();
    app.client_with("strict", |client| {
        client.authentication = ClientAuthentication::PrivateKeyJwt;
        client.jwks = Some(json!({ "keys": [own.public_jwk_value().unwrap()] }));
        client.profile = Profile::Fapi2Security;
    })
    .await;
    let claims = json!({ "iss": "strict", "sub": "strict", "aud": ISSUER, "exp": NOW + 60, "jti": "1" });
    let assertion = sign("JWT", &claims, &own);
    let form = [
        GRANT,
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", &assertion),
    ];
    let wire = (400, "invalid_request", "FAPI 2.0 Security Profile §5.3.2.1");
    table.row("/token", &Error::UnboundToken, wire, app.post("/token", None, &form).await);
}

async fn nonce(table: &mut Table) {
    let change = |settings: &mut Settings| {
        everything(settings);
        settings.dpop_nonce = true;
    };
    let app = App::with(ISSUER, ServerSettings::default(), change).await;
    app.client("web").await;
    let prover = key();
    let authorization = basic("web");
    for path in ["/token", "/par"] {
        let proof = proof(&prover, path, "1");
        let fields = [("authorization", authorization.as_str()), ("dpop", proof.as_str())];
        let form = [GRANT, ("response_type", "code")];
        let asked = post_with(&app, path, &fields, &form).await;
        table.row(path, &Error::UseDpopNonce("n".to_owned()), (400, "use_dpop_nonce", "RFC 9449 §8"), asked);
    }
}
