//! Who calls: client authentication, the same at every endpoint that asks, and the keys that tokens are bound to.

use countersign_access::dpop::DpopRefusal;
use countersign_model::{CertificateName, Client, ClientAuthentication, ClientStatus, Clock as _, Profile};
use countersign_oauth::{ClientRefusal, Error, Settings};
use countersign_server::ServerSettings;
use serde_json::{Value, json};

use super::addresses::{self, Address, Kind};
use super::scene::{ASSERTION, NOW, Shown, app, everything, github, key, proof, shown, sign};
use super::{REQUEST, Table};
use crate::support::{Answer, App, ISSUER, SECRET, basic};

const GRANT: (&str, &str) = ("grant_type", "client_credentials");

impl Table {
    /// A client that was not believed.
    fn unknown_caller(&mut self, address: &'static Address, reason: ClientRefusal, answer: Answer) {
        let fact = Error::InvalidClient { reason };
        self.refused(address, &fact, (401, "invalid_client", "RFC 6749 §5.2"), answer);
    }
}

pub(super) async fn rows(table: &mut Table) {
    let app = app().await;
    app.client("other").await;
    app.client("off").await;
    app.store.set_client_status(&"off".into(), ClientStatus::Disabled, app.clock.now()).await.unwrap();
    let auth = |value: &str| ("authorization", value.to_owned());
    for address in addresses::of_clients() {
        let ask = async |authorization: Option<(&'static str, String)>, form: &[(&str, &str)]| {
            let fields: Vec<_> = authorization.iter().map(|(name, value)| (*name, value.as_str())).collect();
            address.post(&app, &fields, form).await
        };
        table.unknown_caller(address, ClientRefusal::Absent, ask(None, &[]).await);
        table.unknown_caller(address, ClientRefusal::Malformed, ask(Some(auth("Basic !")), &[]).await);
        let nobody = Some(auth(&basic("nobody")));
        table.unknown_caller(address, ClientRefusal::Unknown, ask(nobody, &[]).await);
        let gone = ask(None, &[("client_id", "https://bank.example/gone")]).await;
        table.unknown_caller(address, ClientRefusal::Document, gone);
        let off = Some(auth(&basic("off")));
        table.unknown_caller(address, ClientRefusal::Disabled, ask(off, &[]).await);
        let by_name = ask(None, &[("client_id", "web")]).await;
        table.unknown_caller(address, ClientRefusal::WrongMethod, by_name);
        let wrong = Some(auth("Basic d2ViOngK"));
        table.unknown_caller(address, ClientRefusal::WrongSecret, ask(wrong, &[]).await);
        let two_names = ask(Some(auth(&basic("web"))), &[("client_id", "other")]).await;
        table.unknown_caller(address, ClientRefusal::OtherClient, two_names);
        let two = ask(Some(auth(&basic("web"))), &[("client_secret", SECRET)]).await;
        table.refused(address, &Error::TwoMethods, (400, REQUEST, "RFC 6749 §2.3"), two);
        let twice = ask(Some(auth(&basic("web"))), &[("scope", "a"), ("scope", "b")]).await;
        let wire = (400, REQUEST, "RFC 6749 §3.1, §3.2");
        table.refused(address, &Error::DuplicateParameter, wire, twice);
    }
    // Whose token could be tried out, or whose person could be called, by a name alone.
    app.public("spa").await;
    let asks = ["/introspect", "/bc-authorize"].into_iter().map(addresses::named);
    for address in asks.chain(addresses::of(&[Kind::Api])) {
        let public = address.post(&app, &[], &[("client_id", "spa"), ("token", "x")]).await;
        table.unknown_caller(address, ClientRefusal::Public, public);
    }
}

