//! The authorization endpoint: every check with its error, and every way through the pages.

use std::sync::Arc;

use countersign_jose::Algorithm;
use countersign_model::{ClientStatus, GrantType, OptionalScopes, TokenHash, UserId};
use countersign_oauth::{Consent, ConsentRequest, Error, Step};

use crate::support::*;

async fn house() -> House {
    let house = House::new().await;
    house.client("app", |client| {
        client.redirect_uris.push("https://app.example/other?a=1".to_owned());
        client.audiences = vec!["https://api.example/".to_owned()];
    });
    house
}

/// The error code sent back to the client.
async fn sent_back(house: &House, changes: &[(&str, &str)]) -> Option<String> {
    let session = house.sign_in("alice").await;
    let step = house.begin(&request("app", changes), Some(&session)).await.unwrap();
    match step {
        Step::Respond(response) => {
            assert_eq!(answered(&response, "iss").as_deref(), Some(ISSUER), "RFC 9207");
            answered(&response, "error")
        }
        Step::SignIn(_) | Step::Consent(_) => None,
    }
}

#[tokio::test]
async fn what_can_not_be_trusted_is_shown_and_never_sent() {
    let house = house().await;
    house.client("off", |client| client.status = ClientStatus::Disabled);
    house.client("none", |client| client.redirect_uris.clear());
    let mut double = request("app", &[]);
    double.push(("client_id", "app"));
    let mut twice = request("app", &[]);
    twice.push(("redirect_uri", "https://evil.example/"));
    let cases = [
        (request("nobody", &[]), "client_id names no client of this server"),
        (request("app", &[("client_id", "")]), "missing parameter: client_id"),
        (request("off", &[]), "this client is disabled"),
        (
            request("app", &[("redirect_uri", "https://evil.example/")]),
            "redirect_uri is not registered for this client",
        ),
        (
            request("app", &[("redirect_uri", "https://app.example/cb#f")]),
            "redirect_uri is not registered for this client",
        ),
        (request("app", &[("redirect_uri", "")]), "redirect_uri is missing"),
        (request("app", &[("redirect_uri", ""), ("scope", "read openid")]), "redirect_uri is missing"),
        (request("none", &[]), "redirect_uri is not registered for this client"),
        (request("none", &[("redirect_uri", "")]), "redirect_uri is missing"),
        (double, "a parameter is given more than once"),
        (twice, "a parameter is given more than once"),
    ];
    for (query, expected) in cases {
        let error = house.begin(&query, None).await.unwrap_err();
        assert_eq!(error.description(), expected);
        assert_eq!(error.status(), 400);
    }
}

#[tokio::test]
async fn every_other_error_goes_back_with_state_and_issuer() {
    let house = house().await;
    let long = "n".repeat(513);
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[("registration", "{}")], "registration_not_supported"),
        (&[("response_type", "")], "invalid_request"),
        (&[("response_type", "token")], "unsupported_response_type"),
        (&[("response_type", "code id_token")], "unsupported_response_type"),
        (&[("response_mode", "fragment")], "invalid_request"),
        (&[("response_mode", "fragment.jwt")], "invalid_request"),
        (&[("response_mode", "post")], "invalid_request"),
        (&[("response_type", "none")], "unsupported_response_type"),
        (&[("response_type", "id_token")], "unsupported_response_type"),
        (&[("authorization_details", "[]")], "invalid_authorization_details"),
        (&[("code_challenge", "")], "invalid_request"),
        (&[("code_challenge_method", "plain")], "invalid_request"),
        (&[("code_challenge_method", "")], "invalid_request"),
        (&[("code_challenge", "short")], "invalid_request"),
        (&[("scope", "admin")], "invalid_scope"),
        (&[("scope", "a\"b")], "invalid_scope"),
        (&[("resource", "https://other.example/")], "invalid_target"),
        (&[("resource", "not a uri")], "invalid_target"),
        (&[("resource", "https://api.example/#f")], "invalid_target"),
        (&[("nonce", &long)], "invalid_request"),
        (&[("prompt", "maybe")], "invalid_request"),
        (&[("prompt", "none login")], "invalid_request"),
        (&[("max_age", "-1")], "invalid_request"),
        (&[("max_age", "+1")], "invalid_request"),
        (&[("max_age", "99999999999")], "invalid_request"),
        (&[("id_token_hint", "x.y.z")], "invalid_request"),
    ];
    for (changes, expected) in cases {
        assert_eq!(sent_back(&house, changes).await.as_deref(), Some(*expected), "{changes:?}");
    }
    let response = respond(house.begin(&request("app", &[("scope", "admin")]), None).await.unwrap());
    assert_eq!(answered(&response, "state").as_deref(), Some("s&t=1"));
    assert_eq!(response.error(), Some("invalid_scope"));
    assert!(house.memory.tables().interactions.is_empty(), "nothing waits for a bad request");
}

