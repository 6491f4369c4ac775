//! Pushed authorization requests (RFC 9126).

use std::sync::Arc;

use countersign_access::dpop::DpopRefusal;
use countersign_model::ClientAuthentication;
use countersign_oauth::{
    Authorization, ClientCall, DpopField, Error, GrantRefusal, PushedResponse, Step, TokenResponse,
};
use serde_json::json;
use tokio::task::JoinSet;

use crate::dpop::Prover;
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

/// What a client pushes with a proof made for this endpoint.
async fn push_with(house: &House, proof: &str, changes: &[(&str, &str)]) -> Result<PushedResponse, Error> {
    let secret = secret("app");
    let form = request("app", changes);
    let form = parameters(&form);
    let call = ClientCall {
        authorization: Authorization::Basic { name: "app", secret: &secret },
        dpop: DpopField::Proof(proof),
        ..ClientCall::new(&form)
    };
    house.engine.push(&call).await
}

async fn redeem_with(house: &House, dpop: DpopField<'_>, code: &str) -> Result<TokenResponse, Error> {
    let secret = secret("app");
    let authorization = Authorization::Basic { name: "app", secret: &secret };
    let form = redemption(code);
    let form = parameters(&form);
    house.engine.token(&ClientCall { authorization, dpop, ..ClientCall::new(&form) }).await
}

#[tokio::test]
async fn a_proof_binds_the_code() {
    let house = house().await;
    house.client("app", |client| client.first_party = true);
    let session = house.sign_in("alice").await;
    let (own, thief) = (Prover::new(), Prover::new());
    let at_par = json!({ "htu": "https://id.example/par" });
    let jkt = own.jkt();
    let code = async |jti: &str, changes: &[(&str, &str)]| {
        let pushed = push_with(&house, &own.proof(jti, &at_par), changes).await.unwrap();
        let step = house.begin(&by_uri("app", &pushed.request_uri), Some(&session)).await.unwrap();
        code_of(&respond(step))
    };
    for (jti, changes) in [("1", vec![]), ("2", vec![("dpop_jkt", jkt.as_str())])] {
        let stolen = code(&format!("a{jti}"), &changes).await;
        let stranger = thief.proof(jti, &json!({}));
        let error = redeem_with(&house, DpopField::Proof(&stranger), &stolen).await.unwrap_err();
        assert!(matches!(error, Error::InvalidGrant(GrantRefusal::CodeKeyDiffers)), "RFC 9449 §10.1");
        let stolen = code(&format!("b{jti}"), &changes).await;
        let error = redeem_with(&house, DpopField::Absent, &stolen).await.unwrap_err();
        assert!(matches!(error, Error::InvalidGrant(GrantRefusal::CodeKeyDiffers)));
        let code = code(&format!("c{jti}"), &changes).await;
        let proof = own.proof(jti, &json!({}));
        let tokens = redeem_with(&house, DpopField::Proof(&proof), &code).await.unwrap();
        assert_eq!(read_jwt(&tokens.access_token).1["cnf"], json!({ "jkt": jkt }));
    }
    // RFC 9449 §10.1: both, and they differ.
    let error = push_with(&house, &own.proof("d", &at_par), &[("dpop_jkt", &thief.jkt())]).await.unwrap_err();
    assert_eq!((error.status(), error.code()), (400, "invalid_request"));
    let refused = async |proof: &str| match push_with(&house, proof, &[]).await.unwrap_err() {
        Error::InvalidDpopProof(refusal) => refusal,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&own.proof("e", &json!({}))).await, DpopRefusal::Target);
    assert_eq!(refused(&own.proof("d", &at_par)).await, DpopRefusal::Replayed);
    assert_eq!(refused("x").await, DpopRefusal::Malformed);
    // A client whose tokens will be bound to its certificate could never use such a code.
    house.client("app", |client| client.tls_client_certificate_bound_access_tokens = true);
    let error = push_with(&house, &own.proof("f", &at_par), &[]).await.unwrap_err();
    assert!(matches!(error, Error::TwoKeys));
}

#[tokio::test]
async fn a_proof_may_have_to_carry_a_nonce() {
    let change = |settings: &mut countersign_oauth::Settings| settings.dpop_nonce = true;
    let house = House::with(change, countersign_jose::Algorithm::ES256).await;
    house.client("app", |_| {});
    let prover = Prover::new();
    let proof = |jti: &str, nonce: Option<&str>, seconds: i64| {
        let claims = json!({ "htu": "https://id.example/par", "nonce": nonce, "iat": START + seconds });
        prover.proof(jti, &claims)
    };
    let error = push_with(&house, &proof("1", None, 0), &[]).await.unwrap_err();
    assert_eq!((error.status(), error.code()), (400, "use_dpop_nonce"), "RFC 9449 §8");
    let nonce = error.dpop_nonce().unwrap().to_owned();
    assert_eq!(push_with(&house, &proof("1", Some(&nonce), 0), &[]).await.unwrap().dpop_nonce, None);
    house.advance(60);
    let pushed = push_with(&house, &proof("2", Some(&nonce), 60), &[]).await.unwrap();
    assert!(pushed.dpop_nonce.is_some(), "RFC 9449 §8.2");
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
