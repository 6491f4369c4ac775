//! The client in its own name (RFC 6749 §4.4).

use std::time::Duration;

use countersign_model::{AccessTokenFormat, ClientAuthentication, ScopeSet, TokenLife};
use countersign_oauth::{Error, Mint};

use crate::support::*;

const GRANT: (&str, &str) = ("grant_type", "client_credentials");

#[tokio::test]
async fn a_client_gets_a_token_of_its_own() {
    let house = House::new().await;
    house.client("service", |client| client.lifetimes.access_token = Some(TokenLife::Seconds(60)));
    let tokens = house.token("service", &[GRANT, ("scope", "read write")]).await.unwrap();
    assert!(tokens.refresh_token.is_none() && tokens.id_token.is_none(), "RFC 6749 §4.4.3");
    assert_eq!(tokens.expires_in, Some(60));
    let (_, claims) = read_jwt(&tokens.access_token);
    assert_eq!((&claims["sub"], &claims["client_id"]), (&"service".into(), &"service".into()));
    assert_eq!(claims["scope"], "read write");
    for absent in ["auth_time", "acr", "amr", "sid", "grant_id"] {
        assert!(claims.get(absent).is_none(), "{absent}");
    }
    assert!(house.is_active("service", &tokens.access_token).await);
    house.advance(60);
    assert!(!house.is_active("service", &tokens.access_token).await);
}

#[tokio::test]
async fn scopes_default_and_are_bounded() {
    let house = House::new().await;
    house.client("service", |client| client.default_scopes = scopes("openid read"));
    let tokens = house.token("service", &[GRANT]).await.unwrap();
    assert_eq!(tokens.scope.to_string(), "read", "a default that speaks of a person is left out");
    for scope in ["admin", "read admin", "openid", "offline_access read", "\"", "é"] {
        let error = house.token("service", &[GRANT, ("scope", scope)]).await.unwrap_err();
        assert_eq!((error.status(), error.code()), (400, "invalid_scope"), "{scope}");
    }
}

#[tokio::test]
async fn a_public_client_has_no_name_to_act_in() {
    let house = House::new().await;
    house.public("spa");
    assert!(matches!(house.token_public("spa", &[GRANT]).await, Err(Error::UnauthorizedClient)));
}

#[tokio::test]
async fn reference_tokens_say_the_same_when_asked() {
    let house = House::new().await;
    house.client("service", |client| client.access_token_format = AccessTokenFormat::Reference);
    let tokens = house.token("service", &[GRANT]).await.unwrap();
    assert!(tokens.access_token.starts_with("cst_at_"));
    let answer = house.introspect("service", &tokens.access_token).await;
    assert_eq!(answer["active"], true);
    assert_eq!((&answer["sub"], &answer["scope"]), (&"service".into(), &"read".into()));
    assert_eq!((&answer["iss"], &answer["exp"]), (&ISSUER.into(), &(START + 600).into()));
}

#[tokio::test]
async fn nothing_goes_out_that_was_not_kept() {
    let house = House::new().await;
    let client = house.client("service", |_| {});
    house.set_broken(true);
    let error = house.token("service", &[GRANT]).await.unwrap_err();
    assert_eq!((error.status(), error.code()), (503, "temporarily_unavailable"));
    let order =
        Mint { client: &client, user: None, scopes: &ScopeSet::empty(), audience: None, lifetime: None };
    assert!(house.engine.mint(order).await.is_err());
}

#[tokio::test]
async fn the_operator_mints_what_he_likes() {
    let house = House::new().await;
    let client = house.client("cli", |client| client.authentication = ClientAuthentication::None);
    let alice = house.user("alice");
    let order = Mint {
        client: &client,
        user: Some(&alice),
        scopes: &scopes("anything"),
        audience: Some("https://api.example"),
        lifetime: Some(Duration::from_secs(30)),
    };
    let tokens = house.engine.mint(order).await.unwrap();
    let (_, claims) = read_jwt(&tokens.access_token);
    assert_eq!((&claims["sub"], &claims["aud"]), (&"usr_alice".into(), &"https://api.example".into()));
    assert_eq!(claims["exp"], START + 30);
}