#[tokio::test]
async fn duplicates_go_back_too_and_a_doubled_state_is_not_echoed() {
    let house = house().await;
    let mut query = request("app", &[]);
    query.push(("state", "other"));
    let response = respond(house.begin(&query, None).await.unwrap());
    assert_eq!(answered(&response, "error").as_deref(), Some("invalid_request"));
    assert_eq!(answered(&response, "state"), None);
    let mut query = request("app", &[("resource", "https://api.example/")]);
    query.push(("resource", "https://api.example/"));
    assert!(matches!(house.begin(&query, None).await.unwrap(), Step::SignIn(_)), "resource may repeat");
}

#[tokio::test]
async fn a_client_without_the_grant_is_told_so() {
    let house = House::new().await;
    house.client("app", |client| client.grant_types = [GrantType::ClientCredentials].into());
    assert_eq!(sent_back(&house, &[]).await.as_deref(), Some("unauthorized_client"));
}

#[tokio::test]
async fn the_answer_joins_the_query_that_is_there() {
    let house = house().await;
    let query = request("app", &[("redirect_uri", "https://app.example/other?a=1"), ("scope", "admin")]);
    let response = respond(house.begin(&query, None).await.unwrap());
    let sent_to = location(&response);
    assert!(sent_to.starts_with("https://app.example/other?a=1&error=invalid_scope&"), "{sent_to}");
    assert!(sent_to.contains("state=s%26t%3D1"));
}

#[tokio::test]
async fn a_person_signs_in_agrees_and_a_code_goes_out() {
    let house = house().await;
    let step = house.begin(&request("app", &[("login_hint", "alice")]), None).await.unwrap();
    let Step::SignIn(sign_in) = step else { panic!("{step:?}") };
    assert_eq!(sign_in.login_hint.as_deref(), Some("alice"));
    let interaction = sign_in.interaction.expose();
    let again = house.engine.resume(interaction, None, &house.browser).await.unwrap();
    assert!(matches!(again, Step::SignIn(_)));

    let session = house.sign_in("alice").await;
    let step = house.engine.resume(interaction, Some(&session), &house.browser).await.unwrap();
    let Step::Consent(consent) = step else { panic!("{step:?}") };
    assert_eq!((consent.scopes.to_string().as_str(), consent.granted.is_empty()), ("openid read", true));
    assert_eq!(consent.redirect_uri.as_str(), CALLBACK);

    let given = house
        .engine
        .consent_given(interaction, &session, &house.browser, &scopes("openid read"))
        .await
        .unwrap();
    let response = respond(given);
    assert!(location(&response).starts_with("https://app.example/cb?code="));
    assert_eq!(answered(&response, "state").as_deref(), Some("s&t=1"));
    assert_eq!(answered(&response, "iss").as_deref(), Some(ISSUER));

    // Once: the page sent again finds nothing.
    let again = house.engine.consent_given(interaction, &session, &house.browser, &scopes("read")).await;
    assert!(matches!(again, Err(Error::UnknownInteraction)));
    // Agreed once, not asked again, unless there is more or it is demanded.
    assert!(matches!(house.begin(&request("app", &[]), Some(&session)).await.unwrap(), Step::Respond(_)));
    let more = request("app", &[("scope", "openid read write")]);
    let Step::Consent(consent) = house.begin(&more, Some(&session)).await.unwrap() else { panic!() };
    assert_eq!(consent.granted.to_string(), "openid read");
    let demanded = request("app", &[("prompt", "consent")]);
    assert!(matches!(house.begin(&demanded, Some(&session)).await.unwrap(), Step::Consent(_)));
}

