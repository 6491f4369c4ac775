//! Backchannel authentication (OpenID Connect CIBA): what is asked, who agrees, what the client gets.

use std::sync::Arc;
use std::time::Duration;

use countersign_jose::Algorithm;
use countersign_model::{ClientOrigin, ClientStatus, GrantType, OptionalScopes, Timestamp, UserId};
use countersign_oauth::ports::AuthenticationEvent;
use countersign_oauth::{
    AcrClass, Approver, Authorization, BackchannelResponse, ClientCall, ClientRefusal, Error, GrantRefusal,
    TokenResponse,
};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::support::*;

pub(crate) const CIBA: &str = "urn:openid:params:grant-type:ciba";

async fn house() -> House {
    let house = House::new().await;
    bank(&house, "bank");
    house
}

/// A confidential client that calls people.
fn bank(house: &House, id: &str) {
    house.client(id, |client| client.grant_types = [GrantType::Ciba, GrantType::RefreshToken].into());
}

/// A good request, with changes: an empty value leaves a parameter out.
async fn ask(house: &House, id: &str, changes: &[(&str, &str)]) -> Result<BackchannelResponse, Error> {
    let mut form =
        vec![("scope", "openid read"), ("login_hint", "alice"), ("binding_message", "Transfer W4SCT")];
    change(&mut form, changes);
    let (form, secret) = (parameters(&form), secret(id));
    let authorization = Authorization::Basic { name: id, secret: &secret };
    let call = ClientCall { authorization, ..ClientCall::new(&form) };
    house.engine.backchannel_authentication(&call, Some("192.0.2.7".parse().unwrap())).await
}

async fn begin(house: &House) -> BackchannelResponse {
    ask(house, "bank", &[]).await.unwrap()
}

async fn fetch(house: &House, id: &str, auth_req_id: &str) -> Result<TokenResponse, Error> {
    house.token(id, &[("grant_type", CIBA), ("auth_req_id", auth_req_id)]).await
}

/// The name of the one request that waits for alice.
async fn waiting(house: &House) -> String {
    let mut waiting = house.engine.approvals(&UserId::from("usr_alice")).await.unwrap();
    assert_eq!(waiting.len(), 1);
    waiting.remove(0).id
}

async fn approve(house: &House, id: &str, agreed: &str) -> Result<(), Error> {
    let session = house.sign_in("alice").await;
    let approver = Approver::Session(&session);
    house.engine.approve_backchannel(id, approver, &scopes(agreed)).await.map(drop)
}

#[tokio::test]
async fn a_person_agrees_elsewhere_and_the_client_gets_tokens() {
    let house = house().await;
    let begun = begin(&house).await;
    let answer: Value = serde_json::from_slice(&begun.to_json()).unwrap();
    assert_eq!((&answer["expires_in"], &answer["interval"]), (&300.into(), &5.into()), "CIBA §7.3");
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    assert!(begun.auth_req_id.bytes().all(fits) && begun.auth_req_id.len() == 43, "CIBA §7.3");
    assert!(!format!("{begun:?}").contains(&begun.auth_req_id));
    assert!(matches!(fetch(&house, "bank", &begun.auth_req_id).await, Err(Error::AuthorizationPending)));

    let waiting = house.engine.approvals(&UserId::from("usr_alice")).await.unwrap();
    let [waiting] = waiting.as_slice() else { panic!("{waiting:?}") };
    assert_eq!(waiting.client.client_name, "The bank");
    assert_eq!(waiting.binding_message.as_deref(), Some("Transfer W4SCT"));
    assert_eq!(waiting.scopes, scopes("openid read"));
    assert_eq!(waiting.address.unwrap().to_string(), "192.0.2.7");
    house.advance(20);
    approve(&house, &waiting.id, "openid read").await.unwrap();
    assert!(house.engine.approvals(&UserId::from("usr_alice")).await.unwrap().is_empty());

    let tokens = fetch(&house, "bank", &begun.auth_req_id).await.unwrap();
    let (header, claims) = read_jwt(&tokens.access_token);
    assert_eq!(header["typ"], "at+jwt");
    assert_eq!((&claims["sub"], &claims["scope"]), (&"usr_alice".into(), &"openid read".into()));
    let (_, id) = read_jwt(tokens.id_token.as_ref().unwrap());
    assert_eq!((&id["sub"], &id["aud"]), (&"usr_alice".into(), &"bank".into()));
    assert_eq!(id["urn:openid:params:jwt:claim:auth_req_id"], begun.auth_req_id.as_str());
    // What the person did, not when the client asked.
    assert_eq!((&id["auth_time"], &id["amr"]), (&(START + 20).into(), &serde_json::json!(["pwd"])));
    assert!(id["at_hash"].is_string() && id.get("nonce").is_none());
    assert!(id.get("urn:openid:params:jwt:claim:rt_hash").is_none(), "CIBA §10.3.1: of push alone");
    let refreshed = house.refresh("bank", &tokens.refresh_token.unwrap()).await.unwrap();
    let (_, id) = read_jwt(&refreshed.id_token.unwrap());
    assert!(id.get("urn:openid:params:jwt:claim:auth_req_id").is_none());
    assert!(matches!(
        fetch(&house, "bank", &begun.auth_req_id).await,
        Err(Error::InvalidGrant(GrantRefusal::AuthReqIdUnknown))
    ));
}

