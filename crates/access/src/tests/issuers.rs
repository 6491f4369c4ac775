//! Tokens of other issuers: discovery, rotation, outages, static keys, shared secrets, claims of their own.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use countersign_jose::{Algorithm, SigningKey};
use countersign_model::Method::Jwt;
use countersign_model::{Issuer, KeyId, SecretBytes};
use http::StatusCode;
use serde_json::json;

use super::support::*;
use crate::*;

const PARTNER: &str = "https://partner.example.com/tenant";
const METADATA: &str = "https://partner.example.com/tenant/.well-known/openid-configuration";
const METADATA_RFC8414: &str = "https://partner.example.com/.well-known/oauth-authorization-server/tenant";
const JWKS: &str = "https://partner.example.com/keys";

fn partner(keys: KeyOrigin, algorithms: &[Algorithm]) -> IssuerSettings {
    IssuerSettings {
        name: "partner".to_owned(),
        issuer: Issuer::from(PARTNER),
        keys,
        algorithms: algorithms.to_vec(),
        audience: Some("their-audience".to_owned()),
        types: vec!["JWT".to_owned(), String::new()],
        scope_claims: vec!["scope".to_owned(), "scp".to_owned(), "permissions".to_owned()],
        reference_tokens: None,
    }
}

fn world(keys: KeyOrigin, algorithms: &[Algorithm]) -> World {
    World::with(|settings| settings.issuers.push(partner(keys, algorithms)))
}

fn publish(world: &World, keys: &[&SigningKey]) {
    let keys: Vec<_> = keys.iter().map(|key| key.public_jwk_value().unwrap()).collect();
    let mut documents = world.store.documents.lock().unwrap();
    documents.insert(METADATA.to_owned(), json!({"issuer": PARTNER, "jwks_uri": JWKS}).to_string());
    documents.insert(JWKS.to_owned(), json!({ "keys": keys }).to_string());
}

fn token(key: &SigningKey, typ: Option<&str>) -> String {
    let claims = json!({
        "iss": PARTNER, "sub": "auth0|7", "aud": ["x", "their-audience"], "exp": NOW + 3600 * 48, "iat": NOW,
        "azp": "their-client", "scp": ["read", "write"], "permissions": "admin", "scope": null,
    });
    sign(key, typ, &claims)
}

fn accepting() -> Rule {
    rule(&[Jwt], |r| r.issuers = vec!["own".to_owned(), "partner".to_owned()])
}

#[tokio::test]
async fn a_subject_is_one_issuers_and_not_anothers() {
    let world = world(KeyOrigin::Discovery, &[Algorithm::ES256]);
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    publish(&world, &[&key]);
    let claims = json!({
        "iss": PARTNER, "sub": "usr_1", "aud": "their-audience", "exp": NOW + 600, "iat": NOW,
    });
    let (theirs, ours) = (sign(&key, Some("JWT"), &claims), world.token(|_| {}));
    for (subjects, admits_ours, admits_theirs) in [
        (&[][..], true, true),
        (&["usr_1"], true, false),
        (&["usr_*"], true, false),
        (&["partner:usr_1"], false, true),
        (&["own:usr_1", "partner:usr_*"], true, true),
        (&["other:usr_1"], false, false),
    ] {
        let rule = rule(&[Jwt], |r| {
            r.issuers = vec!["own".to_owned(), "partner".to_owned()];
            r.subjects = subjects.iter().map(|subject| (*subject).to_owned()).collect();
        });
        for (token, admits) in [(&ours, admits_ours), (&theirs, admits_theirs)] {
            let said = word(&world.bearer(&rule, token, at(0)).await);
            assert_eq!(said, if admits { "ok usr_1" } else { "subject_not_admitted" }, "{subjects:?}");
        }
    }
}

#[tokio::test]
async fn discovery_rotation_and_a_flood_of_unknown_keys() {
    let world = world(KeyOrigin::Discovery, &[Algorithm::ES256, Algorithm::EdDSA]);
    let (one, two, stranger) = (
        SigningKey::generate(Algorithm::ES256).unwrap(),
        SigningKey::generate(Algorithm::EdDSA).unwrap(),
        SigningKey::generate(Algorithm::ES256).unwrap(),
    );
    publish(&world, &[&one]);
    let rule = accepting();
    assert!(!world.access.issuers_ready(at(0)));
    let identity = identity(&world.bearer(&rule, &token(&one, Some("JWT")), at(0)).await);
    assert!(world.access.issuers_ready(at(0)));
    assert_eq!(identity.scopes.to_string(), "admin read write");
    assert_eq!((identity.subject.as_str(), &*identity.issuer_name), ("auth0|7", "partner"));
    assert_eq!(identity.client.as_ref().unwrap().as_str(), "their-client");
    assert_eq!(world.store.asked(), 2);
    // A new key is found by one more fetch, and only one for all who come with unknown ones.
    publish(&world, &[&one, &two]);
    assert_eq!(word(&world.bearer(&rule, &token(&two, None), at(1)).await), "ok auth0|7");
    assert_eq!(world.store.asked(), 3);
    for second in 2..30 {
        let decision = world.bearer(&rule, &token(&stranger, None), at(second)).await;
        assert_eq!(word(&decision), "token_unknown_key");
    }
    assert_eq!(world.store.asked(), 3);
    // What is tried again later is tried once.
    assert_eq!(word(&world.bearer(&rule, &token(&stranger, None), at(31)).await), "token_unknown_key");
    assert_eq!(world.store.asked(), 4);
    // A key that is gone takes its tokens along, once the set is fetched again.
    publish(&world, &[&two]);
    world.access.refresh_issuers(at(31 + 301)).await;
    assert_eq!(word(&world.bearer(&rule, &token(&one, Some("JWT")), at(400)).await), "token_unknown_key");
    assert_eq!(word(&world.bearer(&rule, &token(&two, None), at(400)).await), "ok auth0|7");
}

