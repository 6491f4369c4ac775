//! Tokens for a resource server that shares a secret (HS256): it can verify them, and make them, so that nothing it makes
//! may count here (RFC 8725 §2.1, §3.1 to §3.3, §3.9).

use countersign_jose::{Algorithm, Algorithms, SigningKey, VerifyingKey, jws};
use countersign_model::{Env, GrantType, KeyId, SecretBytes, SystemRng};
use countersign_oauth::{
    Engine, Error, ExchangeRule, InvalidSettings, OWN_ISSUER, Resource, Settings, SharedSecret,
    TokenSignature,
};
use serde_json::{Value, json};

use crate::support::*;

const ORDERS: &str = "https://orders.example";
const BILLING: &str = "https://billing.example";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

fn secret_bytes() -> SecretBytes {
    SecretBytes::new(b"the secret of the orders service".to_vec())
}

fn shared(secret: &SecretBytes) -> Resource {
    let signature = TokenSignature::Secret(SharedSecret::new(secret).unwrap());
    Resource { signature, ..Resource::default() }
}

/// An application, the orders service that shares a secret, and a service that does not.
async fn house() -> House {
    let settings = |settings: &mut Settings| {
        settings.several_audiences = true;
        settings.resources.insert(ORDERS.to_owned(), shared(&secret_bytes()));
        settings.exchange_rules = vec![ExchangeRule {
            client: "orders".into(),
            subject_issuers: [OWN_ISSUER.to_owned()].into(),
            subject_clients: None,
            subject_audiences: Default::default(),
            audiences: vec![BILLING.to_owned()],
            scopes: scopes("read write"),
            impersonation: true,
        }];
    };
    let house = House::with(settings, Algorithm::ES256).await;
    house.client("web", |client| {
        client.first_party = true;
        client.audiences = vec![ORDERS.to_owned(), BILLING.to_owned()];
    });
    house.client("orders", |client| {
        client.grant_types = [GrantType::TokenExchange, GrantType::ClientCredentials].into();
        client.audiences = vec![ORDERS.to_owned()];
        client.may_introspect = true;
    });
    house.client("victim", |client| client.first_party = true);
    house
}

/// What somebody with the secret signs, under the name of any key.
fn forge(claims: &Value, kid: &str) -> String {
    let key = SigningKey::from_secret(&secret_bytes(), Algorithm::HS256, KeyId::from(kid)).unwrap();
    jws::sign_compact(Some("at+jwt"), claims.to_string().as_bytes(), &key).unwrap()
}

async fn exchange(house: &House, token: &str) -> Result<countersign_oauth::TokenResponse, Error> {
    let kind = "urn:ietf:params:oauth:token-type:access_token";
    let form = [("grant_type", EXCHANGE), ("subject_token", token), ("subject_token_type", kind)];
    house.token("orders", &form).await
}

#[tokio::test]
async fn the_resource_server_verifies_with_the_secret_alone_and_the_token_is_for_nobody_else() {
    let house = house().await;
    let token = house.tokens("web", "openid read").await.access_token;
    let (header, claims) = read_jwt(&token);
    assert_eq!((&header["alg"], &header["typ"]), (&json!("HS256"), &json!("at+jwt")));
    // Not for userinfo as well, as it would be with a key.
    assert_eq!(claims["aud"], ORDERS);
    let key = VerifyingKey::from_secret(&secret_bytes(), Algorithm::HS256, None).unwrap();
    assert!(jws::parse(&token).unwrap().verify(&key, Algorithms::of(&[Algorithm::HS256])).is_some());
    let answer = house.introspect("orders", &token).await;
    assert_eq!(
        (&answer["active"], &answer["sub"], &answer["aud"]),
        (&json!(true), &claims["sub"], &json!(ORDERS))
    );
    let exchanged = exchange(&house, &token).await.unwrap().access_token;
    assert_eq!(read_jwt(&exchanged).0["alg"], "ES256");
    house.revoke("web", &token).await.unwrap();
    assert!(!house.is_active("orders", &token).await && exchange(&house, &token).await.is_err());
}