#[tokio::test]
async fn each_parameter_is_held_to_the_specification() {
    let house = house().await;
    let code = async |changes: &[(&str, &str)]| ask(&house, "bank", changes).await.unwrap_err().code();
    // CIBA §7.1, §13.
    assert_eq!(code(&[("scope", "")]).await, "invalid_request");
    assert_eq!(code(&[("scope", "read")]).await, "invalid_scope", "openid is not there");
    assert_eq!(code(&[("scope", "openid admin")]).await, "invalid_scope");
    assert_eq!(code(&[("login_hint", "")]).await, "invalid_request", "no hint");
    for second in ["login_hint_token", "id_token_hint"] {
        assert_eq!(code(&[(second, "x.y.z")]).await, "invalid_request", "two hints");
    }
    assert_eq!(code(&[("login_hint", ""), ("login_hint_token", "x.y.z")]).await, "invalid_request");
    assert_eq!(code(&[("login_hint", ""), ("id_token_hint", "x.y.z")]).await, "invalid_request");
    assert_eq!(code(&[("binding_message", "a\u{202e}b")]).await, "invalid_binding_message");
    assert_eq!(code(&[("resource", "https://nobody.example")]).await, "invalid_target");
    assert_eq!(code(&[("authorization_details", "[]")]).await, "invalid_authorization_details");
    for expiry in ["0", "-1", "+5", "1.5", "1e3", "x", "9999999999"] {
        assert_eq!(code(&[("requested_expiry", expiry)]).await, "invalid_request", "{expiry}");
    }
    let twice = parameters(&[("scope", "openid"), ("scope", "openid"), ("login_hint", "alice")]);
    let secret = secret("bank");
    let authorization = Authorization::Basic { name: "bank", secret: &secret };
    let call = ClientCall { authorization, ..ClientCall::new(&twice) };
    let refused = house.engine.backchannel_authentication(&call, None).await.unwrap_err();
    assert_eq!(refused.code(), "invalid_request");
    assert!(house.engine.approvals(&UserId::from("usr_alice")).await.unwrap().is_empty());
}

#[tokio::test]
async fn who_is_nobody_here_is_told_as_the_specification_wants() {
    let house = house().await;
    house.user("bob");
    house.disable_user("bob");
    for nobody in ["carol", "bob", "not a name", &"x".repeat(300)] {
        let refused = ask(&house, "bank", &[("login_hint", nobody)]).await.unwrap_err();
        assert_eq!((refused.status(), refused.code()), (400, "unknown_user_id"), "{nobody}");
    }
}

