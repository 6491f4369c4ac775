//! How long access tokens live, by the client's own policy.

use countersign_model::{AccessTokenFormat, Lifetimes, TokenLife};

use crate::support::*;

const YEARS: i64 = 30 * 365 * 86_400;

fn lives(life: TokenLife) -> Lifetimes {
    Lifetimes { access_token: Some(life), refresh_token: None }
}

async fn house(format: AccessTokenFormat, life: TokenLife) -> House {
    let house = House::new().await;
    house.client("app", |client| {
        client.first_party = true;
        client.access_token_format = format;
        client.lifetimes = lives(life);
        client.grant_types.remove(&countersign_model::GrantType::RefreshToken);
    });
    house
}

#[tokio::test]
async fn a_reference_token_may_live_until_it_is_withdrawn() {
    let house = house(AccessTokenFormat::Reference, TokenLife::UntilWithdrawn).await;
    let tokens = house.tokens("app", "openid read").await;
    // RFC 6749 §5.1: expires_in is not there when there is nothing to say.
    let json: serde_json::Value = serde_json::from_slice(&tokens.to_json()).unwrap();
    assert!(json.get("expires_in").is_none() && json.get("refresh_token").is_none(), "{json}");
    assert!(tokens.access_token.starts_with("cst_at_"));
    house.advance(YEARS);
    let answer = house.introspect("app", &tokens.access_token).await;
    assert_eq!((&answer["active"], &answer["scope"]), (&true.into(), &"openid read".into()));
    // RFC 7662 §2.2: exp is optional.
    assert!(answer.get("exp").is_none(), "{answer}");
    house.revoke("app", &tokens.access_token).await.unwrap();
    assert!(!house.is_active("app", &tokens.access_token).await);
}

#[tokio::test]
async fn a_client_in_its_own_name_gets_the_servers_life() {
    let house = house(AccessTokenFormat::Reference, TokenLife::UntilWithdrawn).await;
    let tokens = house.token("app", &[("grant_type", "client_credentials")]).await.unwrap();
    assert_eq!(tokens.expires_in, Some(600));
}

#[tokio::test]
async fn a_signed_token_never_outlives_its_key() {
    for life in [TokenLife::Seconds(90_000), TokenLife::UntilWithdrawn] {
        let house = house(AccessTokenFormat::Jwt, life).await;
        let tokens = house.tokens("app", "openid read").await;
        let (_, claims) = read_jwt(&tokens.access_token);
        let lives = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
        assert!(lives <= 86_400, "{life:?}: {lives}");
        assert_eq!(tokens.expires_in, u64::try_from(lives).ok());
    }
    let house = house(AccessTokenFormat::Reference, TokenLife::Seconds(90_000)).await;
    assert_eq!(house.tokens("app", "openid read").await.expires_in, Some(90_000));
}
