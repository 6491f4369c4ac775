//! Token revocation (RFC 7009).

use countersign_model::AccessTokenFormat;
use countersign_oauth::{ClientCall, Error, GrantRefusal};

use crate::support::*;

async fn house() -> House {
    let house = House::new().await;
    house.client("app", |client| client.first_party = true);
    house.client("opaque", |client| {
        client.first_party = true;
        client.access_token_format = AccessTokenFormat::Reference;
    });
    house.client("stranger", |_| {});
    house
}

#[tokio::test]
async fn a_refresh_token_takes_its_family_along() {
    let house = house().await;
    for id in ["app", "opaque"] {
        let tokens = house.tokens(id, "openid").await;
        let refresh = tokens.refresh_token.unwrap();
        house.revoke(id, &refresh).await.unwrap();
        assert!(!house.is_active(id, &tokens.access_token).await);
        let again = house.refresh(id, &refresh).await;
        assert!(matches!(again, Err(Error::InvalidGrant(GrantRefusal::Revoked))));
        house.revoke(id, &refresh).await.unwrap();
    }
}

#[tokio::test]
async fn an_access_token_goes_alone() {
    let house = house().await;
    for id in ["app", "opaque"] {
        let tokens = house.tokens(id, "openid").await;
        house.revoke(id, &tokens.access_token).await.unwrap();
        assert!(!house.is_active(id, &tokens.access_token).await);
        house.refresh(id, &tokens.refresh_token.unwrap()).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_not_the_callers_stays_and_nobody_learns_of_it() {
    let house = house().await;
    for id in ["app", "opaque"] {
        let tokens = house.tokens(id, "openid").await;
        let refresh = tokens.refresh_token.unwrap();
        for token in [tokens.access_token.as_str(), refresh.as_str(), "never", "a.b.c", "cst_at_x"] {
            house.revoke("stranger", token).await.unwrap();
        }
        assert!(house.is_active(id, &tokens.access_token).await);
        assert!(house.is_active(id, &refresh).await);
    }
}

#[tokio::test]
async fn public_clients_may_revoke_their_own() {
    let house = house().await;
    house.public("spa");
    let code = house.code(&request("spa", &[])).await;
    let tokens = house.token_public("spa", &redemption(&code)).await.unwrap();
    let form =
        [("client_id", "spa"), ("token", tokens.access_token.as_str()), ("token_type_hint", "refresh_token")];
    house.engine.revoke(&ClientCall::new(&parameters(&form))).await.unwrap();
    house.client("gateway", |client| client.may_introspect = true);
    assert!(!house.is_active("gateway", &tokens.access_token).await);
}

#[tokio::test]
async fn callers_must_be_somebody_and_say_what() {
    let house = house().await;
    let error = house.engine.revoke(&ClientCall::new(&parameters(&[("token", "x")]))).await.unwrap_err();
    assert_eq!((error.status(), error.code()), (401, "invalid_client"));
    assert!(matches!(house.revoke("app", "").await, Err(Error::Missing("token"))));
}