/// `private_key_jwt` (RFC 7523 §3).
pub(super) async fn assertions(table: &mut Table) {
    let app = App::with(ISSUER, github(), everything).await;
    let (own, stranger) = (key(), key());
    let jwks = json!({ "keys": [own.public_jwk_value().unwrap()] });
    let signs = |client: &mut Client| client.authentication = ClientAuthentication::PrivateKeyJwt;
    app.client_with("web", |client| {
        signs(client);
        client.jwks = Some(jwks.clone());
    })
    .await;
    app.client_with("named", |client| {
        signs(client);
        client.token_endpoint_auth_signing_alg = Some("ES384".to_owned());
        client.jwks = Some(jwks.clone());
    })
    .await;
    app.client_with("far", |client| {
        signs(client);
        client.jwks_uri = Some("https://app.example/jwks".to_owned());
    })
    .await;
    for address in addresses::of_clients() {
        let claims = |id: &str, changes: Value| {
            let jti = address.path;
            let good = json!({ "iss": id, "sub": id, "aud": ISSUER, "exp": NOW + 60, "jti": jti });
            super::scene::changed(good, &changes)
        };
        let ask = async |kind: &str, assertion: &str| {
            let form = [("client_assertion_type", kind), ("client_assertion", assertion)];
            address.post(&app, &[], &form).await
        };
        let signed = |changes: Value| sign("JWT", &claims("web", changes), &own);
        table.unknown_caller(address, ClientRefusal::AssertionMalformed, ask(ASSERTION, "x").await);
        let other_kind = ask("urn:x", &signed(json!({}))).await;
        table.unknown_caller(address, ClientRefusal::AssertionType, other_kind);
        let other_algorithm = ask(ASSERTION, &sign("JWT", &claims("named", json!({})), &own)).await;
        table.unknown_caller(address, ClientRefusal::AssertionAlgorithm, other_algorithm);
        let of_another = ask(ASSERTION, &signed(json!({ "iss": "another" }))).await;
        table.unknown_caller(address, ClientRefusal::AssertionIssuer, of_another);
        let for_another = ask(ASSERTION, &signed(json!({ "aud": "https://other.example" }))).await;
        table.unknown_caller(address, ClientRefusal::AssertionAudience, for_another);
        let late = ask(ASSERTION, &signed(json!({ "exp": NOW - 60 }))).await;
        table.unknown_caller(address, ClientRefusal::AssertionTime, late);
        let forged = ask(ASSERTION, &sign("JWT", &claims("web", json!({})), &stranger)).await;
        table.unknown_caller(address, ClientRefusal::AssertionSignature, forged);
        assert_ne!(ask(ASSERTION, &signed(json!({}))).await.status, 401, "{address:?}");
        let again = ask(ASSERTION, &signed(json!({}))).await;
        table.unknown_caller(address, ClientRefusal::AssertionReplayed, again);
        let no_keys = ask(ASSERTION, &sign("JWT", &claims("far", json!({})), &own)).await;
        table.unknown_caller(address, ClientRefusal::KeysUnavailable, no_keys);
    }
}

/// Certificates (RFC 8705 §2).
pub(super) async fn certificates(table: &mut Table) {
    let app = App::with(ISSUER, github(), everything).await;
    let by_name = |name: &'static str| {
        move |client: &mut Client| {
            client.authentication = ClientAuthentication::TlsClientAuth;
            client.certificate_name = Some(CertificateName::SanDns(name.to_owned()));
        }
    };
    app.client_with("web", by_name("billing.example")).await;
    app.client_with("ledger", by_name("ledger.example")).await;
    app.client_with("own", |client| {
        client.authentication = ClientAuthentication::SelfSignedTlsClientAuth;
        client.jwks = Some(json!({ "keys": [key().public_jwk_value().unwrap()] }));
    })
    .await;
    for address in addresses::of_clients() {
        let ask = async |by: Option<Shown>, id: &str| {
            let request = shown(address.form(&[], &[("client_id", id)]), by);
            Answer::of(app.send(request).await).await
        };
        table.unknown_caller(address, ClientRefusal::CertificateAbsent, ask(None, "web").await);
        let unvouched = ask(Some(Shown::Unvouched), "web").await;
        table.unknown_caller(address, ClientRefusal::CertificateUnvouched, unvouched);
        let other_name = ask(Some(Shown::Vouched), "ledger").await;
        table.unknown_caller(address, ClientRefusal::CertificateName, other_name);
        let unknown = ask(Some(Shown::Unvouched), "own").await;
        table.unknown_caller(address, ClientRefusal::CertificateUnknown, unknown);
        assert_ne!(ask(Some(Shown::Vouched), "web").await.status, 401, "{address:?}");
    }
}

