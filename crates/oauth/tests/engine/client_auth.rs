//! Client authentication (RFC 6749 §2.3, RFC 7523 §3).

use std::sync::Arc;

use countersign_jose::{Algorithm, SigningKey, jws};
use countersign_model::{ClientAuthentication, ClientStatus, KeyId, SecretBytes, TokenHash};
use countersign_oauth::{Authorization, ClientCall, ClientRefusal, Error, KeysUnavailable, TokenResponse};
use serde_json::{Value, json};

use crate::support::*;

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const TOKEN_ENDPOINT: &str = "https://id.example/token";

async fn ask(
    house: &House,
    authorization: Authorization<'_>,
    form: &[(&str, &str)],
) -> Result<TokenResponse, Error> {
    let mut form = form.to_vec();
    form.push(("grant_type", "client_credentials"));
    let form = parameters(&form);
    house.engine.token(&ClientCall { authorization, ..ClientCall::new(&form) }).await
}

/// The reason, which nobody outside learns.
fn refused(result: Result<TokenResponse, Error>) -> ClientRefusal {
    match result {
        Err(error @ Error::InvalidClient { .. }) => {
            assert_eq!((error.status(), error.code()), (401, "invalid_client"));
            assert_eq!(error.description(), "client authentication failed", "no reason outside");
            let Error::InvalidClient { reason } = error else { unreachable!() };
            reason
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn secrets_in_the_header_and_in_the_form() {
    let house = House::new().await;
    house.client("basic", |client| client.secrets.push(TokenHash::of(b"new secret")));
    house.client("post", |client| client.authentication = ClientAuthentication::ClientSecretPost);
    let basic = |name, secret| Authorization::Basic { name, secret };
    ask(&house, basic("basic", "secret-of-basic"), &[]).await.unwrap();
    ask(&house, basic("basic", "new+secret"), &[]).await.unwrap();
    ask(&house, basic("%62asic", "new%20secret"), &[("client_id", "basic")]).await.unwrap();
    let post = [("client_id", "post"), ("client_secret", "secret-of-post")];
    ask(&house, Authorization::Absent, &post).await.unwrap();

    let wrong = |name, secret| ask(&house, basic(name, secret), &[]);
    assert_eq!(refused(wrong("basic", "wrong").await), ClientRefusal::WrongSecret);
    assert_eq!(refused(wrong("basic", "new secre").await), ClientRefusal::WrongSecret);
    assert_eq!(refused(wrong("basic", "").await), ClientRefusal::WrongSecret);
    assert_eq!(refused(wrong("nobody", "x").await), ClientRefusal::Unknown);
    assert_eq!(refused(wrong("", "x").await), ClientRefusal::Unknown);
    assert_eq!(refused(wrong("basic", "%zz").await), ClientRefusal::Malformed);
    let long = "x".repeat(10_000);
    assert_eq!(refused(wrong(&long, "x").await), ClientRefusal::Unknown);
    let post = [("client_id", "post"), ("client_secret", "wrong")];
    let result = ask(&house, Authorization::Absent, &post).await;
    assert_eq!(refused(result), ClientRefusal::WrongSecret);
}

#[tokio::test]
async fn a_client_comes_by_its_own_method_only() {
    let house = House::new().await;
    house.client("basic", |_| {});
    house.client("post", |client| client.authentication = ClientAuthentication::ClientSecretPost);
    house.public("spa");
    let post = |id| [("client_id", id), ("client_secret", "secret-of-basic")];
    let result = ask(&house, Authorization::Absent, &post("basic")).await;
    assert_eq!(refused(result), ClientRefusal::WrongMethod);
    let basic = Authorization::Basic { name: "post", secret: "secret-of-post" };
    assert_eq!(refused(ask(&house, basic, &[]).await), ClientRefusal::WrongMethod);
    // A confidential client that merely says its name.
    let result = ask(&house, Authorization::Absent, &[("client_id", "basic")]).await;
    assert_eq!(refused(result), ClientRefusal::WrongMethod);
    let basic = Authorization::Basic { name: "spa", secret: "" };
    assert_eq!(refused(ask(&house, basic, &[]).await), ClientRefusal::WrongMethod);
}

#[tokio::test]
async fn a_client_without_secrets_is_let_in_by_none() {
    let house = House::new().await;
    house.client("bare", |client| client.secrets.clear());
    let basic = Authorization::Basic { name: "bare", secret: "" };
    assert_eq!(refused(ask(&house, basic, &[]).await), ClientRefusal::WrongSecret);
}

#[tokio::test]
async fn one_method_a_request() {
    let house = House::new().await;
    house.client("basic", |_| {});
    let basic = Authorization::Basic { name: "basic", secret: "secret-of-basic" };
    for form in [
        vec![("client_secret", "secret-of-basic")],
        vec![("client_assertion", "x.y.z")],
        vec![("client_assertion_type", TYPE)],
    ] {
        let error = ask(&house, basic, &form).await.unwrap_err();
        assert!(matches!(error, Error::TwoMethods) && error.status() == 400);
    }
    let form = [("client_secret", "x"), ("client_assertion", "x.y.z"), ("client_id", "basic")];
    assert!(matches!(ask(&house, Authorization::Absent, &form).await, Err(Error::TwoMethods)));
    assert!(matches!(
        ask(&house, Authorization::Unusable, &[("client_secret", "x")]).await,
        Err(Error::TwoMethods)
    ));
}

#[tokio::test]
async fn nothing_nonsense_and_two_names() {
    let house = House::new().await;
    house.client("basic", |_| {});
    assert_eq!(refused(ask(&house, Authorization::Absent, &[]).await), ClientRefusal::Absent);
    let result = ask(&house, Authorization::Absent, &[("client_secret", "x")]).await;
    assert_eq!(refused(result), ClientRefusal::Absent);
    let result =
        ask(&house, Authorization::Absent, &[("client_id", "x"), ("client_assertion_type", TYPE)]).await;
    assert_eq!(refused(result), ClientRefusal::Absent);
    assert_eq!(refused(ask(&house, Authorization::Unusable, &[]).await), ClientRefusal::Malformed);
    let basic = Authorization::Basic { name: "basic", secret: "secret-of-basic" };
    let result = ask(&house, basic, &[("client_id", "other")]).await;
    assert_eq!(refused(result), ClientRefusal::OtherClient);
}

#[tokio::test]
async fn a_disabled_client_is_told_nothing_else() {
    let house = House::new().await;
    house.client("basic", |client| client.status = ClientStatus::Disabled);
    let basic = Authorization::Basic { name: "basic", secret: "secret-of-basic" };
    assert_eq!(refused(ask(&house, basic, &[]).await), ClientRefusal::Disabled);
}

/// A client with a key of its own.
struct Signer {
    house: House,
    key: SigningKey,
}

impl Signer {
    async fn new() -> Self {
        let house = House::new().await;
        let key = SigningKey::generate(Algorithm::ES256).unwrap();
        let jwks = json!({ "keys": [key.public_jwk_value().unwrap()] });
        house.client("signer", |client| {
            client.authentication = ClientAuthentication::PrivateKeyJwt;
            client.secrets.clear();
            client.jwks = Some(jwks);
        });
        Self { house, key }
    }

    /// Good claims, with changes: null leaves one out.
    fn claims(&self, jti: &str, changes: &Value) -> Vec<u8> {
        let mut claims = json!({
            "iss": "signer", "sub": "signer", "aud": ISSUER,
            "iat": START, "exp": START + 60, "jti": jti,
        });
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => claims.as_object_mut().unwrap().remove(name),
                value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
            };
        }
        claims.to_string().into_bytes()
    }

    async fn ask(&self, assertion: &str) -> Result<TokenResponse, Error> {
        let form = [("client_assertion_type", TYPE), ("client_assertion", assertion)];
        ask(&self.house, Authorization::Absent, &form).await
    }

    async fn ask_with(&self, jti: &str, changes: Value) -> Result<TokenResponse, Error> {
        let assertion = jws::sign_compact(Some("JWT"), &self.claims(jti, &changes), &self.key).unwrap();
        self.ask(&assertion).await
    }
}

#[tokio::test]
async fn a_client_signs_for_itself_once() {
    let signer = Signer::new().await;
    signer.ask_with("1", json!({})).await.unwrap();
    signer.ask_with("2", json!({ "aud": TOKEN_ENDPOINT })).await.unwrap();
    assert_eq!(refused(signer.ask_with("1", json!({})).await), ClientRefusal::AssertionReplayed);
    for typ in [None, Some("client-authentication+jwt")] {
        let assertion = jws::sign_compact(typ, &signer.claims(typ.unwrap_or("3"), &json!({})), &signer.key);
        signer.ask(&assertion.unwrap()).await.unwrap();
    }
}

#[tokio::test]
async fn claims_that_do_not_hold() {
    let signer = Signer::new().await;
    signer.house.client("other", |client| client.authentication = ClientAuthentication::PrivateKeyJwt);
    let long = "x".repeat(257);
    let cases = [
        (json!({ "iss": "other" }), ClientRefusal::AssertionIssuer),
        (json!({ "sub": null }), ClientRefusal::AssertionMalformed),
        (json!({ "sub": "nobody" }), ClientRefusal::Unknown),
        (json!({ "aud": "https://other.example" }), ClientRefusal::AssertionAudience),
        (json!({ "aud": null }), ClientRefusal::AssertionMalformed),
        (json!({ "aud": [ISSUER] }), ClientRefusal::AssertionAudience),
        (json!({ "aud": [ISSUER, "https://other.example"] }), ClientRefusal::AssertionAudience),
        (json!({ "exp": null }), ClientRefusal::AssertionMalformed),
        (json!({ "exp": START - 11 }), ClientRefusal::AssertionTime),
        (json!({ "exp": START + 3_611 }), ClientRefusal::AssertionTime),
        (json!({ "nbf": START + 11 }), ClientRefusal::AssertionTime),
        (json!({ "iat": START + 11 }), ClientRefusal::AssertionTime),
        (json!({ "jti": null }), ClientRefusal::AssertionMalformed),
        (json!({ "jti": "" }), ClientRefusal::AssertionReplayed),
        (json!({ "jti": long }), ClientRefusal::AssertionReplayed),
    ];
    for (number, (changes, expected)) in cases.into_iter().enumerate() {
        let result = signer.ask_with(&number.to_string(), changes.clone()).await;
        assert_eq!(refused(result), expected, "{changes}");
    }
    assert!(signer.house.memory.tables().assertions.is_empty(), "only what held is remembered");
}

#[tokio::test]
async fn signatures_that_do_not_hold() {
    let signer = Signer::new().await;
    let claims = signer.claims("1", &json!({}));
    let other = SigningKey::generate(Algorithm::ES256).unwrap();
    let forged = jws::sign_compact(Some("JWT"), &claims, &other).unwrap();
    assert_eq!(refused(signer.ask(&forged).await), ClientRefusal::AssertionSignature);
    let posing = other.with_kid(signer.key.kid().clone());
    let forged = jws::sign_compact(Some("JWT"), &claims, &posing).unwrap();
    assert_eq!(refused(signer.ask(&forged).await), ClientRefusal::AssertionSignature);
    // The public key used as a secret (RFC 8725 §2.1).
    let public = signer.key.public_jwk_value().unwrap().to_string().into_bytes();
    let shared =
        SigningKey::from_secret(&SecretBytes::new(public), Algorithm::HS256, KeyId::from("k")).unwrap();
    let forged = jws::sign_compact(Some("JWT"), &claims, &shared).unwrap();
    assert_eq!(refused(signer.ask(&forged).await), ClientRefusal::WrongMethod);
    let hs512 = SigningKey::from_secret(&SecretBytes::new(vec![7; 64]), Algorithm::HS512, KeyId::from("k"));
    let forged = jws::sign_compact(Some("JWT"), &claims, &hs512.unwrap()).unwrap();
    assert_eq!(refused(signer.ask(&forged).await), ClientRefusal::AssertionAlgorithm);
    let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJzaWduZXIifQ.";
    for text in [unsigned, "x", "a.b.c", &"x".repeat(9_000)] {
        assert_eq!(refused(signer.ask(text).await), ClientRefusal::AssertionMalformed);
    }
    let wrong_type = jws::sign_compact(Some("at+jwt"), &claims, &signer.key).unwrap();
    assert_eq!(refused(signer.ask(&wrong_type).await), ClientRefusal::AssertionMalformed);
    let form = [("client_assertion_type", "urn:other"), ("client_assertion", unsigned)];
    let result = ask(&signer.house, Authorization::Absent, &form).await;
    assert_eq!(refused(result), ClientRefusal::AssertionType);
}

#[tokio::test]
async fn our_own_access_token_is_no_assertion() {
    let signer = Signer::new().await;
    let token = signer.ask_with("1", json!({})).await.unwrap().access_token;
    assert_eq!(refused(signer.ask(&token).await), ClientRefusal::AssertionSignature);
}

#[tokio::test]
async fn keys_from_a_url_are_looked_at_again_for_one_that_is_missing() {
    let signer = Signer::new().await;
    signer.house.client("signer", |client| {
        client.authentication = ClientAuthentication::PrivateKeyJwt;
        client.jwks_uri = Some("https://app.example/jwks".to_owned());
    });
    let old = SigningKey::generate(Algorithm::ES256).unwrap().public_jwk_value().unwrap();
    let new = signer.key.public_jwk_value().unwrap();
    let set = |keys: &[&Value]| Ok(json!({ "keys": keys }).to_string());
    let fetch = Arc::clone(&signer.house.fetch);
    *fetch.documents.lock().unwrap() = vec![set(&[&old]), set(&[&old, &new])];
    signer.ask_with("1", json!({})).await.unwrap();
    assert_eq!(*fetch.asked.lock().unwrap(), [false, true]);
    signer.ask_with("2", json!({})).await.unwrap();
    assert_eq!(*fetch.asked.lock().unwrap(), [false, true, false]);

    // A new key in the place of the old one, under its name or under none.
    let named = |key: &Value, kid: &Value| {
        let mut key = key.clone();
        key["kid"] = kid.clone();
        key
    };
    let nameless = |key: &Value| {
        let mut key = key.clone();
        key.as_object_mut().unwrap().remove("kid");
        key
    };
    fetch.asked.lock().unwrap().clear();
    *fetch.documents.lock().unwrap() = vec![set(&[&named(&old, &new["kid"])]), set(&[&new])];
    signer.ask_with("same name", json!({})).await.unwrap();
    *fetch.documents.lock().unwrap() = vec![set(&[&nameless(&old)]), set(&[&nameless(&new)])];
    signer.ask_with("no name", json!({})).await.unwrap();
    assert_eq!(*fetch.asked.lock().unwrap(), [false, true, false, true]);

    // Whoever publishes his private key is everybody.
    let mut leaked = new.clone();
    leaked["d"] = json!("AAAA");
    *fetch.documents.lock().unwrap() = vec![set(&[&leaked])];
    let result = signer.ask_with("leaked", json!({})).await;
    assert_eq!(refused(result), ClientRefusal::AssertionSignature);

    *fetch.documents.lock().unwrap() = vec![Err(KeysUnavailable("time-out".to_owned()))];
    assert_eq!(refused(signer.ask_with("3", json!({})).await), ClientRefusal::KeysUnavailable);
    *fetch.documents.lock().unwrap() = vec![Ok("[]".to_owned())];
    assert_eq!(refused(signer.ask_with("4", json!({})).await), ClientRefusal::KeysUnavailable);
}
