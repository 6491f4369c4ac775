//! Pushed authorization requests (RFC 9126).

use std::sync::Arc;

use countersign_model::ClientAuthentication;
use countersign_oauth::{ClientCall, Error, Step};
use tokio::task::JoinSet;

use crate::support::*;

async fn house() -> House {
    let house = House::new().await;
    house.client("app", |_| {});
    house.client("other", |_| {});
    house
}

fn by_uri<'a>(id: &'a str, uri: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![("client_id", id), ("request_uri", uri)]
}

#[tokio::test]
async fn what_was_pushed_counts_and_nothing_beside_it() {
    let house = house().await;
    let answer = house.push("app", &request("app", &[])).await.unwrap();
    assert_eq!(answer.expires_in, 90);
    assert!(answer.request_uri.starts_with("urn:ietf:params:oauth:request_uri:"), "RFC 9126 §2.2");
    assert!(answer.request_uri.len() > 34 + 40, "RFC 9126 §7.1: not to be guessed");
    let mut query = by_uri("app", &answer.request_uri);
    query.extend([("scope", "write"), ("state", "forged"), ("redirect_uri", "https://evil.example/")]);
    let session = house.sign_in("alice").await;
    let Step::Consent(asked) = house.begin(&query, Some(&session)).await.unwrap() else { panic!() };
    assert_eq!(asked.scopes.to_string(), "openid read", "RFC 9101 §6.3");
    assert_eq!(asked.redirect_uri.as_str(), CALLBACK);
    let interaction = asked.interaction.expose();
    // The page is loaded again, long after the request could be begun.
    house.advance(600);
    let step = house.engine.resume(interaction, Some(&session), &house.browser).await.unwrap();
    assert!(matches!(step, Step::Consent(_)));
    let given = house.engine.consent_given(interaction, &session, &house.browser, &asked.scopes).await;
    let response = respond(given.unwrap());
    assert_eq!(answered(&response, "state").as_deref(), Some("s&t=1"));
    house.token("app", &redemption(&code_of(&response))).await.unwrap();
    assert!(house.memory.tables().pushed.is_empty(), "answered once");
}

#[tokio::test]
async fn a_request_uri_is_its_clients_and_for_a_while_and_answered_once() {
    let house = house().await;
    house.client("app", |client| client.first_party = true);
    let session = house.sign_in("alice").await;
    let uri = house.pushed("app").await;
    let refused = |query: Vec<(&'static str, String)>| {
        let (house, session) = (&house, &session);
        async move {
            let query: Vec<_> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let error = house.begin(&query, Some(session)).await.unwrap_err();
            assert_eq!((error.code(), error.section()), ("invalid_request_uri", "RFC 9101 §7"));
        }
    };
    let query = |id: &str, uri: &str| vec![("client_id", id.to_owned()), ("request_uri", uri.to_owned())];
    refused(query("other", &uri)).await;
    refused(query("app", &format!("{uri}x"))).await;
    refused(query("app", "urn:ietf:params:oauth:request_uri:")).await;
    refused(query("app", &format!("urn:ietf:params:oauth:request_uri:{}", "x".repeat(500)))).await;
    code_of(&respond(house.begin(&by_uri("app", &uri), Some(&session)).await.unwrap()));
    refused(query("app", &uri)).await;

    // Two tabs: both are begun, one is answered, the other finds nothing.
    house.client("app", |_| {});
    let uri = house.pushed("app").await;
    let mut tabs = Vec::new();
    for _ in 0..2 {
        match house.begin(&by_uri("app", &uri), Some(&session)).await.unwrap() {
            Step::Consent(asked) => tabs.push(asked),
            other => panic!("{other:?}"),
        }
    }
    let agree = async |tab: usize| {
        let name = tabs[tab].interaction.expose();
        house.engine.consent_given(name, &session, &house.browser, &tabs[tab].scopes).await
    };
    code_of(&respond(agree(0).await.unwrap()));
    assert!(matches!(agree(1).await, Err(Error::InvalidRequestUri)));

    let uri = house.pushed("app").await;
    house.advance(90);
    refused(query("app", &uri)).await;
}