#[tokio::test]
async fn some_scopes_or_none_may_be_given() {
    let house = house().await;
    house.client("app", |client| client.optional_scopes = OptionalScopes::Named(scopes("openid read write")));
    let session = house.sign_in("alice").await;
    let query = request("app", &[("scope", "openid read write")]);
    let Step::Consent(asked) = house.begin(&query, Some(&session)).await.unwrap() else { panic!() };
    assert_eq!(asked.optional.to_string(), "read write", "openid is the question itself");
    let agree = async |asked: &ConsentRequest, agreed: &str| {
        let (name, agreed) = (asked.interaction.expose(), scopes(agreed));
        house.engine.consent_given(name, &session, &house.browser, &agreed).await.unwrap()
    };
    let code = code_of(&respond(agree(&asked, "read admin").await));
    let tokens = house.token("app", &redemption(&code)).await.unwrap();
    assert_eq!(tokens.scope.to_string(), "openid read", "never more than was asked for");
    let (_, claims) = read_jwt(&tokens.access_token);
    assert_eq!(claims["scope"], "openid read");
    let json: serde_json::Value = serde_json::from_slice(&tokens.to_json()).unwrap();
    assert_eq!(json["scope"], "openid read", "RFC 6749 §5.1: told where it differs");
    // Its refresh token gives no more either.
    let refreshed = house.refresh("app", tokens.refresh_token.as_deref().unwrap()).await.unwrap();
    assert_eq!(refreshed.scope.to_string(), "openid read");

    // Not asked for again, and not given either.
    let code = code_of(&respond(house.begin(&query, Some(&session)).await.unwrap()));
    assert_eq!(house.token("app", &redemption(&code)).await.unwrap().scope.to_string(), "openid read");
    // Asked for alone, or in so many words, it is: and shown as it was left.
    for query in [request("app", &[("scope", "write")]), {
        let mut query = query.clone();
        query.push(("prompt", "consent"));
        query
    }] {
        let Step::Consent(asked) = house.begin(&query, Some(&session)).await.unwrap() else { panic!() };
        assert_eq!(asked.left_out.to_string(), "write");
    }

    let query = request("app", &[("scope", "write")]);
    let Step::Consent(asked) = house.begin(&query, Some(&session)).await.unwrap() else { panic!() };
    assert_eq!(respond(agree(&asked, "").await).error(), Some("access_denied"));
}

#[tokio::test]
async fn what_can_not_be_left_out_is_asked_again() {
    let house = house().await;
    house.client("app", |client| client.optional_scopes = OptionalScopes::Named(scopes("write")));
    let session = house.sign_in("alice").await;
    let query = request("app", &[("scope", "openid read write")]);
    let Step::Consent(asked) = house.begin(&query, Some(&session)).await.unwrap() else { panic!() };
    let name = asked.interaction.expose();
    let agree = async |agreed: &str| {
        house.engine.consent_given(name, &session, &house.browser, &scopes(agreed)).await.unwrap()
    };
    // No page of ours sends that: nothing is read into it, nothing is spent.
    for forged in ["", "write", "openid write", "admin"] {
        assert!(matches!(agree(forged).await, Step::Consent(_)), "{forged}");
    }
    let code = code_of(&respond(agree("read").await));
    assert_eq!(house.token("app", &redemption(&code)).await.unwrap().scope.to_string(), "openid read");
    // The client can't do without it any more: the person has to say so.
    house.client("app", |_| {});
    assert!(matches!(house.begin(&query, Some(&session)).await.unwrap(), Step::Consent(_)));
}

#[tokio::test]
async fn saying_no_is_an_answer_and_ends_the_waiting() {
    let house = house().await;
    let Step::SignIn(asked) = house.begin(&request("app", &[]), None).await.unwrap() else { panic!() };
    let name = asked.interaction.expose();
    let response = house.engine.denied(name, &house.browser).await.unwrap();
    assert_eq!(response.error(), Some("access_denied"));
    assert!(matches!(house.engine.denied(name, &house.browser).await, Err(Error::UnknownInteraction)));
}

#[tokio::test]
async fn a_waiting_request_is_one_browsers_and_not_for_ever() {
    let house = house().await;
    let Step::SignIn(asked) = house.begin(&request("app", &[]), None).await.unwrap() else { panic!() };
    let name = asked.interaction.expose();
    let session = house.sign_in("alice").await;
    let other = TokenHash::of(b"another browser");
    // RFC 9700 §4.7: an attacker who began it can't have somebody else finish it.
    assert!(matches!(
        house.engine.resume(name, Some(&session), &other).await,
        Err(Error::UnknownInteraction)
    ));
    assert!(matches!(house.engine.denied(name, &other).await, Err(Error::UnknownInteraction)));
    assert!(matches!(
        house.engine.resume("guess", Some(&session), &house.browser).await,
        Err(Error::UnknownInteraction)
    ));
    house.advance(1_800);
    assert!(matches!(
        house.engine.resume(name, Some(&session), &house.browser).await,
        Err(Error::UnknownInteraction)
    ));
}

#[tokio::test]
async fn a_client_disabled_meanwhile_gets_nothing() {
    let house = house().await;
    let Step::SignIn(asked) = house.begin(&request("app", &[]), None).await.unwrap() else { panic!() };
    house.client("app", |client| client.status = ClientStatus::Disabled);
    let session = house.sign_in("alice").await;
    let step = house.engine.resume(asked.interaction.expose(), Some(&session), &house.browser).await;
    assert!(matches!(step, Err(Error::DisabledClient)));
}