#[tokio::test]
async fn the_last_good_keys_serve_until_a_stated_limit() {
    let world = world(KeyOrigin::JwksUri(JWKS.to_owned()), &[Algorithm::ES256]);
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    publish(&world, &[&key]);
    let rule = accepting();
    world.access.refresh_issuers(at(0)).await;
    assert_eq!(word(&world.bearer(&rule, &token(&key, None), at(0)).await), "ok auth0|7");
    world.store.down.store(true, Ordering::SeqCst);
    for hour in 1..24 {
        world.access.refresh_issuers(at(hour * 3600)).await;
        assert_eq!(word(&world.bearer(&rule, &token(&key, None), at(hour * 3600)).await), "ok auth0|7");
    }
    assert!(!world.access.issuers_ready(at(86_400)));
    let refused = denial(world.bearer(&rule, &token(&key, None), at(86_400)).await);
    assert_eq!((refused.reason(), refused.status()), ("issuer_unavailable", StatusCode::SERVICE_UNAVAILABLE));
    // Back again.
    world.store.down.store(false, Ordering::SeqCst);
    assert_eq!(word(&world.bearer(&rule, &token(&key, None), at(86_403)).await), "ok auth0|7");
}

#[tokio::test]
async fn an_outage_is_not_asked_about_by_every_request() {
    let world = world(KeyOrigin::Discovery, &[Algorithm::ES256]);
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    world.store.down.store(true, Ordering::SeqCst);
    for _ in 0..10 {
        let decision = world.bearer(&accepting(), &token(&key, None), at(0)).await;
        assert_eq!(word(&decision), "issuer_unavailable");
    }
    assert_eq!(world.store.asked(), 2, "two places of metadata, once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_come_together_wait_for_one_fetch() {
    let world = Arc::new(world(KeyOrigin::JwksUri(JWKS.to_owned()), &[Algorithm::ES256]));
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    publish(&world, &[&key]);
    let text = Arc::new(token(&key, None));
    let tasks: Vec<_> = (0..32)
        .map(|_| {
            let (world, text) = (Arc::clone(&world), Arc::clone(&text));
            tokio::spawn(async move { word(&world.bearer(&accepting(), &text, at(0)).await) })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), "ok auth0|7");
    }
    assert_eq!(world.store.asked(), 1);
}

#[tokio::test]
async fn metadata_of_somebody_else_is_refused_and_the_other_place_is_looked_at() {
    let world = world(KeyOrigin::Discovery, &[Algorithm::ES256]);
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    publish(&world, &[&key]);
    let wrong = json!({"issuer": "https://evil.example.com", "jwks_uri": JWKS}).to_string();
    world.store.documents.lock().unwrap().insert(METADATA.to_owned(), wrong);
    let decision = world.bearer(&accepting(), &token(&key, None), at(0)).await;
    assert_eq!(word(&decision), "issuer_unavailable");
    let right = world
        .store
        .documents
        .lock()
        .unwrap()
        .remove(METADATA)
        .unwrap()
        .replace("https://evil.example.com", PARTNER);
    world.store.documents.lock().unwrap().insert(METADATA_RFC8414.to_owned(), right);
    let decision = world.bearer(&accepting(), &token(&key, None), at(3)).await;
    assert_eq!(word(&decision), "ok auth0|7");
}

