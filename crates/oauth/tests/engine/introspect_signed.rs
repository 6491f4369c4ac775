//! Introspection answers as signed JWTs (RFC 9701).

use countersign_jose::jwe::{self, DecryptionKey};
use countersign_jose::{Algorithm, jws};
use countersign_model::Profile;
use countersign_oauth::{Authorization, ClientCall, Error};
use serde_json::json;

use crate::support::*;

async fn house() -> House {
    let house = House::new().await;
    house.client("app", |client| client.first_party = true);
    house.client("api", |client| client.may_introspect = true);
    house
}

impl House {
    async fn introspect_signed(&self, id: &str, token: &str) -> Result<String, Error> {
        let secret = secret(id);
        let form = parameters(&[("token", token)]);
        let authorization = Authorization::Basic { name: id, secret: &secret };
        self.engine.introspect_signed(&ClientCall { authorization, ..ClientCall::new(&form) }).await
    }
}

#[tokio::test]
async fn the_same_answer_signed_for_its_caller() {
    let house = house().await;
    let token = house.tokens("app", "openid read").await.access_token;
    let signed = house.introspect_signed("api", &token).await.unwrap();
    let parsed = jws::parse(&signed).unwrap();
    // RFC 9701 §5: its own type, issuer, audience and time, and the answer in a claim of its own.
    assert!(parsed.header.is_type("token-introspection+jwt"));
    let (_, claims) = read_jwt(&signed);
    assert_eq!((claims["iss"].as_str(), claims["aud"].as_str()), (Some(ISSUER), Some("api")));
    assert_eq!(claims["iat"], START);
    assert_eq!(claims["token_introspection"], house.introspect("api", &token).await);
    // RFC 9701 §8.1: it is no token itself.
    assert!(claims.get("sub").is_none() && claims.get("exp").is_none() && claims.get("scope").is_none());
    assert!(!house.is_active("api", &signed).await);
    let nothing = house.introspect_signed("api", "unknown").await.unwrap();
    assert_eq!(read_jwt(&nothing).1["token_introspection"], json!({"active": false}));
}

/// FAPI 2.0 Security Profile §5.4.1, Message Signing §5.5.1.
#[tokio::test]
async fn signed_with_what_the_callers_profile_takes_or_not_at_all() {
    let house = House::with(|_| {}, Algorithm::RS256).await;
    for (id, profile, good) in
        [("api", Profile::OAuth21, true), ("strict", Profile::Fapi2MessageSigning, false)]
    {
        house.client(id, |client| {
            client.may_introspect = true;
            client.profile = profile;
        });
        let signed = house.introspect_signed(id, "unknown").await;
        assert_eq!(signed.is_ok(), good, "{id}");
        assert!(signed.err().is_none_or(|error| error.is_ours()));
    }
}

#[tokio::test]
async fn only_for_whoever_may_ask() {
    let house = house().await;
    house.public("spa");
    let form = parameters(&[("token", "x"), ("client_id", "spa")]);
    let error = house.engine.introspect_signed(&ClientCall::new(&form)).await.unwrap_err();
    assert_eq!((error.status(), error.code()), (401, "invalid_client"));
}

#[tokio::test]
async fn encrypted_for_whoever_registered_so() {
    let house = house().await;
    let number = countersign_model::SecretBytes::new(vec![7; 32]);
    let (own, jwk) = DecryptionKey::from_p256_number(&number).unwrap();

    house.client("vault", |client| {
        client.may_introspect = true;
        client.jwks = Some(json!({ "keys": [jwk] }));
        client.introspection_encrypted_response_alg = Some("ECDH-ES".to_owned());
        client.introspection_encrypted_response_enc = Some("A256GCM".to_owned());
    });
    let token = house.tokens("app", "openid").await.access_token;
    let sealed = house.introspect_signed("vault", &token).await.unwrap();
    let parsed = jwe::parse(&sealed).unwrap();
    let opened = parsed.decrypt(&own, &[jwe::ContentEncryption::A256Gcm]).unwrap();
    let signed = String::from_utf8(opened.expose().clone()).unwrap();
    assert_eq!(read_jwt(&signed).1["token_introspection"]["active"], true);
    // Never the same in the clear.
    let secret = secret("vault");
    let form = parameters(&[("token", token.as_str())]);
    let authorization = Authorization::Basic { name: "vault", secret: &secret };
    let error =
        house.engine.introspect(&ClientCall { authorization, ..ClientCall::new(&form) }).await.unwrap_err();
    assert_eq!(error.code(), "invalid_request");
    house.client("vault", |client| {
        client.may_introspect = true;
        client.introspection_encrypted_response_alg = Some("RSA-OAEP-256".to_owned());
    });
    assert!(matches!(house.introspect_signed("vault", &token).await, Err(Error::ResponseKeyUnavailable)));
}