#[tokio::test]
async fn everything_wrong_is_told_when_it_is_pushed() {
    let house = house().await;
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);
    let cases: &[Case<'_>] = &[
        (
            &[("request_uri", "urn:ietf:params:oauth:request_uri:x")],
            "invalid_request",
            "RFC 6749 §4.1.2.1, §5.2",
        ),
        (&[("redirect_uri", "https://evil.example/")], "invalid_request", "RFC 9700 §2.1"),
        (&[("response_type", "token")], "unsupported_response_type", "RFC 6749 §4.1.2.1"),
        (&[("scope", "admin")], "invalid_scope", "RFC 6749 §4.1.2.1, §5.2"),
        (&[("code_challenge_method", "plain")], "invalid_request", "RFC 7636 §4.4.1"),
        (&[("resource", "https://other.example/")], "invalid_target", "RFC 8707 §2"),
        (&[("authorization_details", "[{}]")], "invalid_authorization_details", "RFC 9396 §5"),
        (&[("request", "x.y.z")], "invalid_request_object", "RFC 9101 §7"),
    ];
    for (changes, code, section) in cases {
        let error = house.push("app", &request("app", changes)).await.unwrap_err();
        assert_eq!((error.status(), error.code(), error.section()), (400, *code, *section), "{changes:?}");
    }
    let error = house.push("app", &request("other", &[])).await.unwrap_err();
    assert_eq!(error.code(), "invalid_client", "RFC 9126 §2.1: the client that authenticated");
    let form = request("app", &[]);
    let form = parameters(&form);
    let error = house.engine.push(&ClientCall::new(&form)).await.unwrap_err();
    assert_eq!((error.status(), error.code()), (401, "invalid_client"), "a name alone is no proof");
    let mut twice = request("app", &[]);
    twice.push(("state", "other"));
    assert!(matches!(house.push("app", &twice).await, Err(Error::DuplicateParameter)));
    assert!(house.memory.tables().pushed.is_empty());
}

#[tokio::test]
async fn the_credentials_of_the_push_are_not_kept() {
    let house = house().await;
    house.client("post", |client| client.authentication = ClientAuthentication::ClientSecretPost);
    let mut form = request("post", &[]);
    form.push(("client_secret", "secret-of-post"));
    let form = parameters(&form);
    house.engine.push(&ClientCall::new(&form)).await.unwrap();
    let tables = house.memory.tables();
    let kept = tables.pushed.values().next().unwrap();
    assert!(kept.parameters.iter().all(|(name, _)| name != "client_secret"));
}

#[tokio::test]
async fn who_must_push_is_refused_otherwise() {
    let house = house().await;
    house.client("app", |client| client.authorization.require_pushed_authorization_requests = true);
    let response = respond(house.begin(&request("app", &[]), None).await.unwrap());
    assert_eq!(response.error(), Some("invalid_request"));
    assert!(answered(&response, "error_description").unwrap().contains("pushed"));
    let uri = house.pushed("app").await;
    assert!(matches!(house.begin(&by_uri("app", &uri), None).await.unwrap(), Step::SignIn(_)));

    let change =
        |settings: &mut countersign_oauth::Settings| settings.require_pushed_authorization_requests = true;
    let house = House::with(change, countersign_jose::Algorithm::ES256).await;
    house.client("app", |_| {});
    assert!(respond(house.begin(&request("app", &[]), None).await.unwrap()).error().is_some());
    let metadata: serde_json::Value = serde_json::from_slice(&house.engine.metadata()).unwrap();
    assert_eq!(metadata["require_pushed_authorization_requests"], true, "RFC 9126 §5");
}

#[tokio::test]
async fn a_public_client_may_push_too() {
    let house = house().await;
    house.public("spa");
    let form = request("spa", &[]);
    let form = parameters(&form);
    let answer = house.engine.push(&ClientCall::new(&form)).await.unwrap();
    assert!(matches!(house.begin(&by_uri("spa", &answer.request_uri), None).await.unwrap(), Step::SignIn(_)));
}

#[tokio::test]
async fn a_refusal_is_an_answer() {
    let house = house().await;
    let uri = house.push("app", &request("app", &[("prompt", "none")])).await.unwrap().request_uri;
    let response = respond(house.begin(&by_uri("app", &uri), None).await.unwrap());
    assert_eq!(response.error(), Some("login_required"));
    assert!(matches!(house.begin(&by_uri("app", &uri), None).await, Err(Error::InvalidRequestUri)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_thousand_at_the_same_instant_one_is_answered() {
    let house = Arc::new(house().await);
    house.client("app", |client| client.first_party = true);
    let session = house.sign_in("alice").await;
    let uri = house.pushed("app").await;
    let mut tries = JoinSet::new();
    for _ in 0..1_000 {
        let (house, session, uri) = (Arc::clone(&house), session.clone(), uri.clone());
        tries.spawn(async move { house.begin(&by_uri("app", &uri), Some(&session)).await });
    }
    let results = tries.join_all().await;
    assert_eq!(results.iter().filter(|result| matches!(result, Ok(Step::Respond(_)))).count(), 1);
    assert_eq!(results.iter().filter(|result| matches!(result, Err(Error::InvalidRequestUri))).count(), 999);
}
