//! The device flow (RFC 8628).

use std::sync::Arc;

use countersign_model::{Client, ClientId, ClientStatus, GrantType, OptionalScopes};
use countersign_oauth::{ClientCall, Error, GrantRefusal, TokenResponse, UserCode};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::support::*;

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

async fn house() -> House {
    let house = House::new().await;
    device(&house, "tv");
    house
}

/// A public client, as most devices are.
fn device(house: &House, id: &str) -> Arc<Client> {
    house.public(id);
    let mut client = Client::clone(&house.memory.tables().clients[&id.into()]);
    client.grant_types = [GrantType::DeviceCode, GrantType::RefreshToken].into();
    let client = Arc::new(client);
    house.memory.tables().clients.insert(client.client_id.clone(), client.clone());
    client
}

struct Begun {
    device_code: String,
    user_code: UserCode,
    answer: Value,
}

async fn ask(house: &House, id: &str, changes: &[(&str, &str)]) -> Result<Begun, Error> {
    let mut form = vec![("client_id", id), ("scope", "openid read")];
    change(&mut form, changes);
    let form = parameters(&form);
    let address = Some("192.0.2.7".parse().unwrap());
    let answer = house.engine.device_authorization(&ClientCall::new(&form), address).await?;
    let user_code = UserCode::read(&answer.user_code).unwrap();
    let document = serde_json::from_slice(&answer.to_json()).unwrap();
    Ok(Begun { device_code: answer.device_code, user_code, answer: document })
}

async fn begin(house: &House) -> Begun {
    ask(house, "tv", &[]).await.unwrap()
}

async fn poll(house: &House, id: &str, device_code: &str) -> Result<TokenResponse, Error> {
    house.token_public(id, &[("grant_type", DEVICE_CODE), ("device_code", device_code)]).await
}

async fn allow(house: &House, code: UserCode, agreed: &str) -> Result<(), Error> {
    let session = house.sign_in("alice").await;
    house.engine.device_allowed(code, &session, &scopes(agreed)).await.map(drop)
}

#[tokio::test]
async fn a_device_gets_what_its_person_agrees_to() {
    let house = house().await;
    let begun = begin(&house).await;
    // RFC 8628 §3.2.
    assert_eq!(begun.answer["verification_uri"], "https://id.example/device");
    let complete = format!("https://id.example/device?user_code={}", begun.user_code);
    assert_eq!(begun.answer["verification_uri_complete"], complete);
    assert_eq!((&begun.answer["expires_in"], &begun.answer["interval"]), (&600.into(), &5.into()));

    assert!(matches!(poll(&house, "tv", &begun.device_code).await, Err(Error::AuthorizationPending)));
    let request = house.engine.device_request(begun.user_code).await.unwrap();
    assert_eq!(request.client.client_name, "The tv");
    assert_eq!(request.scopes, scopes("openid read"));
    assert_eq!(request.address.unwrap().to_string(), "192.0.2.7");
    house.advance(5);
    assert!(matches!(poll(&house, "tv", &begun.device_code).await, Err(Error::AuthorizationPending)));
    allow(&house, begun.user_code, "openid read").await.unwrap();

    let tokens = poll(&house, "tv", &begun.device_code).await.unwrap();
    let (header, claims) = read_jwt(&tokens.access_token);
    assert_eq!(header["typ"], "at+jwt");
    assert_eq!(
        (&claims["sub"], &claims["client_id"], &claims["scope"]),
        (&"usr_alice".into(), &"tv".into(), &"openid read".into())
    );
    assert!(claims["auth_time"].is_number() && claims["amr"] == serde_json::json!(["pwd"]));
    let (_, id) = read_jwt(tokens.id_token.as_ref().unwrap());
    assert_eq!((&id["sub"], &id["aud"]), (&"usr_alice".into(), &"tv".into()));
    // The refresh token is of the same family, and withdrawing the family ends everything.
    let refresh = tokens.refresh_token.unwrap();
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    assert!(house.token_public("tv", &form).await.is_ok());
}