#[tokio::test]
async fn prompt_none_asks_nobody() {
    let house = house().await;
    let query = request("app", &[("prompt", "none")]);
    let response = respond(house.begin(&query, None).await.unwrap());
    assert_eq!(response.error(), Some("login_required"));
    let session = house.sign_in("alice").await;
    let response = respond(house.begin(&query, Some(&session)).await.unwrap());
    assert_eq!(response.error(), Some("consent_required"));
    house.client("app", |client| client.first_party = true);
    code_of(&respond(house.begin(&query, Some(&session)).await.unwrap()));
    assert!(house.memory.tables().interactions.is_empty());
}

#[tokio::test]
async fn prompt_login_wants_a_sign_in_newer_than_the_request() {
    for prompt in ["login", "select_account"] {
        let house = house().await;
        house.client("app", |client| client.first_party = true);
        let old = house.sign_in("alice").await;
        let older = house.sign_in("alice").await;
        house.advance(1);
        let query = request("app", &[("prompt", prompt)]);
        let Step::SignIn(asked) = house.begin(&query, Some(&old)).await.unwrap() else { panic!() };
        let name = asked.interaction.expose();
        for session in [&old, &older] {
            let step = house.engine.resume(name, Some(session), &house.browser).await.unwrap();
            assert!(matches!(step, Step::SignIn(_)), "an old sign-in will not do");
        }
        let new = house.sign_in("alice").await;
        code_of(&respond(house.engine.resume(name, Some(&new), &house.browser).await.unwrap()));
    }
}

#[tokio::test]
async fn prompt_login_is_not_fooled_when_no_time_passes() {
    let house = house().await;
    house.client("app", |client| client.first_party = true);
    let old = house.sign_in("alice").await;
    let Step::SignIn(asked) = house.begin(&request("app", &[("prompt", "login")]), Some(&old)).await.unwrap()
    else {
        panic!()
    };
    let step = house.engine.resume(asked.interaction.expose(), Some(&old), &house.browser).await.unwrap();
    assert!(matches!(step, Step::SignIn(_)));
}

#[tokio::test]
async fn max_age_is_how_old_a_sign_in_may_be() {
    let house = house().await;
    house.client("app", |client| client.first_party = true);
    let session = house.sign_in("alice").await;
    house.advance(60);
    let young = request("app", &[("max_age", "60")]);
    assert!(matches!(house.begin(&young, Some(&session)).await.unwrap(), Step::Respond(_)));
    house.advance(1);
    let Step::SignIn(asked) = house.begin(&young, Some(&session)).await.unwrap() else { panic!() };
    let none = request("app", &[("max_age", "60"), ("prompt", "none")]);
    assert_eq!(respond(house.begin(&none, Some(&session)).await.unwrap()).error(), Some("login_required"));
    let new = house.sign_in("alice").await;
    let step = house.engine.resume(asked.interaction.expose(), Some(&new), &house.browser).await.unwrap();
    code_of(&respond(step));

    // max_age=0 is prompt=login (OpenID Connect Core §3.1.2.1), and ends once the person has signed in.
    let zero = request("app", &[("max_age", "0")]);
    let Step::SignIn(asked) = house.begin(&zero, Some(&new)).await.unwrap() else { panic!() };
    let newest = house.sign_in("alice").await;
    let step = house.engine.resume(asked.interaction.expose(), Some(&newest), &house.browser).await.unwrap();
    code_of(&respond(step));
}

#[tokio::test]
async fn an_id_token_hint_names_the_person_who_must_be_there() {
    let house = house().await;
    house.client("app", |client| client.first_party = true);
    let hint = house.tokens("app", "openid").await.id_token.unwrap();
    house.user("bob");
    let (alice, bob) = (house.sign_in("alice").await, house.sign_in("bob").await);
    house.advance(700);
    let query = request("app", &[("id_token_hint", &hint)]);
    assert!(matches!(house.begin(&query, Some(&alice)).await.unwrap(), Step::Respond(_)), "expired is fine");
    assert!(matches!(house.begin(&query, Some(&bob)).await.unwrap(), Step::SignIn(_)));
    let access = house.tokens("app", "openid").await.access_token;
    let query = request("app", &[("id_token_hint", &access)]);
    assert_eq!(respond(house.begin(&query, None).await.unwrap()).error(), Some("invalid_request"));
}