/// What tokens are bound to: certificates (RFC 8705 §3) and keys of proofs (RFC 9449).
pub(super) async fn keys(table: &mut Table) {
    let app = App::with(ISSUER, github(), everything).await;
    app.client_with("bound", |client| client.tls_client_certificate_bound_access_tokens = true).await;
    app.client_with("prover", |client| client.dpop_bound_access_tokens = true).await;
    let own = key();
    app.client_with("strict", |client| {
        client.authentication = ClientAuthentication::PrivateKeyJwt;
        client.jwks = Some(json!({ "keys": [own.public_jwk_value().unwrap()] }));
        client.profile = Profile::Fapi2Security;
    })
    .await;
    let (prover, bound, proves) = (key(), basic("bound"), basic("prover"));
    for address in addresses::of_grants() {
        let bare = address.post(&app, &[("authorization", &bound)], &[GRANT]).await;
        let wire = (400, REQUEST, "RFC 8705 §3.4");
        table.refused(address, &Error::CertificateMissing, wire, bare);
        let without = address.post(&app, &[("authorization", &proves)], &[GRANT]).await;
        table.refused(address, &Error::ProofMissing, (400, REQUEST, "RFC 9449 §5.2"), without);
        let jti = address.path;
        let claims = json!({ "iss": "strict", "sub": "strict", "aud": ISSUER, "exp": NOW + 60, "jti": jti });
        let assertion = sign("JWT", &claims, &own);
        let form = [GRANT, ("client_assertion_type", ASSERTION), ("client_assertion", &assertion)];
        let wire = (400, REQUEST, "FAPI 2.0 Security Profile §5.3.2.1");
        table.refused(address, &Error::UnboundToken, wire, address.post(&app, &[], &form).await);
    }
    for address in addresses::of_grants().chain([addresses::named("/par")]) {
        let beside = proof(&prover, address.proof_path(), address.path);
        let fields = [("authorization", bound.as_str()), ("dpop", beside.as_str())];
        let both = shown(address.form(&fields, &[GRANT]), Some(Shown::Vouched));
        let both = Answer::of(app.send(both).await).await;
        table.refused(address, &Error::TwoKeys, (400, REQUEST, "RFC 8705 §3, RFC 9449 §5"), both);
        let bad = address.post(&app, &[("authorization", &proves), ("dpop", "x")], &[GRANT]).await;
        let wire = (400, "invalid_dpop_proof", "RFC 9449 §5");
        table.refused(address, &Error::InvalidDpopProof(DpopRefusal::Malformed), wire, bad);
    }
    nonce(table).await;
}

async fn nonce(table: &mut Table) {
    let change = |settings: &mut Settings| {
        everything(settings);
        settings.dpop_nonce = true;
    };
    let app = App::with(ISSUER, ServerSettings { github: true, ..ServerSettings::default() }, change).await;
    app.client("web").await;
    let (prover, authorization) = (key(), basic("web"));
    for address in addresses::of_grants().chain([addresses::named("/par")]) {
        let proof = proof(&prover, address.proof_path(), address.path);
        let fields = [("authorization", authorization.as_str()), ("dpop", proof.as_str())];
        let asked = address.post(&app, &fields, &[GRANT, ("response_type", "code")]).await;
        let wire = (400, "use_dpop_nonce", "RFC 9449 §8");
        table.refused(address, &Error::UseDpopNonce("n".to_owned()), wire, asked);
    }
}
