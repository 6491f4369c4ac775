//! DPoP at the token endpoint (RFC 9449): proofs, nonces, and what they bind.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_access::dpop::DpopRefusal;
use countersign_jose::{Algorithm, SigningKey};
use countersign_keys::MasterKey;
use countersign_model::{AccessTokenFormat, SystemRng};
use countersign_oauth::{Authorization, ClientCall, DpopField, Error, GrantRefusal, TokenResponse};
use serde_json::{Value, json};

use crate::support::*;

const TOKEN: &str = "https://id.example/token";
const SERVICE: [(&str, &str); 1] = [("grant_type", "client_credentials")];

/// Somebody with a key, who makes proofs.
pub(crate) struct Prover(SigningKey);

impl Prover {
    pub(crate) fn new() -> Self {
        Self::of(Algorithm::ES256)
    }

    pub(crate) fn of(algorithm: Algorithm) -> Self {
        Self(SigningKey::generate(algorithm).unwrap())
    }

    pub(crate) fn jkt(&self) -> String {
        self.0.public_jwk().unwrap().thumbprint()
    }

    pub(crate) fn proof(&self, jti: &str, changes: &Value) -> String {
        let mut claims = json!({ "jti": jti, "htm": "POST", "htu": TOKEN, "iat": START });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let header = json!({
            "typ": "dpop+jwt", "alg": self.0.algorithm().as_str(), "jwk": self.0.public_jwk_value().unwrap(),
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let input = format!("{}.{}", part(&header), part(&claims));
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(self.0.sign(input.as_bytes()).unwrap()))
    }
}

/// A confidential client with its secret, or a public one with its name.
async fn ask(
    house: &House,
    id: &str,
    dpop: DpopField<'_>,
    form: &[(&str, &str)],
) -> Result<TokenResponse, Error> {
    let (secret, public) = (secret(id), id == "spa");
    let authorization = Authorization::Basic { name: id, secret: &secret };
    let authorization = if public { Authorization::Absent } else { authorization };
    let mut form = form.to_vec();
    if public {
        form.push(("client_id", id));
    }
    let form = parameters(&form);
    house.engine.token(&ClientCall { authorization, dpop, ..ClientCall::new(&form) }).await
}

async fn with_proof(
    house: &House,
    id: &str,
    proof: &str,
    form: &[(&str, &str)],
) -> Result<TokenResponse, Error> {
    ask(house, id, DpopField::Proof(proof), form).await
}

fn refusal(result: Result<TokenResponse, Error>) -> DpopRefusal {
    match result.unwrap_err() {
        error @ Error::InvalidDpopProof(_) => {
            assert_eq!((error.status(), error.code()), (400, "invalid_dpop_proof"), "RFC 9449 §5");
            let Error::InvalidDpopProof(refusal) = error else { unreachable!() };
            refusal
        }
        other => panic!("{other:?}"),
    }
}

fn grant_refusal(result: Result<TokenResponse, Error>) -> GrantRefusal {
    match result.unwrap_err() {
        Error::InvalidGrant(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_proof_binds_what_is_given() {
    let house = House::new().await;
    let prover = Prover::new();
    house.client("api", |client| client.may_introspect = true);
    for (jti, format) in [("1", AccessTokenFormat::Jwt), ("2", AccessTokenFormat::Reference)] {
        house.client("service", |client| client.access_token_format = format);
        let tokens = with_proof(&house, "service", &prover.proof(jti, &json!({})), &SERVICE).await.unwrap();
        assert_eq!(tokens.token_type, "DPoP", "RFC 9449 §5");
        let answer = house.introspect("api", &tokens.access_token).await;
        assert_eq!(answer["token_type"], "DPoP", "RFC 9449 §6.2");
        assert_eq!(answer["cnf"], json!({ "jkt": prover.jkt() }), "RFC 9449 §6.2");
    }
    // Without a proof the same client gets a bearer token, unless it is registered for more.
    let tokens = ask(&house, "service", DpopField::Absent, &SERVICE).await.unwrap();
    assert_eq!(tokens.token_type, "Bearer");
    house.client("service", |client| client.dpop_bound_access_tokens = true);
    let error = ask(&house, "service", DpopField::Absent, &SERVICE).await.unwrap_err();
    assert_eq!((error.code(), error.section()), ("invalid_request", "RFC 9449 §5.2"));
    with_proof(&house, "service", &prover.proof("3", &json!({})), &SERVICE).await.unwrap();
}

#[tokio::test]
async fn proofs_that_do_not_hold() {
    let house = House::new().await;
    house.client("service", |_| {});
    let prover = Prover::new();
    let several = ask(&house, "service", DpopField::Unusable, &SERVICE).await;
    assert_eq!(refusal(several), DpopRefusal::Field);
    for (changes, expected) in [
        (json!({ "htm": "GET" }), DpopRefusal::Method),
        (json!({ "htu": "https://id.example/introspect" }), DpopRefusal::Target),
        (json!({ "htu": "https://other.example/token" }), DpopRefusal::Target),
        (json!({ "iat": START - 60 }), DpopRefusal::Time),
        (json!({ "iat": START + 11 }), DpopRefusal::Time),
        (json!({ "jti": "" }), DpopRefusal::Malformed),
        (json!({ "jti": null }), DpopRefusal::Malformed),
    ] {
        let result = with_proof(&house, "service", &prover.proof("1", &changes), &SERVICE).await;
        assert_eq!(refusal(result), expected, "{changes}");
    }
    assert_eq!(refusal(with_proof(&house, "service", "x.y", &SERVICE).await), DpopRefusal::Malformed);
    assert!(house.memory.tables().proofs.is_empty(), "only what held is remembered");
    let proof = prover.proof("1", &json!({}));
    with_proof(&house, "service", &proof, &SERVICE).await.unwrap();
    assert_eq!(refusal(with_proof(&house, "service", &proof, &SERVICE).await), DpopRefusal::Replayed);
    // Nobody uses up the identifiers of others.
    with_proof(&house, "service", &Prover::new().proof("1", &json!({})), &SERVICE).await.unwrap();
}

#[tokio::test]
async fn the_other_address_is_the_same_endpoint() {
    let settings = |settings: &mut countersign_oauth::Settings| {
        settings.mtls_url = Some("https://mtls.id.example".to_owned());
    };
    let house = House::with(settings, Algorithm::ES256).await;
    house.client("service", |_| {});
    let proof = Prover::new().proof("1", &json!({ "htu": "https://mtls.id.example/token" }));
    with_proof(&house, "service", &proof, &SERVICE).await.unwrap();
}

#[tokio::test]
async fn a_proof_may_have_to_carry_a_nonce() {
    let master = MasterKey::generate(&SystemRng).unwrap();
    let settings = |settings: &mut countersign_oauth::Settings| {
        settings.dpop_nonce = true;
        settings.master_key = Some(master.clone());
    };
    let house = House::with(settings, Algorithm::ES256).await;
    house.client("service", |_| {});
    let prover = Prover::new();
    let error = with_proof(&house, "service", &prover.proof("1", &json!({})), &SERVICE).await.unwrap_err();
    assert_eq!((error.status(), error.code(), error.section()), (400, "use_dpop_nonce", "RFC 9449 §8"));
    let nonce = error.dpop_nonce().unwrap().to_owned();
    let at = |jti: &str, seconds: i64, nonce: &str| {
        prover.proof(jti, &json!({ "nonce": nonce, "iat": START + seconds }))
    };
    let tokens = with_proof(&house, "service", &at("1", 0, &nonce), &SERVICE).await.unwrap();
    assert_eq!(tokens.dpop_nonce, None);
    house.advance(60);
    let tokens = with_proof(&house, "service", &at("2", 60, &nonce), &SERVICE).await.unwrap();
    let next = tokens.dpop_nonce.expect("RFC 9449 §8.2: the old one is about to end");
    house.advance(60);
    let error = with_proof(&house, "service", &at("3", 120, &nonce), &SERVICE).await.unwrap_err();
    assert!(matches!(error, Error::UseDpopNonce(_)));
    with_proof(&house, "service", &at("3", 120, &next), &SERVICE).await.unwrap();
    // Another node with the same master key knows them too.
    let other = House::with(settings, Algorithm::ES256).await;
    other.client("service", |_| {});
    with_proof(&other, "service", &at("1", 0, &nonce), &SERVICE).await.unwrap();
}

#[tokio::test]
async fn a_code_for_a_key_needs_that_key() {
    let house = House::new().await;
    house.public("spa");
    let (own, thief) = (Prover::new(), Prover::new());
    let jkt = own.jkt();
    let code = async || house.code(&request("spa", &[("dpop_jkt", &jkt)])).await;
    let first = code().await;
    let result = with_proof(&house, "spa", &thief.proof("1", &json!({})), &redemption(&first)).await;
    assert_eq!(grant_refusal(result), GrantRefusal::CodeKeyDiffers, "RFC 9449 §10");
    let second = code().await;
    let result = ask(&house, "spa", DpopField::Absent, &redemption(&second)).await;
    assert_eq!(grant_refusal(result), GrantRefusal::CodeKeyDiffers);
    let third = code().await;
    let tokens = with_proof(&house, "spa", &own.proof("1", &json!({})), &redemption(&third)).await.unwrap();
    assert_eq!(read_jwt(&tokens.access_token).1["cnf"], json!({ "jkt": jkt }));
    for malformed in ["x", "not/base64url", &"A".repeat(44)] {
        let session = house.sign_in("alice").await;
        let step = house.begin(&request("spa", &[("dpop_jkt", malformed)]), Some(&session)).await.unwrap();
        assert_eq!(answered(&respond(step), "error").as_deref(), Some("invalid_request"), "{malformed}");
    }
}

#[tokio::test]
async fn a_public_clients_refresh_token_is_bound_to_its_key() {
    let house = House::new().await;
    house.public("spa");
    house.client("app", |client| client.first_party = true);
    let (own, thief) = (Prover::new(), Prover::new());
    let code = house.code(&request("spa", &[])).await;
    let tokens = with_proof(&house, "spa", &own.proof("1", &json!({})), &redemption(&code)).await.unwrap();
    let refresh = tokens.refresh_token.unwrap();
    let form = [("grant_type", "refresh_token"), ("refresh_token", &*refresh)];
    let result = ask(&house, "spa", DpopField::Absent, &form).await;
    assert_eq!(grant_refusal(result), GrantRefusal::RefreshKeyDiffers, "RFC 9449 §5");
    let result = with_proof(&house, "spa", &thief.proof("1", &json!({})), &form).await;
    assert_eq!(grant_refusal(result), GrantRefusal::RefreshKeyDiffers);
    let tokens = with_proof(&house, "spa", &own.proof("2", &json!({})), &form).await.unwrap();
    assert_eq!(tokens.token_type, "DPoP");
    // So is its successor.
    let refresh = tokens.refresh_token.unwrap();
    let form = [("grant_type", "refresh_token"), ("refresh_token", &*refresh)];
    let result = with_proof(&house, "spa", &thief.proof("2", &json!({})), &form).await;
    assert_eq!(grant_refusal(result), GrantRefusal::RefreshKeyDiffers);

    // RFC 9449 §5: a confidential client's is bound to the client, and its key may change.
    let code = house.code(&request("app", &[])).await;
    let tokens = with_proof(&house, "app", &own.proof("3", &json!({})), &redemption(&code)).await.unwrap();
    let refresh = tokens.refresh_token.unwrap();
    let form = [("grant_type", "refresh_token"), ("refresh_token", &*refresh)];
    let tokens = with_proof(&house, "app", &thief.proof("3", &json!({})), &form).await.unwrap();
    assert_eq!(read_jwt(&tokens.access_token).1["cnf"], json!({ "jkt": thief.jkt() }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_thousand_uses_one_wins() {
    let house = Arc::new(House::new().await);
    house.client("service", |_| {});
    let proof = Prover::new().proof("1", &json!({}));
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..1_000 {
        let (house, proof) = (Arc::clone(&house), proof.clone());
        tries.spawn(async move { with_proof(&house, "service", &proof, &SERVICE).await.is_ok() });
    }
    assert_eq!(tries.join_all().await.into_iter().filter(|won| *won).count(), 1);
}

#[tokio::test]
async fn the_metadata_name_the_algorithms() {
    let house = House::new().await;
    let metadata: Value = serde_json::from_slice(&house.engine.metadata()).unwrap();
    let algorithms = metadata["dpop_signing_alg_values_supported"].as_array().unwrap();
    assert!(algorithms.contains(&json!("ES256")) && algorithms.contains(&json!("EdDSA")));
    assert!(!algorithms.iter().any(|name| name.as_str().unwrap().starts_with("HS")));
}