#[tokio::test]
async fn what_was_agreed_says_nothing_where_anybody_could_pose_as_the_client() {
    let house = House::new().await;
    house.client("cli", |client| {
        client.authentication = countersign_model::ClientAuthentication::None;
        client.redirect_uris = vec!["http://127.0.0.1/cb".to_owned()];
    });
    let session = house.sign_in("alice").await;
    let consented = (UserId::from("usr_alice"), countersign_model::ClientId::from("cli"));
    let consent = Consent { granted: scopes("openid read"), declined: scopes("") };
    house.memory.tables().consents.insert(consented, consent);
    let query = request("cli", &[("redirect_uri", "http://127.0.0.1:49152/cb")]);
    assert!(matches!(house.begin(&query, Some(&session)).await.unwrap(), Step::Consent(_)));
    let client = house.memory.tables().clients[&countersign_model::ClientId::from("cli")].clone();
    let mut client = Arc::unwrap_or_clone(client);
    client.first_party = true;
    house.memory.tables().clients.insert(client.client_id.clone(), Arc::new(client));
    assert!(matches!(house.begin(&query, Some(&session)).await.unwrap(), Step::Respond(_)));
}

#[tokio::test]
async fn who_asks_for_nothing_asks_all_the_same() {
    let house = house().await;
    for id in ["app", "web"] {
        house.client(id, |client| client.default_scopes = scopes(""));
    }
    house.client("page", |client| client.grant_types = [GrantType::AuthorizationCode].into());
    let session = house.sign_in("alice").await;
    // No scope at all, an empty one, and one of which nothing is left.
    for (id, scope) in [("app", ""), ("web", ""), ("page", "offline_access")] {
        house.memory.tables().consents.clear();
        let query = request(id, &[("scope", scope)]);
        let none = [("scope", scope), ("prompt", "none")];
        let quietly = house.begin(&request(id, &none), Some(&session)).await.unwrap();
        assert_eq!(respond(quietly).error(), Some("consent_required"), "{id}: {scope}");
        let step = house.begin(&query, Some(&session)).await.unwrap();
        let Step::Consent(asked) = step else { panic!("{id}, {scope}: {step:?}") };
        assert!(asked.scopes.is_empty());
        let name = asked.interaction.expose();
        let again = house.engine.resume(name, Some(&session), &house.browser).await.unwrap();
        assert!(matches!(again, Step::Consent(_)), "looking again is no answer");
        let agreed = house.engine.consent_given(name, &session, &house.browser, &scopes("")).await.unwrap();
        code_of(&respond(agreed));
        // It is remembered, for this client and this person, and for nothing more.
        let quietly = house.begin(&request(id, &none), Some(&session)).await.unwrap();
        assert_eq!(respond(quietly).error(), None, "{id}: {scope}");
        let other = request(if id == "app" { "web" } else { "app" }, &[("scope", scope)]);
        assert!(matches!(house.begin(&other, Some(&session)).await.unwrap(), Step::Consent(_)));
        let more = request(id, &[("scope", "openid")]);
        assert!(matches!(house.begin(&more, Some(&session)).await.unwrap(), Step::Consent(_)));
    }
}

#[tokio::test]
async fn offline_access_without_the_grant_is_ignored() {
    let house = House::new().await;
    house.client("app", |client| client.grant_types = [GrantType::AuthorizationCode].into());
    let tokens = house.tokens("app", "openid offline_access").await;
    assert_eq!(tokens.scope.to_string(), "openid");
    assert!(tokens.refresh_token.is_none());
}

#[tokio::test]
async fn pkce_may_be_left_to_confidential_clients_and_never_to_public_ones() {
    let house = House::with(|settings| settings.insecure_pkce_optional = true, Algorithm::ES256).await;
    house.client("app", |_| {});
    house.public("spa");
    let without = [("code_challenge", ""), ("code_challenge_method", "")];
    let step = house.begin(&request("app", &without), None).await.unwrap();
    assert!(matches!(step, Step::SignIn(_)));
    let response = respond(house.begin(&request("spa", &without), None).await.unwrap());
    assert_eq!(response.error(), Some("invalid_request"));
    let half = [("code_challenge", "")];
    let response = respond(house.begin(&request("app", &half), None).await.unwrap());
    assert_eq!(response.error(), Some("invalid_request"), "a method without a challenge");
}

#[tokio::test]
async fn a_store_out_of_order_is_our_fault_and_redirects_nobody() {
    let house = house().await;
    house.set_broken(true);
    let error = house.begin(&request("app", &[]), None).await.unwrap_err();
    assert!(error.is_ours() && error.status() == 503 && error.code() == "temporarily_unavailable");
    assert!(!error.to_json().contains("disk"));
}