#[tokio::test]
async fn one_token_for_it_and_another_resource_is_never_made() {
    let house = house().await;
    let both = [("grant_type", "client_credentials"), ("resource", ORDERS), ("resource", BILLING)];
    assert!(matches!(house.token("web", &both).await, Err(Error::InvalidTarget)));
    let other = [("grant_type", "client_credentials"), ("resource", BILLING)];
    let token = house.token("web", &other).await.unwrap().access_token;
    assert_eq!(read_jwt(&token).0["alg"], "ES256");
}

#[tokio::test]
async fn what_the_resource_server_signs_itself_counts_nowhere() {
    let house = house().await;
    let token = house.tokens("web", "openid read").await.access_token;
    let victims = house.tokens("victim", "openid read").await.access_token;
    let (_, claims) = read_jwt(&token);
    let own_kid = read_jwt(&victims).0["kid"].as_str().unwrap().to_owned();
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        claims
    };
    let mut stolen = read_jwt(&victims).1;
    stolen["client_id"] = "orders".into();
    for claims in [
        with("scope", json!("openid read write")),
        with("sub", json!("usr_bob")),
        with("aud", json!(BILLING)),
        with("aud", json!([ORDERS, ISSUER])),
        with("jti", json!("tok_new")),
        stolen,
    ] {
        for kid in ["shared-secret", &own_kid] {
            let forged = forge(&claims, kid);
            assert!(!house.is_active("orders", &forged).await, "{claims}");
            assert!(exchange(&house, &forged).await.is_err(), "{claims}");
            // Revocation by a name in a forged token would reach a token of somebody else's.
            house.revoke("orders", &forged).await.unwrap();
        }
    }
    assert!(house.is_active("web", &token).await && house.is_active("victim", &victims).await);
}

/// RFC 8725 §2.1: a public key is no secret.
#[tokio::test]
async fn our_public_key_as_a_secret_signs_nothing() {
    let house = house().await;
    let victims = house.tokens("victim", "openid read").await.access_token;
    let (header, claims) = read_jwt(&victims);
    let jwks = house.engine.jwks();
    let set: Value = serde_json::from_slice(&jwks.body).unwrap();
    for public in [jwks.body.to_vec(), set["keys"][0].to_string().into_bytes()] {
        let kid = KeyId::from(header["kid"].as_str().unwrap());
        let key = SigningKey::from_secret(&SecretBytes::new(public), Algorithm::HS256, kid).unwrap();
        let forged = jws::sign_compact(Some("at+jwt"), claims.to_string().as_bytes(), &key).unwrap();
        assert!(!house.is_active("victim", &forged).await);
    }
    // And the secret is in no public document.
    let secret = String::from_utf8(secret_bytes().expose().clone()).unwrap();
    for document in [jwks.body.to_vec(), house.engine.metadata().to_vec()] {
        let text = String::from_utf8(document).unwrap();
        assert!(!text.contains(&secret) && !text.contains("\"oct\"") && !text.contains("shared-secret"));
    }
    assert!(!format!("{:?}", house.engine.settings()).contains(&secret));
}

#[tokio::test]
async fn neither_the_server_itself_nor_two_resources_share_a_secret() {
    let house = House::new().await;
    let refused = |names: &[&str]| {
        let mut settings = Settings::new(ISSUER).unwrap();
        for name in names {
            settings.resources.insert((*name).to_owned(), shared(&secret_bytes()));
        }
        let env = Env { clock: house.clock.clone(), rng: std::sync::Arc::new(SystemRng) };
        Engine::new(house.memory.clone(), env, house.ring.clone(), house.fetch.clone(), settings).err()
    };
    assert_eq!(refused(&[ORDERS]), None);
    assert_eq!(refused(&[ISSUER]), Some(InvalidSettings::OwnSecret(ISSUER.to_owned())));
    let both = InvalidSettings::OneSecret(BILLING.to_owned(), ORDERS.to_owned());
    assert_eq!(refused(&[ORDERS, BILLING]), Some(both));
}