#[tokio::test]
async fn static_keys_and_shared_secrets() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let jwks = json!({ "keys": [key.public_jwk_value()] }).to_string();
    let fixed = world(KeyOrigin::Static(jwks.clone()), &[Algorithm::ES256]);
    assert_eq!(word(&fixed.bearer(&accepting(), &token(&key, None), at(0)).await), "ok auth0|7");
    assert_eq!(fixed.store.asked(), 0);

    let secret = SecretBytes::new(b"0123456789abcdef0123456789abcdef".to_vec());
    let key = SigningKey::from_secret(&secret, Algorithm::HS256, KeyId::from("whatever")).unwrap();
    let shared = world(KeyOrigin::Secret(secret.clone()), &[Algorithm::HS256]);
    assert_eq!(word(&shared.bearer(&accepting(), &token(&key, None), at(0)).await), "ok auth0|7");

    // No key for the algorithms is a mistake that is told at once.
    let refused = |keys: KeyOrigin, algorithm: Algorithm| {
        let world = World::new();
        let mut settings = settings(&world.store);
        settings.issuers.push(partner(keys, &[algorithm]));
        let hasher =
            countersign_passwords::Hasher::new(Default::default(), Arc::new(countersign_model::SystemRng));
        Access::new(settings, sources(&world.store, hasher)).is_err()
    };
    assert!(refused(KeyOrigin::Secret(secret), Algorithm::ES256));
    assert!(refused(KeyOrigin::Secret(SecretBytes::new(b"short".to_vec())), Algorithm::HS256));
    assert!(refused(KeyOrigin::Static(jwks), Algorithm::RS256));
    assert!(refused(KeyOrigin::Static("no".to_owned()), Algorithm::ES256));
}

#[tokio::test]
async fn a_secret_that_is_published_is_none() {
    let world = world(KeyOrigin::JwksUri(JWKS.to_owned()), &[Algorithm::ES256, Algorithm::HS256]);
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let oct =
        json!({"kty": "oct", "kid": "s", "alg": "HS256", "k": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"});
    let jwks = json!({ "keys": [key.public_jwk_value(), oct] }).to_string();
    world.store.documents.lock().unwrap().insert(JWKS.to_owned(), jwks);
    let secret = SecretBytes::new(b"0123456789abcdef0123456789abcdef".to_vec());
    let forged = SigningKey::from_secret(&secret, Algorithm::HS256, KeyId::from("s")).unwrap();
    // Whether such a set is passed over as a whole or the secret alone is left out: nothing forged with it passes.
    let decision = world.bearer(&accepting(), &token(&forged, None), at(0)).await;
    assert!(
        matches!(word(&decision).as_str(), "token_unknown_key" | "issuer_unavailable"),
        "{}",
        word(&decision)
    );
}

#[tokio::test]
async fn an_issuer_is_held_to_its_own_settings() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let jwks = json!({ "keys": [key.public_jwk_value()] }).to_string();
    let world = world(KeyOrigin::Static(jwks), &[Algorithm::ES256]);
    // Not for a route that does not name it.
    let own_only = rule(&[Jwt], |_| {});
    let decision = world.bearer(&own_only, &token(&key, None), at(0)).await;
    assert_eq!(word(&decision), "token_issuer_not_accepted");
    // Its types, its audience.
    assert_eq!(
        word(&world.bearer(&accepting(), &token(&key, Some("at+jwt")), at(0)).await),
        "token_wrong_type"
    );
    let claims = json!({"iss": PARTNER, "sub": "a", "aud": AUDIENCE, "exp": NOW + 60});
    assert_eq!(
        word(&world.bearer(&accepting(), &sign(&key, None, &claims), at(0)).await),
        "token_wrong_audience"
    );
    // Its keys vouch for nobody else.
    let claims = json!({"iss": ISSUER, "sub": "a", "aud": AUDIENCE, "exp": NOW + 60});
    let decision = world.bearer(&accepting(), &sign(&key, Some("at+jwt"), &claims), at(0)).await;
    assert_eq!(word(&decision), "token_unknown_key");
    // Somebody else's identifiers are not ours to revoke.
    let claims =
        json!({"iss": PARTNER, "sub": "a", "aud": "their-audience", "exp": NOW + 60, "jti": "tok_1"});
    world.access.apply(&crate::ports::Change::TokenRevoked("tok_1".into(), at(600)), at(0));
    assert_eq!(word(&world.bearer(&accepting(), &sign(&key, None, &claims), at(0)).await), "ok a");
}

#[tokio::test]
async fn fetched_keys_survive_a_reload() {
    let world = world(KeyOrigin::JwksUri(JWKS.to_owned()), &[Algorithm::ES256]);
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    publish(&world, &[&key]);
    assert_eq!(word(&world.bearer(&accepting(), &token(&key, None), at(0)).await), "ok auth0|7");
    let mut again = settings(&world.store);
    again.issuers.push(partner(KeyOrigin::JwksUri(JWKS.to_owned()), &[Algorithm::ES256]));
    again.limits.basic_life = Duration::from_secs(1);
    let hasher =
        countersign_passwords::Hasher::new(Default::default(), Arc::new(countersign_model::SystemRng));
    world.access.replace_config(again, sources(&world.store, hasher)).unwrap();
    world.store.down.store(true, Ordering::SeqCst);
    assert_eq!(word(&world.bearer(&accepting(), &token(&key, None), at(0)).await), "ok auth0|7");
}
