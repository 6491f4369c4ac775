//! DPoP (RFC 9449): bound tokens count with a fresh proof of their key, and no other way.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_jose::{Algorithm, SigningKey};
use countersign_model::Method::{ApiKey, Jwt, Oauth};
use countersign_model::{KeyId, SecretBytes, Timestamp, TokenHash};
use http::StatusCode;
use serde_json::{Value, json};

use super::support::*;
use crate::*;

const URL: &str = "https://orders.example.com/orders";

/// Somebody with a key, who makes proofs.
struct Prover {
    key: SigningKey,
    jwk: Value,
}

impl Prover {
    fn new(algorithm: Algorithm) -> Self {
        let key = SigningKey::generate(algorithm).unwrap();
        let jwk = key.public_jwk_value().unwrap();
        Self { key, jwk }
    }

    fn jkt(&self) -> String {
        self.key.public_jwk().unwrap().thumbprint()
    }

    fn header(&self) -> Value {
        json!({ "typ": "dpop+jwt", "alg": self.key.algorithm().as_str(), "jwk": self.jwk })
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let input = format!("{}.{}", part(header), part(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(input.as_bytes()).unwrap());
        format!("{input}.{signature}")
    }

    /// A good proof, with changes to its claims: null leaves one out.
    fn proof(&self, token: &str, jti: &str, changes: &Value) -> String {
        self.sign(&self.header(), &claims_of(token, jti, changes))
    }
}

fn claims_of(token: &str, jti: &str, changes: &Value) -> Value {
    let ath = TokenHash::of(token.as_bytes()).to_base64url();
    let mut claims = json!({ "jti": jti, "htm": "GET", "htu": URL, "iat": NOW, "ath": ath });
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => claims.as_object_mut().unwrap().remove(name),
            value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    claims
}

fn bound(world: &World, prover: &Prover) -> String {
    world.token(|claims| claims["cnf"] = json!({ "jkt": prover.jkt() }))
}

async fn ask(world: &World, rule: &Rule, token: &str, proofs: &[&str], now: Timestamp) -> Decision {
    let authorization = format!("DPoP {token}");
    let mut headers = vec![("Authorization", &*authorization)];
    headers.extend(proofs.iter().map(|proof| ("DPoP", *proof)));
    world.ask(rule, &headers, now).await
}

/// The only challenge.
fn challenge(denial: &Denial) -> String {
    let challenges = denial.www_authenticate();
    assert_eq!(challenges.len(), 1, "clients look for it alone: {challenges:?}");
    challenges[0].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_fresh_proof_passes_once_with_every_algorithm() {
    let world = World::new();
    let rule = rule(&[Jwt], |_| {});
    for algorithm in [Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA, Algorithm::PS256] {
        let prover = Prover::new(algorithm);
        let token = bound(&world, &prover);
        // The second time the token comes from memory; its proof is checked all the same.
        for jti in ["1", "2"] {
            let proof = prover.proof(&token, jti, &json!({}));
            let identity = identity(&ask(&world, &rule, &token, &[&proof], at(0)).await);
            assert_eq!(identity.assurance, countersign_model::Assurance::ProofOfPossession);
            let refused = denial(ask(&world, &rule, &token, &[&proof], at(1)).await);
            assert_eq!(refused.why(), Reason::ProofReplayed, "{algorithm:?}");
            assert!(challenge(&refused).contains("error=\"invalid_dpop_proof\""), "RFC 9449 §7.1");
        }
    }
}

#[tokio::test]
async fn claims_that_do_not_hold() {
    let world = World::new();
    let rule = rule(&[Jwt], |_| {});
    let prover = Prover::new(Algorithm::ES256);
    let token = bound(&world, &prover);
    let other = TokenHash::of(b"another token").to_base64url();
    let long = "x".repeat(257);
    for changes in [
        json!({ "jti": null }),
        json!({ "jti": "" }),
        json!({ "jti": long }),
        json!({ "jti": 7 }),
        json!({ "htm": null }),
        json!({ "htm": "POST" }),
        json!({ "htm": "get" }),
        json!({ "htu": null }),
        json!({ "htu": "https://orders.example.com/orders/7" }),
        json!({ "htu": "http://orders.example.com/orders" }),
        json!({ "htu": "https://other.example.com/orders" }),
        json!({ "iat": null }),
        json!({ "iat": "now" }),
        json!({ "iat": NOW - 60 }),
        json!({ "iat": NOW + 11 }),
        json!({ "iat": 1e300 }),
        json!({ "ath": null }),
        json!({ "ath": other }),
    ] {
        let refused =
            denial(ask(&world, &rule, &token, &[&prover.proof(&token, "1", &changes)], at(0)).await);
        assert_eq!(refused.why(), Reason::ProofInvalid, "{changes}");
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
        assert!(challenge(&refused).contains("error=\"invalid_dpop_proof\""));
    }
    // What was refused was not remembered, and the very edges hold.
    for (jti, iat, htu) in [
        ("1", NOW - 59, "https://ORDERS.example.com:443/orders?page=2#top"),
        ("2", NOW + 10, "https://orders.example.com/./orders"),
    ] {
        let proof = prover.proof(&token, jti, &json!({ "iat": iat, "htu": htu }));
        identity(&ask(&world, &rule, &token, &[&proof], at(0)).await);
    }
}

#[tokio::test]
async fn headers_and_keys_that_do_not_hold() {
    let world = World::new();
    let rule = rule(&[Jwt], |_| {});
    let prover = Prover::new(Algorithm::ES256);
    let token = bound(&world, &prover);
    let claims = claims_of(&token, "1", &json!({}));
    let with = |change: &dyn Fn(&mut Value)| {
        let mut header = prover.header();
        change(&mut header);
        prover.sign(&header, &claims)
    };
    let thief = Prover::new(Algorithm::ES256);
    let secret = SigningKey::from_secret(&SecretBytes::new(vec![7; 32]), Algorithm::HS256, KeyId::from("k"));
    let mac =
        Prover { key: secret.unwrap(), jwk: json!({ "kty": "oct", "k": URL_SAFE_NO_PAD.encode([7; 32]) }) };
    let (header, payload) = (prover.header(), claims.to_string());
    let unsigned = format!(
        "{}.{}.",
        URL_SAFE_NO_PAD.encode(header.to_string().replace("ES256", "none")),
        URL_SAFE_NO_PAD.encode(&payload)
    );
    let mut flipped = prover.proof(&token, "1", &json!({}));
    let place = flipped.len() - 2..flipped.len() - 1;
    let other = if &flipped[place.clone()] == "A" { "B" } else { "A" };
    flipped.replace_range(place, other);
    for (name, proof) in [
        ("type", with(&|header| header["typ"] = json!("JWT"))),
        ("no type", with(&|header| drop(header.as_object_mut().unwrap().remove("typ")))),
        ("no key", with(&|header| drop(header.as_object_mut().unwrap().remove("jwk")))),
        ("private key", with(&|header| header["jwk"]["d"] = json!("AAAA"))),
        ("another key's signature", with(&|header| header["jwk"] = thief.jwk.clone())),
        ("key elsewhere", with(&|header| header["jku"] = json!("https://evil.example/jwks"))),
        ("certificate", with(&|header| header["x5c"] = json!([]))),
        ("critical", with(&|header| header["crit"] = json!(["exp"]))),
        ("algorithm of another kind", with(&|header| header["alg"] = json!("RS256"))),
        ("HMAC", mac.proof(&token, "1", &json!({}))),
        ("unsigned", unsigned),
        ("flipped", flipped),
        // RFC 9449 §4.3, point 12: a proof that is right, of a key that is not the token's.
        ("thief", thief.proof(&token, "1", &json!({}))),
        ("none", String::from("x")),
        ("long", "x".repeat(9_000)),
    ] {
        let refused = denial(ask(&world, &rule, &token, &[&proof], at(0)).await);
        assert_eq!(refused.why(), Reason::ProofInvalid, "{name}");
    }
    identity(&ask(&world, &rule, &token, &[&prover.proof(&token, "1", &json!({}))], at(0)).await);
}

#[tokio::test]
async fn one_field_no_more_and_no_less() {
    let world = World::new();
    let rule = rule(&[Jwt], |_| {});
    let prover = Prover::new(Algorithm::ES256);
    let token = bound(&world, &prover);
    let proof = |jti: &str| prover.proof(&token, jti, &json!({}));
    for proofs in [vec![], vec![proof("1"), proof("2")], vec![proof("1"), proof("1")]] {
        let proofs: Vec<&str> = proofs.iter().map(String::as_str).collect();
        let refused = denial(ask(&world, &rule, &token, &proofs, at(0)).await);
        assert_eq!(refused.why(), Reason::ProofMissing, "RFC 9449 §4.3, point 1");
    }
}

#[tokio::test]
async fn a_bound_token_is_no_bearer_token_and_an_unbound_one_gains_nothing() {
    let world = World::new();
    let rule = rule(&[Jwt], |_| {});
    let prover = Prover::new(Algorithm::ES256);
    let token = bound(&world, &prover);
    let proof = prover.proof(&token, "1", &json!({}));
    // RFC 9449 §7.2, with the proof beside it and without.
    for proofs in [vec![], vec![("DPoP", &*proof)]] {
        let authorization = format!("Bearer {token}");
        let mut headers = vec![("Authorization", &*authorization)];
        headers.extend(proofs);
        let refused = denial(world.ask(&rule, &headers, at(0)).await);
        assert_eq!(refused.why(), Reason::TokenBinding);
        let challenges: Vec<String> =
            refused.www_authenticate().iter().map(|value| value.to_str().unwrap().to_owned()).collect();
        assert!(challenges[0].starts_with("Bearer") && challenges[0].contains("error=\"invalid_token\""));
        assert!(
            challenges[1].starts_with("DPoP") && challenges[1].contains("algs=\"ES256"),
            "{challenges:?}"
        );
    }
    let x5t = URL_SAFE_NO_PAD.encode([7; 32]);
    for unbound in [world.token(|_| {}), world.token(|claims| claims["cnf"] = json!({ "x5t#S256": x5t }))] {
        let proof = prover.proof(&unbound, "2", &json!({}));
        let refused = denial(ask(&world, &rule, &unbound, &[&proof], at(0)).await);
        assert_eq!(refused.why(), Reason::TokenBinding);
        let challenges = refused.www_authenticate();
        let named = |value: &http::HeaderValue| value.to_str().unwrap().contains("error=");
        let [bearer, dpop] = challenges.as_slice() else { panic!("{challenges:?}") };
        assert!(!named(bearer) && named(dpop), "the error is told to the scheme that was used");
    }
    // A field that means nothing to an unbound token does no harm.
    let authorization = format!("Bearer {}", world.token(|_| {}));
    identity(&world.ask(&rule, &[("Authorization", &*authorization), ("DPoP", "x")], at(0)).await);
}

#[tokio::test]
async fn reference_tokens_are_held_to_the_same() {
    let world = World::new();
    let rule = rule(&[Oauth], |_| {});
    let prover = Prover::new(Algorithm::ES256);
    let token = api_key::generate("cst", "at", &countersign_model::SystemRng).expose().to_owned();
    let mut claims = claims();
    claims["cnf"] = json!({ "jkt": prover.jkt() });
    let kept =
        crate::ports::ReferenceToken { claims: claims.as_object().unwrap().clone(), fresh_until: at(3_600) };
    world.store.references.lock().unwrap().insert(token.clone(), kept);
    for jti in ["1", "2"] {
        let proof = prover.proof(&token, jti, &json!({}));
        identity(&ask(&world, &rule, &token, &[&proof], at(0)).await);
        assert_eq!(denial(ask(&world, &rule, &token, &[&proof], at(0)).await).why(), Reason::ProofReplayed);
    }
    let refused = denial(world.bearer(&rule, &token, at(0)).await);
    assert_eq!(refused.why(), Reason::TokenBinding);
}

#[tokio::test]
async fn a_rule_may_ask_for_a_nonce() {
    let world = World::new();
    let dpop = DpopSettings { nonce: true, ..DpopSettings::default() };
    let rule = rule(&[Jwt], |settings| settings.dpop = dpop);
    let prover = Prover::new(Algorithm::ES256);
    let token = bound(&world, &prover);
    let nonce_of = |denial: &Denial| denial.dpop_nonce().unwrap().to_str().unwrap().to_owned();
    let start = at(40 - NOW % 60);
    let iat = start.seconds();
    let ask_at = async |jti: &str, nonce: Value, seconds: i64| {
        let proof = prover.proof(&token, jti, &json!({ "nonce": nonce, "iat": iat + seconds }));
        ask(&world, &rule, &token, &[&proof], Timestamp::from_seconds(iat + seconds)).await
    };
    let first = denial(ask_at("1", Value::Null, 0).await);
    assert_eq!((first.why(), first.status()), (Reason::ProofNonce, StatusCode::UNAUTHORIZED));
    assert!(challenge(&first).contains("error=\"use_dpop_nonce\""), "RFC 9449 §9");
    assert_eq!(nonce_of(&first), first.response("").headers()["dpop-nonce"].to_str().unwrap());
    let nonce = nonce_of(&first);
    // The proof that was refused for its nonce was not used up.
    let Decision::Allow(permit) = ask_at("1", json!(nonce), 0).await else { panic!("refused") };
    assert_eq!(permit.dpop_nonce(), None, "RFC 9449 §8.2: the client keeps the one it has");
    let Decision::Allow(permit) = ask_at("2", json!(nonce), 40).await else { panic!("refused") };
    let next = permit.dpop_nonce().expect("the old one is about to end").to_str().unwrap().to_owned();
    assert_ne!(next, nonce);
    assert_eq!(denial(ask_at("3", json!(nonce), 100).await).why(), Reason::ProofNonce);
    assert_eq!(denial(ask_at("3", json!("made up"), 0).await).why(), Reason::ProofNonce);
    assert!(matches!(ask_at("3", json!(next), 100).await, Decision::Allow(_)));
}

#[tokio::test]
async fn behind_another_address_a_proof_is_for_that() {
    let world = World::new();
    let dpop =
        DpopSettings { origins: vec!["https://api.example.com".to_owned()], ..DpopSettings::default() };
    let rule = rule(&[Jwt], |settings| settings.dpop = dpop);
    let prover = Prover::new(Algorithm::ES256);
    let token = bound(&world, &prover);
    let proof = prover.proof(&token, "1", &json!({ "htu": "https://api.example.com/orders" }));
    identity(&ask(&world, &rule, &token, &[&proof], at(0)).await);
    // The host that the caller wrote counts no more.
    let proof = prover.proof(&token, "2", &json!({}));
    assert_eq!(denial(ask(&world, &rule, &token, &[&proof], at(0)).await).why(), Reason::ProofInvalid);
    for wrong in ["api.example.com", "https://api.example.com/x", "ftp://a.example", ""] {
        let dpop = DpopSettings { origins: vec![wrong.to_owned()], ..DpopSettings::default() };
        assert!(Rule::new(RuleSettings { dpop, ..RuleSettings::default() }).is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn a_key_is_no_token() {
    let world = World::new();
    let key = world.key(|_| {});
    let rule = rule(&[ApiKey], |settings| settings.api_key.bearer = true);
    let decision = ask(&world, &rule, key.expose(), &["x"], at(0)).await;
    assert_eq!(denial(decision).why(), Reason::MethodNotAccepted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_thousand_at_once_one_passes() {
    let world = Arc::new(World::new());
    let prover = Prover::new(Algorithm::ES256);
    let token = bound(&world, &prover);
    let proof = prover.proof(&token, "1", &json!({}));
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..1_000 {
        let (world, token, proof) = (Arc::clone(&world), token.clone(), proof.clone());
        tries.spawn(async move {
            matches!(ask(&world, &rule(&[Jwt], |_| {}), &token, &[&proof], at(0)).await, Decision::Allow(_))
        });
    }
    let passed = tries.join_all().await.into_iter().filter(|passed| *passed).count();
    assert_eq!(passed, 1);
}

#[tokio::test]
async fn an_unvouched_certificate_confirms_a_bound_token_and_is_nobody() {
    use countersign_model::Method::Mtls;
    let mut params = rcgen::CertificateParams::new(vec!["billing.example".to_owned()]).unwrap();
    (params.not_before, params.not_after) =
        (rcgen::date_time_ymd(2023, 1, 1), rcgen::date_time_ymd(2024, 1, 1));
    let make = |params: &rcgen::CertificateParams| {
        params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().der().to_vec()
    };
    let (own, other) = (make(&params), make(&params));
    let peer = |der: &[u8]| {
        let certificate = UnvouchedCertificate::from_der(der).unwrap();
        Peer::with_unvouched("192.0.2.1".parse().unwrap(), Arc::new(certificate))
    };
    let world = World::new();
    let rule = rule(&[Jwt, Mtls], |_| {});
    let thumbprint = URL_SAFE_NO_PAD.encode(TokenHash::of(&own).as_bytes());
    let token = world.token(|claims| claims["cnf"] = json!({ "x5t#S256": thumbprint }));
    let mut headers = http::HeaderMap::new();
    let check = async |headers: &http::HeaderMap, peer: &Peer, now| {
        let request = RequestParts {
            method: &http::Method::GET,
            authority: "orders.example.com",
            path: "/orders",
            query: None,
            headers,
            client_address: peer.address(),
            secure: true,
        };
        world.access.check(&request, peer, &rule, now).await
    };
    // As the only credential it is none at all.
    let refused = denial(check(&headers, &peer(&own), at(0)).await);
    assert_eq!(refused.why(), Reason::MissingCredential);
    headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
    identity(&check(&headers, &peer(&own), at(0)).await);
    assert_eq!(denial(check(&headers, &peer(&other), at(0)).await).why(), Reason::TokenBinding);
    // One that was vouched for and revoked since comes as one that nobody vouches for.
    let serial = PeerCertificate::from_der(&own, None).unwrap().facts().serial.clone();
    world.access.replace_revoked_certificates([serial].into());
    assert_eq!(denial(check(&headers, &peer(&own), at(0)).await).why(), Reason::CertificateRevoked);
}