#[tokio::test]
async fn an_id_token_of_the_client_names_a_person_also_when_it_has_expired() {
    let house = house().await;
    bank(&house, "rival");
    let begun = begin(&house).await;
    approve(&house, &waiting(&house).await, "openid read").await.unwrap();
    let hint = fetch(&house, "bank", &begun.auth_req_id).await.unwrap().id_token.unwrap();
    house.advance(3_600);
    let by_token = [("login_hint", ""), ("id_token_hint", hint.as_str())];
    ask(&house, "bank", &by_token).await.unwrap();
    assert_eq!(waiting(&house).await.len(), 43);
    // CIBA §7.1: one that was given to this client; and an access token is none.
    let refused = ask(&house, "rival", &by_token).await.unwrap_err();
    assert!(matches!(refused, Error::Invalid("id_token_hint")));
    let (access, _) = (begin(&house).await, ());
    let not_one = ask(&house, "bank", &[("login_hint", ""), ("id_token_hint", &access.auth_req_id)]).await;
    assert!(matches!(not_one, Err(Error::Invalid("id_token_hint"))));
}

#[tokio::test]
async fn only_clients_that_prove_who_they_are_call_people() {
    let house = house().await;
    house.client("web", |_| {});
    let refused = ask(&house, "web", &[]).await.unwrap_err();
    assert_eq!((refused.status(), refused.code()), (400, "unauthorized_client"));
    house.client("page", |client| {
        client.authentication = countersign_model::ClientAuthentication::None;
        client.grant_types = [GrantType::Ciba].into();
    });
    let form = parameters(&[("client_id", "page"), ("scope", "openid"), ("login_hint", "alice")]);
    let refused = house.engine.backchannel_authentication(&ClientCall::new(&form), None).await.unwrap_err();
    assert!(matches!(refused, Error::InvalidClient { reason: ClientRefusal::Public }));
    assert_eq!(refused.status(), 401);
    // CIBA §7.1: an assertion may be for this endpoint.
    let key = ClientKey::new(Algorithm::ES256);
    house.client("signer", |client| {
        key.give_to(client);
        client.grant_types = [GrantType::Ciba].into();
    });
    let audiences = [ISSUER, "https://id.example/token", "https://id.example/bc-authorize"];
    for (jti, audience) in audiences.into_iter().enumerate() {
        let proof = key.assertion("signer", audience, &jti.to_string());
        let mut form = vec![("scope", "openid"), ("login_hint", "alice")];
        form.extend(proof.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let form = parameters(&form);
        house.engine.backchannel_authentication(&ClientCall::new(&form), None).await.unwrap();
    }
}

#[tokio::test]
async fn polls_keep_their_pace_and_a_no_is_a_no() {
    let house = house().await;
    let begun = begin(&house).await;
    let poll = || fetch(&house, "bank", &begun.auth_req_id);
    assert!(matches!(poll().await, Err(Error::AuthorizationPending)));
    house.advance(3);
    assert!(matches!(poll().await, Err(Error::SlowDown)), "CIBA §11");
    house.advance(6);
    assert!(matches!(poll().await, Err(Error::SlowDown)), "five seconds more from now on");
    house.advance(15);
    assert!(matches!(poll().await, Err(Error::AuthorizationPending)));
    let alice = UserId::from("usr_alice");
    house.engine.deny_backchannel(&waiting(&house).await, &alice).await.unwrap();
    let refused = poll().await.unwrap_err();
    assert_eq!((refused.status(), refused.code()), (400, "access_denied"));
    let begun = begin(&house).await;
    house.advance(300);
    assert!(matches!(fetch(&house, "bank", &begun.auth_req_id).await, Err(Error::ExpiredToken)));
    assert!(house.engine.approvals(&alice).await.unwrap().is_empty());
    // The client may want it shorter, and not longer.
    assert_eq!(ask(&house, "bank", &[("requested_expiry", "20")]).await.unwrap().expires_in, 20);
    house.advance(300);
    assert_eq!(ask(&house, "bank", &[("requested_expiry", "9000")]).await.unwrap().expires_in, 300);
}

#[tokio::test]
async fn a_request_is_of_one_client_one_person_and_one_flow() {
    let house = house().await;
    bank(&house, "rival");
    house.user("bob");
    let begun = begin(&house).await;
    let id = waiting(&house).await;
    let unknown = |result: Result<TokenResponse, Error>| {
        matches!(result, Err(Error::InvalidGrant(GrantRefusal::AuthReqIdUnknown)))
    };
    assert!(unknown(fetch(&house, "rival", &begun.auth_req_id).await));
    assert!(unknown(fetch(&house, "bank", "made up").await));
    assert!(matches!(house.token("bank", &[("grant_type", CIBA)]).await, Err(Error::Missing("auth_req_id"))));
    // Bob can neither see it, nor agree to it, nor refuse it.
    let bob = house.sign_in("bob").await;
    assert!(house.engine.approvals(&bob.user).await.unwrap().is_empty());
    assert!(matches!(house.engine.approval(&id, &bob.user).await, Err(Error::UnknownApproval)));
    let theft = house.engine.approve_backchannel(&id, Approver::Session(&bob), &scopes("openid read")).await;
    assert!(matches!(theft, Err(Error::UnknownApproval)));
    assert!(matches!(house.engine.deny_backchannel(&id, &bob.user).await, Err(Error::UnknownApproval)));
    assert_eq!(waiting(&house).await, id);
    // What the client holds is no name of it, and the name is nothing to the client.
    let wrong = house.engine.approval(&begun.auth_req_id, &UserId::from("usr_alice")).await;
    assert!(matches!(wrong, Err(Error::UnknownApproval)));
    assert!(unknown(fetch(&house, "bank", &id).await));
    // Decided once.
    approve(&house, &id, "openid read write").await.unwrap();
    assert!(matches!(approve(&house, &id, "openid read").await, Err(Error::UnknownApproval)));
    let tokens = fetch(&house, "bank", &begun.auth_req_id).await.unwrap();
    assert_eq!(tokens.scope, scopes("openid read"), "never more than was asked for");
}

#[tokio::test]
async fn a_person_leaves_out_what_the_client_can_do_without_and_nothing_else() {
    let house = house().await;
    house.client("bank", |client| {
        client.grant_types = [GrantType::Ciba, GrantType::RefreshToken].into();
        client.optional_scopes = OptionalScopes::Named(scopes("write email"));
    });
    let begun = ask(&house, "bank", &[("scope", "openid read write")]).await.unwrap();
    let [pending] = house.engine.approvals(&UserId::from("usr_alice")).await.unwrap().try_into().unwrap();
    assert_eq!(pending.optional, scopes("write"), "of what is asked for");
    for too_little in ["openid write", "write", ""] {
        let refused = approve(&house, &pending.id, too_little).await;
        assert!(matches!(refused, Err(Error::Invalid("scope"))), "{too_little}");
    }
    approve(&house, &pending.id, "read admin").await.unwrap();
    let tokens = fetch(&house, "bank", &begun.auth_req_id).await.unwrap();
    assert_eq!(tokens.scope, scopes("openid read"), "openid stays, and nothing is added");
    let refreshed = house.refresh("bank", &tokens.refresh_token.unwrap()).await.unwrap();
    assert_eq!(refreshed.scope, scopes("openid read"), "what was left out does not come back");
}

#[tokio::test]
async fn who_is_no_longer_there_gives_nothing() {
    let house = house().await;
    let begun = begin(&house).await;
    let id = waiting(&house).await;
    approve(&house, &id, "openid read").await.unwrap();
    house.disable_user("alice");
    let refused = fetch(&house, "bank", &begun.auth_req_id).await;
    assert!(matches!(refused, Err(Error::InvalidGrant(GrantRefusal::AccountDisabled))));
    let house = self::house().await;
    begin(&house).await;
    house.client("bank", |client| client.status = ClientStatus::Disabled);
    assert!(house.engine.approvals(&UserId::from("usr_alice")).await.unwrap().is_empty());
}

#[tokio::test]
async fn nobody_is_pestered() {
    let house = house().await;
    let alice = UserId::from("usr_alice");
    let refused = async |id: &str| {
        let refused = ask(&house, id, &[]).await.unwrap_err();
        assert_eq!((refused.status(), refused.code()), (403, "access_denied"), "CIBA §13");
    };
    for _ in 0..3 {
        begin(&house).await;
    }
    refused("bank").await;
    // A refusal buys the client no other try until the request would have ended.
    for pending in house.engine.approvals(&alice).await.unwrap() {
        house.engine.deny_backchannel(&pending.id, &alice).await.unwrap();
    }
    refused("bank").await;
    for number in 0..4 {
        let id = format!("shop{number}");
        bank(&house, &id);
        for _ in 0..if number < 3 { 3 } else { 1 } {
            ask(&house, &id, &[]).await.unwrap();
        }
    }
    refused("shop3").await;
    house.user("bob");
    ask(&house, "shop3", &[("login_hint", "bob")]).await.unwrap();
    house.advance(300);
    begin(&house).await;
}

#[tokio::test]
async fn clients_that_registered_themselves_keep_no_bank_out() {
    let house = house().await;
    let alice = UserId::from("usr_alice");
    let mut kept = 0;
    for number in 0..4 {
        let id = format!("shop{number}");
        house.client(&id, |client| {
            client.grant_types = [GrantType::Ciba].into();
            match number % 2 {
                0 => client.origin = ClientOrigin::Registration,
                _ => client.owner = Some(UserId::from("usr_bob")),
            }
        });
        for _ in 0..3 {
            kept += usize::from(ask(&house, &id, &[]).await.is_ok());
        }
    }
    assert_eq!(kept, 5, "of all of them together");
    for pending in house.engine.approvals(&alice).await.unwrap() {
        house.engine.deny_backchannel(&pending.id, &alice).await.unwrap();
    }
    assert!(ask(&house, "shop3", &[]).await.is_err(), "another name is no other try");
    for number in 0..10 {
        bank(&house, &format!("bank{number}"));
        ask(&house, &format!("bank{number}"), &[]).await.unwrap();
    }
    house.advance(300);
    ask(&house, "shop3", &[]).await.unwrap();
}

#[tokio::test]
async fn a_class_of_sign_ins_that_is_asked_for_is_insisted_on() {
    let class = |acr: &str, within: Option<u64>| AcrClass {
        acr: acr.to_owned(),
        amr: vec!["pwd".to_owned()],
        within: within.map(Duration::from_secs),
    };
    let classes = vec![class("fresh", Some(60)), class("password", None)];
    let house = House::with(|settings| settings.acr_classes = classes, Algorithm::ES256).await;
    bank(&house, "bank");
    let session = house.sign_in("alice").await;
    house.advance(100);
    let begun = ask(&house, "bank", &[("acr_values", "unheard-of fresh")]).await.unwrap();
    let id = waiting(&house).await;
    let old = Approver::Session(&session);
    assert!(!house.engine.is_met(old, &["fresh".to_owned()]) && house.engine.is_met(old, &[]));
    let refused = house.engine.approve_backchannel(&id, old, &scopes("openid read")).await;
    assert!(matches!(refused, Err(Error::UnmetAuthentication)));
    approve(&house, &id, "openid read").await.unwrap();
    let (_, claims) = read_jwt(&fetch(&house, "bank", &begun.auth_req_id).await.unwrap().id_token.unwrap());
    assert_eq!((&claims["acr"], &claims["auth_time"]), (&"fresh".into(), &(START + 100).into()));
    // Without a wish any sign-in will do, and the token says which it was.
    let begun = begin(&house).await;
    let id = waiting(&house).await;
    house.engine.approve_backchannel(&id, old, &scopes("openid read")).await.unwrap();
    let (_, claims) = read_jwt(&fetch(&house, "bank", &begun.auth_req_id).await.unwrap().id_token.unwrap());
    assert_eq!((&claims["acr"], &claims["auth_time"]), (&"password".into(), &START.into()));
}

#[tokio::test]
async fn the_class_that_a_token_names_is_not_believed() {
    let classes = vec![
        AcrClass {
            acr: "fresh".to_owned(),
            amr: vec!["pwd".to_owned()],
            within: Some(Duration::from_secs(60)),
        },
        AcrClass { acr: "hardware".to_owned(), amr: vec!["hwk".to_owned()], within: None },
    ];
    let house = House::with(|settings| settings.acr_classes = classes, Algorithm::ES256).await;
    bank(&house, "bank");
    house.advance(100);
    let begun = ask(&house, "bank", &[("acr_values", "fresh hardware")]).await.unwrap();
    let id = waiting(&house).await;
    let (user, wanted) = (UserId::from("usr_alice"), ["fresh".to_owned(), "hardware".to_owned()]);
    let event = |age: i64, acr: &str| AuthenticationEvent {
        auth_time: Timestamp::from_seconds(START + 100 - age),
        amr: vec!["pwd".to_owned()],
        acr: Some(acr.to_owned()),
    };
    let by = async |event: &AuthenticationEvent| {
        let approver = Approver::Token {
            user: &user,
            client: &"authenticator".into(),
            session: None,
            authentication: event,
        };
        let is_met = house.engine.is_met(approver, &wanted);
        let answer = house.engine.approve_backchannel(&id, approver, &scopes("openid read")).await;
        assert_eq!(answer.is_ok(), is_met, "what is shown is what is done");
        answer
    };
    // It was fresh once; a refresh token carried that on. And it never was by hardware, whatever it says.
    for (age, acr) in [(100, "fresh"), (61, "fresh"), (100, "hardware")] {
        let refused = by(&event(age, acr)).await;
        assert!(matches!(refused, Err(Error::UnmetAuthentication)), "{age} {acr}");
    }
    by(&event(60, "hardware")).await.unwrap();
    let (_, claims) = read_jwt(&fetch(&house, "bank", &begun.auth_req_id).await.unwrap().id_token.unwrap());
    assert_eq!((&claims["acr"], &claims["auth_time"]), (&"fresh".into(), &(START + 40).into()));
}

#[tokio::test]
async fn a_client_does_not_answer_itself() {
    let house = house().await;
    let begun = begin(&house).await;
    let id = waiting(&house).await;
    let (user, authentication) = (
        UserId::from("usr_alice"),
        AuthenticationEvent {
            auth_time: Timestamp::from_seconds(START),
            amr: vec!["pwd".to_owned()],
            acr: None,
        },
    );
    let by = async |client: &str| {
        let client = client.into();
        let approver =
            Approver::Token { user: &user, client: &client, session: None, authentication: &authentication };
        house.engine.approve_backchannel(&id, approver, &scopes("openid read")).await
    };
    assert!(matches!(by("bank").await, Err(Error::UnknownApproval)));
    assert!(matches!(fetch(&house, "bank", &begun.auth_req_id).await, Err(Error::AuthorizationPending)));
    by("authenticator").await.unwrap();
}

#[tokio::test]
async fn of_a_hundred_fetches_at_once_one_gets_tokens() {
    let house = Arc::new(house().await);
    let begun = begin(&house).await;
    approve(&house, &waiting(&house).await, "openid read").await.unwrap();
    let mut fetches = JoinSet::new();
    for _ in 0..100 {
        let (house, id) = (Arc::clone(&house), begun.auth_req_id.clone());
        fetches.spawn(async move { fetch(&house, "bank", &id).await.is_ok() });
    }
    assert_eq!(fetches.join_all().await.into_iter().filter(|won| *won).count(), 1);
}

#[tokio::test]
async fn the_metadata_says_so() {
    let house = house().await;
    let metadata: Value = serde_json::from_slice(&house.engine.metadata()).unwrap();
    assert_eq!(metadata["backchannel_authentication_endpoint"], "https://id.example/bc-authorize");
    assert_eq!(metadata["backchannel_user_code_parameter_supported"], false);
    assert!(metadata["grant_types_supported"].as_array().unwrap().contains(&CIBA.into()));
    let algorithms = metadata["backchannel_authentication_request_signing_alg_values_supported"].as_array();
    assert!(!algorithms.unwrap().iter().any(|name| name.as_str().unwrap().starts_with("HS")), "CIBA §4");
}