#[tokio::test]
async fn the_person_may_give_less_but_never_more() {
    let house = house().await;
    let client = house.memory.tables().clients[&ClientId::from("tv")].clone();
    house.memory.tables().clients.insert(
        client.client_id.clone(),
        Client { optional_scopes: OptionalScopes::AllButOpenid, ..Client::clone(&client) }.into(),
    );
    let begun = ask(&house, "tv", &[("scope", "openid read email")]).await.unwrap();
    allow(&house, begun.user_code, "read write").await.unwrap();
    let tokens = poll(&house, "tv", &begun.device_code).await.unwrap();
    assert_eq!(tokens.scope, scopes("openid read"));
    // Nothing at all is a no.
    let begun = ask(&house, "tv", &[("scope", "read")]).await.unwrap();
    assert!(matches!(allow(&house, begun.user_code, "write").await, Err(Error::AccessDenied)));
}

#[tokio::test]
async fn what_can_not_be_left_out_is_not() {
    let house = house().await;
    let begun = ask(&house, "tv", &[("scope", "openid read email")]).await.unwrap();
    let left_out = allow(&house, begun.user_code, "openid read").await;
    assert!(matches!(left_out, Err(Error::Invalid("scope"))), "{left_out:?}");
    // Nothing was decided by that.
    assert!(matches!(poll(&house, "tv", &begun.device_code).await, Err(Error::AuthorizationPending)));
}

#[tokio::test]
async fn who_asks_too_fast_is_slowed_down_for_good() {
    let house = house().await;
    let begun = begin(&house).await;
    let poll = || poll(&house, "tv", &begun.device_code);
    assert!(matches!(poll().await, Err(Error::AuthorizationPending)));
    house.advance(3);
    assert!(matches!(poll().await, Err(Error::SlowDown)), "RFC 8628 §3.5");
    // Five seconds more from now on.
    house.advance(6);
    assert!(matches!(poll().await, Err(Error::SlowDown)));
    house.advance(15);
    assert!(matches!(poll().await, Err(Error::AuthorizationPending)));
    house.advance(14);
    assert!(matches!(poll().await, Err(Error::SlowDown)));
    // An answer that is there is not kept back.
    allow(&house, begun.user_code, "openid read").await.unwrap();
    assert!(poll().await.is_ok());
}

#[tokio::test]
async fn a_no_is_a_no() {
    let house = house().await;
    let begun = begin(&house).await;
    house.engine.device_denied(begun.user_code).await.unwrap();
    assert!(matches!(poll(&house, "tv", &begun.device_code).await, Err(Error::AccessDenied)));
    assert!(matches!(allow(&house, begun.user_code, "openid").await, Err(Error::UnknownUserCode)));
    assert!(matches!(house.engine.device_denied(begun.user_code).await, Err(Error::UnknownUserCode)));
}

#[tokio::test]
async fn codes_end() {
    let house = house().await;
    let (waiting, allowed) = (begin(&house).await, begin(&house).await);
    house.advance(300);
    allow(&house, allowed.user_code, "openid read").await.unwrap();
    house.advance(299);
    assert!(house.engine.device_request(waiting.user_code).await.is_ok());
    house.advance(1);
    for begun in [&waiting, &allowed] {
        // RFC 8628 §3.5: also what was approved and never fetched.
        assert!(matches!(poll(&house, "tv", &begun.device_code).await, Err(Error::ExpiredToken)));
        let looked = house.engine.device_request(begun.user_code).await;
        assert!(matches!(looked, Err(Error::UnknownUserCode)));
    }
    assert!(matches!(allow(&house, waiting.user_code, "openid").await, Err(Error::UnknownUserCode)));
}

#[tokio::test]
async fn a_code_is_one_clients_and_one_flows() {
    let house = house().await;
    device(&house, "other");
    let begun = begin(&house).await;
    allow(&house, begun.user_code, "openid read").await.unwrap();
    let unknown = |result: Result<TokenResponse, Error>| {
        matches!(result, Err(Error::InvalidGrant(GrantRefusal::DeviceCodeUnknown)))
    };
    // RFC 8628 §3.4: of the client it was issued to. Whoever else tries does not spend it.
    assert!(unknown(poll(&house, "other", &begun.device_code).await));
    assert!(unknown(poll(&house, "tv", "made up").await));
    assert!(unknown(poll(&house, "tv", &begun.user_code.to_string()).await));
    assert!(poll(&house, "tv", &begun.device_code).await.is_ok());
    assert!(unknown(poll(&house, "tv", &begun.device_code).await), "once");
}

