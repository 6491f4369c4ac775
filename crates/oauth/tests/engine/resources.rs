//! For whom a token is (RFC 8707), and what a registered resource decides about its tokens.

use countersign_jose::Algorithm;
use countersign_model::AccessTokenFormat;
use countersign_oauth::{Engine, Error, InvalidSettings, Resource, Settings, TokenResponse, TokenSignature};
use serde_json::json;

use crate::support::*;

const ONE: &str = "https://one.example/";
const TWO: &str = "https://two.example/";

fn audience(tokens: &TokenResponse) -> serde_json::Value {
    read_jwt(&tokens.access_token).1["aud"].clone()
}

async fn house(several: bool) -> House {
    let house = House::with(|settings| settings.several_audiences = several, Algorithm::ES256).await;
    house.client("app", |client| {
        client.first_party = true;
        client.audiences = vec![ONE.to_owned(), TWO.to_owned(), "https://three.example/".to_owned()];
    });
    house
}

fn both() -> Vec<(&'static str, &'static str)> {
    let mut both = request("app", &[("resource", ONE)]);
    both.push(("resource", TWO));
    both
}

#[tokio::test]
async fn a_token_is_for_one_resource_of_those_that_were_given() {
    let house = house(false).await;
    // RFC 8707 §2.2: none named, the first of the grant; another by name, here and on refresh.
    let code = house.code(&both()).await;
    let given = house.token("app", &redemption(&code)).await.unwrap();
    assert_eq!(audience(&given), ONE);
    let refresh = given.refresh_token.clone().unwrap();
    let narrow = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str()), ("resource", TWO)];
    let given = house.token("app", &narrow).await.unwrap();
    assert_eq!(audience(&given), TWO);
    // The grant is still for both.
    let refresh = given.refresh_token.unwrap();
    let back = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str()), ("resource", ONE)];
    assert_eq!(audience(&house.token("app", &back).await.unwrap()), ONE);

    let code = house.code(&both()).await;
    let mut form = redemption(&code);
    form.extend([("resource", ONE), ("resource", TWO)]);
    assert!(matches!(house.token("app", &form).await, Err(Error::InvalidTarget)));
    let own = [("grant_type", "client_credentials"), ("resource", ONE), ("resource", TWO)];
    assert!(matches!(house.token("app", &own).await, Err(Error::InvalidTarget)));
}

#[tokio::test]
async fn what_was_not_given_can_not_be_had() {
    let house = house(false).await;
    for outside in ["https://three.example/", "https://evil.example/", "urn:x#f"] {
        let code = house.code(&both()).await;
        let mut form = redemption(&code);
        form.push(("resource", outside));
        assert!(matches!(house.token("app", &form).await, Err(Error::InvalidTarget)), "{outside}");
    }
}

#[tokio::test]
async fn the_operator_may_allow_tokens_for_several() {
    let house = house(true).await;
    let code = house.code(&both()).await;
    let given = house.token("app", &redemption(&code)).await.unwrap();
    assert_eq!(audience(&given), json!([ONE, TWO]));
    let own = [("grant_type", "client_credentials"), ("resource", ONE), ("resource", TWO)];
    assert_eq!(audience(&house.token("app", &own).await.unwrap()), json!([ONE, TWO]));
}

#[tokio::test]
async fn without_a_resource_a_token_is_for_the_default_and_userinfo() {
    let house = house(false).await;
    let code = house.code(&request("app", &[])).await;
    let given = house.token("app", &redemption(&code)).await.unwrap();
    assert_eq!(audience(&given), json!([ONE, ISSUER]));
    let own = [("grant_type", "client_credentials")];
    assert_eq!(audience(&house.token("app", &own).await.unwrap()), ONE);
}

#[tokio::test]
async fn a_token_carries_only_the_scopes_of_its_resource() {
    let read_only = Resource { scopes: scopes("read"), ..Resource::default() };
    let write_only = Resource { scopes: scopes("write"), ..Resource::default() };
    let change = |settings: &mut Settings| {
        settings.resources.insert(ONE.to_owned(), read_only);
        settings.resources.insert(TWO.to_owned(), write_only);
    };
    let house = House::with(change, Algorithm::ES256).await;
    house.client("app", |client| client.first_party = true);
    let scope = |tokens: &TokenResponse| read_jwt(&tokens.access_token).1["scope"].clone();

    let mut query = both();
    change_scope(&mut query, "openid read write");
    let code = house.code(&query).await;
    let mut form = redemption(&code);
    form.push(("resource", ONE));
    let given = house.token("app", &form).await.unwrap();
    assert_eq!((scope(&given), given.scope.to_string()), (json!("read"), "read".to_owned()));
    // The grant keeps what was agreed to, for the other resource.
    let refresh = given.refresh_token.unwrap();
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str()), ("resource", TWO)];
    assert_eq!(scope(&house.token("app", &form).await.unwrap()), json!("write"));

    let own =
        |scope: &'static str| [("grant_type", "client_credentials"), ("resource", ONE), ("scope", scope)];
    assert_eq!(scope(&house.token("app", &own("read")).await.unwrap()), json!("read"));
    assert!(matches!(house.token("app", &own("read write")).await, Err(Error::InvalidScope)));
}

fn change_scope(query: &mut Vec<(&'static str, &'static str)>, scope: &'static str) {
    crate::support::change(query, &[("scope", scope)]);
}

#[tokio::test]
async fn a_resource_may_ask_for_reference_tokens() {
    let opaque = Resource { access_token_format: AccessTokenFormat::Reference, ..Resource::default() };
    let house =
        House::with(|settings| settings.resources.insert(ONE.to_owned(), opaque), Algorithm::ES256).await;
    house.client("app", |client| client.first_party = true);
    let form = [("grant_type", "client_credentials"), ("resource", ONE)];
    let token = house.token("app", &form).await.unwrap().access_token;
    assert!(token.starts_with("cst_at_"), "{token}");
    assert_eq!(house.introspect("app", &token).await["aud"], ONE);
}

#[tokio::test]
async fn a_resource_gets_the_algorithm_it_asks_for_or_the_server_does_not_start() {
    let wants = |algorithm| Resource { signature: TokenSignature::Key(algorithm), ..Resource::default() };
    let house =
        House::with(|s| s.resources.insert(ONE.to_owned(), wants(Algorithm::RS256)), Algorithm::RS256).await;
    house.client("app", |client| client.first_party = true);
    let form = [("grant_type", "client_credentials"), ("resource", ONE)];
    let token = house.token("app", &form).await.unwrap().access_token;
    assert_eq!(read_jwt(&token).0["alg"], "RS256");

    let mut settings = Settings::new(ISSUER).unwrap();
    settings.resources.insert(ONE.to_owned(), wants(Algorithm::PS256));
    let env = countersign_model::Env {
        clock: house.clock.clone(),
        rng: std::sync::Arc::new(countersign_model::SystemRng),
    };
    let made = Engine::new(house.memory.clone(), env, house.ring.clone(), house.fetch.clone(), settings);
    assert_eq!(made.err(), Some(InvalidSettings::ResourceAlgorithm(ONE.to_owned(), Algorithm::PS256)));
}
