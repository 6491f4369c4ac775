//! Token introspection (RFC 7662).

use countersign_model::{AccessTokenFormat, ClientStatus};
use countersign_oauth::{Authorization, ClientCall, ClientRefusal, Error};

use crate::support::*;

async fn house() -> House {
    let house = House::new().await;
    house.client("app", |client| client.first_party = true);
    house.client("opaque", |client| {
        client.first_party = true;
        client.access_token_format = AccessTokenFormat::Reference;
        client.audiences = vec!["https://api.example/".to_owned()];
    });
    house.client("stranger", |_| {});
    house.client("gateway", |client| client.may_introspect = true);
    house.client("api", |client| {
        client.may_introspect = true;
        client.audiences = vec!["https://api.example/".to_owned()];
    });
    house
}

#[tokio::test]
async fn says_what_the_token_says() {
    let house = house().await;
    let token = house.tokens("app", "openid read").await.access_token;
    for _ in 0..2 {
        let answer = house.introspect("app", &token).await;
        let (_, claims) = read_jwt(&token);
        assert_eq!(answer["active"], true);
        assert_eq!(answer["token_type"], "Bearer");
        for claim in ["iss", "sub", "aud", "client_id", "scope", "iat", "exp", "jti", "auth_time", "amr"] {
            assert_eq!(answer[claim], claims[claim], "{claim}");
        }
    }
}

#[tokio::test]
async fn who_may_know_what() {
    let house = house().await;
    let jwt = house.tokens("app", "openid").await;
    let opaque = house.tokens("opaque", "openid").await;
    // Token, and whether owner, stranger, gateway and api learn of it.
    let cases = [
        (&jwt.access_token, "app", [true, false, true, false]),
        (&opaque.access_token, "opaque", [true, false, true, true]),
        (jwt.refresh_token.as_ref().unwrap(), "app", [true, false, false, false]),
    ];
    for (token, owner, expected) in cases {
        for (caller, expected) in [owner, "stranger", "gateway", "api"].into_iter().zip(expected) {
            assert_eq!(house.is_active(caller, token).await, expected, "{caller} about {owner}'s");
        }
    }
}

#[tokio::test]
async fn everything_else_is_exactly_inactive() {
    let house = house().await;
    let tokens = house.tokens("app", "openid").await;
    let (one, rest) = tokens.access_token.split_at(tokens.access_token.len() - 1);
    let flipped = format!("{one}{}", if rest == "A" { "B" } else { "A" });
    let id_token = tokens.id_token.clone().unwrap();
    for token in [flipped.as_str(), id_token.as_str(), "x", "a.b.c", "..", "cst_at_x", "cst_rt_x"] {
        let secret = secret("app");
        let authorization = Authorization::Basic { name: "app", secret: &secret };
        let answer = house
            .engine
            .introspect(&ClientCall { authorization, ..ClientCall::new(&parameters(&[("token", token)])) })
            .await;
        assert_eq!(answer.unwrap(), br#"{"active":false}"#, "{token}");
    }
    let active = &tokens.access_token;
    assert!(house.is_active("app", active).await);
    house.advance(600);
    assert!(!house.is_active("app", active).await, "expired");
}

#[tokio::test]
async fn a_reference_token_ends_when_its_time_is_over() {
    let house = house().await;
    let tokens = house.tokens("opaque", "openid").await;
    let refresh = tokens.refresh_token.unwrap();
    house.advance(599);
    assert!(house.is_active("opaque", &tokens.access_token).await);
    house.advance(1);
    assert!(!house.is_active("opaque", &tokens.access_token).await);
    assert!(house.is_active("opaque", &refresh).await);
    house.advance(30 * 86_400);
    assert!(!house.is_active("opaque", &refresh).await);
}

#[tokio::test]
async fn a_token_dies_with_its_keys_its_person_and_its_client() {
    let house = house().await;
    let token = house.tokens("app", "openid").await.access_token;
    assert!(house.is_active("gateway", &token).await);
    house.ring.replace();
    assert!(!house.is_active("gateway", &token).await, "the key is no longer ours, whatever was remembered");

    let token = house.tokens("app", "openid").await.access_token;
    assert!(house.is_active("gateway", &token).await);
    house.client("app", |client| client.status = ClientStatus::Disabled);
    assert!(!house.is_active("gateway", &token).await);
    house.client("app", |client| client.first_party = true);
    assert!(house.is_active("gateway", &token).await);
    house.disable_user("alice");
    assert!(!house.is_active("gateway", &token).await);
}

#[tokio::test]
async fn callers_must_be_somebody() {
    let house = house().await;
    house.public("spa");
    let form = parameters(&[("token", "x")]);
    let error = house.engine.introspect(&ClientCall::new(&form)).await.unwrap_err();
    assert_eq!((error.status(), error.code()), (401, "invalid_client"));
    let form = parameters(&[("token", "x"), ("client_id", "spa")]);
    let error = house.engine.introspect(&ClientCall::new(&form)).await.unwrap_err();
    assert!(matches!(error, Error::InvalidClient { reason: ClientRefusal::Public, .. }));
    let secret = secret("app");
    let authorization = Authorization::Basic { name: "app", secret: &secret };
    let error = house
        .engine
        .introspect(&ClientCall { authorization, ..ClientCall::new(&parameters(&[])) })
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Missing("token")));
}