#[tokio::test]
async fn a_code_that_many_people_type_was_sent_round() {
    let house = house().await;
    let begun = begin(&house).await;
    for _ in 0..10 {
        assert!(house.engine.device_request(begun.user_code).await.is_ok());
    }
    assert!(matches!(house.engine.device_request(begun.user_code).await, Err(Error::UnknownUserCode)));
}

#[tokio::test]
async fn people_and_clients_must_still_be_good() {
    let house = house().await;
    let begun = begin(&house).await;
    allow(&house, begun.user_code, "openid read").await.unwrap();
    house.disable_user("alice");
    let result = poll(&house, "tv", &begun.device_code).await;
    assert!(matches!(result, Err(Error::InvalidGrant(GrantRefusal::AccountDisabled))));

    house.user("alice");
    // Identifiers are in the order of time: the next grant is the last.
    house.advance(1);
    let begun = begin(&house).await;
    allow(&house, begun.user_code, "openid read").await.unwrap();
    let grant =
        house.memory.tables().grants.values().max_by_key(|grant| grant.id.clone()).unwrap().id.clone();
    // The person takes it back before the device fetches it.
    let now = countersign_model::Timestamp::from_seconds(START);
    countersign_oauth::ports::Grants::revoke_grant(&*house.memory, &grant, now).await.unwrap();
    let result = poll(&house, "tv", &begun.device_code).await;
    assert!(matches!(result, Err(Error::InvalidGrant(GrantRefusal::Revoked))));

    let begun = begin(&house).await;
    let mut client = Client::clone(&house.memory.tables().clients[&"tv".into()]);
    client.status = ClientStatus::Disabled;
    house.memory.tables().clients.insert(client.client_id.clone(), Arc::new(client));
    assert!(matches!(house.engine.device_request(begun.user_code).await, Err(Error::UnknownUserCode)));
    assert!(matches!(allow(&house, begun.user_code, "read").await, Err(Error::UnknownUserCode)));
}

#[tokio::test]
async fn the_endpoint_refuses_what_it_must() {
    let house = house().await;
    house.client("app", |_| {});
    // RFC 8628 §3.1: as at the token endpoint.
    assert!(matches!(ask(&house, "app", &[]).await, Err(Error::InvalidClient { .. })));
    assert!(matches!(ask(&house, "nobody", &[]).await, Err(Error::InvalidClient { .. })));
    house.public("spa");
    assert!(matches!(ask(&house, "spa", &[]).await, Err(Error::UnauthorizedClient)));
    assert!(matches!(ask(&house, "tv", &[("scope", "admin")]).await, Err(Error::InvalidScope)));
    let foreign = [("resource", "https://elsewhere.example")];
    assert!(matches!(ask(&house, "tv", &foreign).await, Err(Error::InvalidTarget)));
    let details = [("authorization_details", "[{\"type\":\"payment\"}]")];
    assert!(matches!(ask(&house, "tv", &details).await, Err(Error::InvalidAuthorizationDetails)));
    let form = parameters(&[("client_id", "tv"), ("scope", "read"), ("scope", "read")]);
    let twice = house.engine.device_authorization(&ClientCall::new(&form), None).await;
    assert!(matches!(twice, Err(Error::DuplicateParameter)));
    assert!(matches!(
        house.token_public("tv", &[("grant_type", DEVICE_CODE)]).await,
        Err(Error::Missing("device_code"))
    ));
    house.set_broken(true);
    assert!(ask(&house, "tv", &[]).await.is_err_and(|error| error.is_ours()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_thousand_polls_one_wins() {
    let house = Arc::new(house().await);
    let begun = begin(&house).await;
    allow(&house, begun.user_code, "openid read").await.unwrap();
    let mut polls = JoinSet::new();
    for _ in 0..1_000 {
        let (house, code) = (Arc::clone(&house), begun.device_code.clone());
        polls.spawn(async move { poll(&house, "tv", &code).await });
    }
    let results = polls.join_all().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    let unknown = |error: &Error| matches!(error, Error::InvalidGrant(GrantRefusal::DeviceCodeUnknown));
    assert!(results.iter().all(|result| result.as_ref().map_or_else(unknown, |_| true)));
}
