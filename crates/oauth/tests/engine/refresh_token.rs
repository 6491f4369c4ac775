//! Refresh tokens (RFC 6749 §6, RFC 9700 §4.14).

use countersign_model::GrantType;
use countersign_oauth::{Error, GrantRefusal, TokenResponse};

use crate::support::*;

async fn house() -> House {
    let house = House::new().await;
    house.client("app", |client| client.first_party = true);
    house.client("other", |client| client.first_party = true);
    house
}

fn refusal(result: Result<TokenResponse, Error>) -> GrantRefusal {
    match result {
        Err(Error::InvalidGrant(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

async fn first(house: &House) -> String {
    house.tokens("app", "openid read write").await.refresh_token.unwrap()
}

#[tokio::test]
async fn every_use_gives_a_successor() {
    let house = house().await;
    let mut token = first(&house).await;
    for _ in 0..3 {
        house.advance(1_000);
        let tokens = house.refresh("app", &token).await.unwrap();
        let next = tokens.refresh_token.clone().unwrap();
        assert_ne!(next, token);
        assert_eq!(tokens.scope.to_string(), "openid read write");
        let (_, claims) = read_jwt(tokens.id_token.as_deref().unwrap());
        assert_eq!(claims["auth_time"], START, "OpenID Connect Core §12.2");
        assert!(claims.get("nonce").is_none());
        assert!(house.is_active("app", &tokens.access_token).await);
        token = next;
    }
}

#[tokio::test]
async fn a_spent_token_that_comes_back_ends_the_family() {
    let house = house().await;
    let old = first(&house).await;
    let new = house.refresh("app", &old).await.unwrap();
    house.advance(10);
    assert_eq!(refusal(house.refresh("app", &old).await), GrantRefusal::RefreshReplayed);
    assert_eq!(refusal(house.refresh("app", &new.refresh_token.unwrap()).await), GrantRefusal::Revoked);
    assert!(!house.is_active("app", &new.access_token).await);
}

#[tokio::test]
async fn an_answer_that_was_lost_may_be_fetched_again() {
    let house = house().await;
    let old = first(&house).await;
    let lost = house.refresh("app", &old).await.unwrap().refresh_token.unwrap();
    house.advance(9);
    let again = house.refresh("app", &old).await.unwrap().refresh_token.unwrap();
    assert_ne!(lost, again);
    house.refresh("app", &again).await.unwrap();
    // The one that was lost is spent: whoever comes with it later is not the client.
    house.advance(10);
    assert_eq!(refusal(house.refresh("app", &lost).await), GrantRefusal::RefreshReplayed);
}

#[tokio::test]
async fn scopes_narrow_and_never_widen() {
    let house = house().await;
    let token = first(&house).await;
    let form = |token: &'static str, scope| {
        [("grant_type", "refresh_token"), ("refresh_token", token), ("scope", scope)]
    };
    let narrow = house.token("app", &form(token.leak(), "read")).await.unwrap();
    assert_eq!(narrow.scope.to_string(), "read");
    assert!(narrow.id_token.is_none(), "no openid, no ID token");
    let next = narrow.refresh_token.unwrap().leak();
    for scope in ["read email", "admin", "\\"] {
        let error = house.token("app", &form(next, scope)).await.unwrap_err();
        assert_eq!(error.code(), "invalid_scope");
    }
    let wide = house.token("app", &form(next, "openid read write")).await.unwrap();
    assert_eq!(wide.scope.to_string(), "openid read write", "the grant itself was not narrowed");
}

#[tokio::test]
async fn what_the_client_may_no_longer_have_it_no_longer_gets() {
    let house = house().await;
    let token = first(&house).await;
    house.client("app", |client| client.scopes = scopes("openid read"));
    let tokens = house.refresh("app", &token).await.unwrap();
    assert_eq!(tokens.scope.to_string(), "openid read");
    let next = tokens.refresh_token.clone().unwrap();
    let form = [("grant_type", "refresh_token"), ("refresh_token", next.as_str()), ("scope", "write")];
    assert_eq!(house.token("app", &form).await.unwrap_err().code(), "invalid_scope");
    // The person's grant is as it was: what the client may have again, it gets again.
    house.client("app", |_| {});
    assert_eq!(house.refresh("app", &next).await.unwrap().scope.to_string(), "openid read write");
}

#[tokio::test]
async fn a_token_is_one_clients_and_not_for_ever() {
    let house = house().await;
    let token = first(&house).await;
    assert_eq!(refusal(house.refresh("other", &token).await), GrantRefusal::RefreshForeign);
    house.advance(30 * 86_400);
    assert_eq!(refusal(house.refresh("app", &token).await), GrantRefusal::RefreshExpired);
    let unknown = token.replace("cst_rt_", "cst_at_");
    for text in [unknown.as_str(), "cst_rt_x", "", "x"] {
        if text.is_empty() {
            assert!(matches!(house.refresh("app", text).await, Err(Error::Missing("refresh_token"))));
        } else {
            assert_eq!(refusal(house.refresh("app", text).await), GrantRefusal::RefreshUnknown);
        }
    }
}

#[tokio::test]
async fn the_person_and_the_client_must_still_be_there() {
    let house = house().await;
    let token = first(&house).await;
    house.client("app", |client| client.grant_types = [GrantType::AuthorizationCode].into());
    assert!(matches!(house.refresh("app", &token).await, Err(Error::UnauthorizedClient)));
    house.client("app", |_| {});
    house.disable_user("alice");
    assert_eq!(refusal(house.refresh("app", &token).await), GrantRefusal::AccountDisabled);
}

#[tokio::test]
async fn a_client_not_registered_for_them_gets_none() {
    let house = House::new().await;
    house.client("app", |client| client.grant_types = [GrantType::AuthorizationCode].into());
    assert!(house.tokens("app", "openid read").await.refresh_token.is_none());
}
