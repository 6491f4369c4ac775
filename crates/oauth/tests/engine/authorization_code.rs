//! Redeeming a code (RFC 6749 §4.1.3, RFC 7636 §4.6, RFC 9700 §4).

use countersign_jose::Algorithm;
use countersign_model::{AccessTokenFormat, GrantType};
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

#[tokio::test]
async fn a_code_gives_tokens_that_say_who_signed_in() {
    let house = house().await;
    let code = house.code(&request("app", &[("scope", "openid read")])).await;
    house.advance(5);
    let tokens = house.token("app", &redemption(&code)).await.unwrap();
    assert_eq!((tokens.token_type, tokens.expires_in), ("Bearer", Some(600)));

    let (header, claims) = read_jwt(&tokens.access_token);
    assert_eq!((&header["typ"], &header["alg"]), (&"at+jwt".into(), &"ES256".into()));
    assert_eq!(claims["iss"], ISSUER);
    assert_eq!(claims["aud"], ISSUER);
    assert_eq!(claims["sub"], "usr_alice");
    assert_eq!(claims["client_id"], "app");
    assert_eq!(claims["scope"], "openid read");
    assert_eq!(claims["iat"], START + 5);
    assert_eq!(claims["exp"], START + 605);
    assert_eq!(claims["auth_time"], START);
    assert_eq!(claims["amr"], serde_json::json!(["pwd"]));
    assert!(claims["grant_id"].as_str().unwrap().starts_with("grt_"));

    let (header, claims) = read_jwt(tokens.id_token.as_deref().unwrap());
    assert_eq!(header["typ"], "JWT");
    assert_eq!(claims["aud"], "app");
    assert_eq!(claims["nonce"], "n-0");
    assert_eq!(claims["auth_time"], START);
    assert!(claims["sid"].as_str().unwrap().starts_with("ses_"));
    let half = &countersign_model::digest::sha256(tokens.access_token.as_bytes())[..16];
    let expected = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, half);
    assert_eq!(claims["at_hash"], expected);

    let json: serde_json::Value = serde_json::from_slice(&tokens.to_json()).unwrap();
    assert_eq!(json["scope"], "openid read");
    assert!(json["refresh_token"].as_str().unwrap().starts_with("cst_rt_"));
    assert!(!format!("{tokens:?}").contains("cst_rt_"));
}

#[tokio::test]
async fn other_algorithms_sign_as_well() {
    for algorithm in [Algorithm::EdDSA, Algorithm::ES384] {
        let house = House::with(|_| {}, algorithm).await;
        house.client("app", |client| client.first_party = true);
        let tokens = house.tokens("app", "openid").await;
        assert_eq!(read_jwt(&tokens.access_token).0["alg"], algorithm.as_str());
        assert!(house.is_active("app", &tokens.access_token).await);
    }
}

#[tokio::test]
async fn each_check_has_its_reason_and_spends_the_code() {
    let house = house().await;
    let wrong = "x".repeat(43);
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], GrantRefusal);
    let cases: &[Case<'_>] = &[
        ("other", &[], GrantRefusal::CodeForeign),
        ("app", &[("redirect_uri", "https://app.example/cb2")], GrantRefusal::RedirectUriDiffers),
        ("app", &[("redirect_uri", "")], GrantRefusal::RedirectUriDiffers),
        ("app", &[("code_verifier", "")], GrantRefusal::VerifierMissing),
        ("app", &[("code_verifier", &wrong)], GrantRefusal::VerifierWrong),
        // RFC 7636 §4.6: the challenge is no verifier.
        ("app", &[("code_verifier", CHALLENGE)], GrantRefusal::VerifierWrong),
    ];
    for (client, changes, expected) in cases {
        let code = house.code(&request("app", &[])).await;
        let mut form = redemption(&code);
        change(&mut form, changes);
        assert_eq!(refusal(house.token(client, &form).await), *expected);
        let again = house.token("app", &redemption(&code)).await;
        assert_eq!(refusal(again), GrantRefusal::CodeReplayed, "a failed attempt spends the code");
    }
    assert_eq!(refusal(house.token("app", &redemption("guess")).await), GrantRefusal::CodeUnknown);
}

#[tokio::test]
async fn malformed_requests_leave_the_code_alone() {
    let house = house().await;
    let code = house.code(&request("app", &[])).await;
    for (changes, missing) in [
        ([("code_verifier", "short")], "code_verifier"),
        ([("code_verifier", "ä-is-no-unreserved-character-and-this-is-long-enough")], "code_verifier"),
        ([("code", "")], "code"),
        ([("grant_type", "")], "grant_type"),
    ] {
        let mut form = redemption(&code);
        change(&mut form, &changes);
        let error = house.token("app", &form).await.unwrap_err();
        assert_eq!(error.code(), "invalid_request");
        assert!(error.description().ends_with(missing));
    }
    let mut twice = redemption(&code);
    twice.push(("code", "other"));
    assert!(matches!(house.token("app", &twice).await, Err(Error::DuplicateParameter)));
    let mut unknown = redemption(&code);
    unknown.push(("surprise", "ignored"));
    house.token("app", &unknown).await.unwrap();
}

#[tokio::test]
async fn a_code_lives_a_minute() {
    let house = house().await;
    let (one, two) = (house.code(&request("app", &[])).await, house.code(&request("app", &[])).await);
    house.advance(59);
    house.token("app", &redemption(&one)).await.unwrap();
    house.advance(1);
    assert_eq!(refusal(house.token("app", &redemption(&two)).await), GrantRefusal::CodeExpired);
}

#[tokio::test]
async fn a_replay_takes_back_all_that_was_given() {
    let house = house().await;
    house.client("reference", |client| {
        client.first_party = true;
        client.access_token_format = AccessTokenFormat::Reference;
    });
    for id in ["app", "reference"] {
        let code = house.code(&request(id, &[])).await;
        let tokens = house.token(id, &redemption(&code)).await.unwrap();
        assert!(house.is_active(id, &tokens.access_token).await);
        // By another client, even: RFC 9700 §4.2.4.
        assert_eq!(refusal(house.token("other", &redemption(&code)).await), GrantRefusal::CodeReplayed);
        assert!(!house.is_active(id, &tokens.access_token).await);
        let refreshed = house.refresh(id, &tokens.refresh_token.unwrap()).await;
        assert_eq!(refusal(refreshed), GrantRefusal::Revoked);
    }
}

#[tokio::test]
async fn pkce_can_not_be_taken_out_on_the_way() {
    // RFC 9700 §4.8.2: the attacker removes the challenge from the authorization request.
    let house = House::with(|settings| settings.insecure_pkce_optional = true, Algorithm::ES256).await;
    house.client("app", |client| client.first_party = true);
    let without = request("app", &[("code_challenge", ""), ("code_challenge_method", "")]);
    let code = house.code(&without).await;
    assert_eq!(refusal(house.token("app", &redemption(&code)).await), GrantRefusal::VerifierUnexpected);
    let code = house.code(&without).await;
    let mut form = redemption(&code);
    change(&mut form, &[("code_verifier", "")]);
    house.token("app", &form).await.unwrap();
}

#[tokio::test]
async fn an_unnamed_redirect_uri_need_not_be_repeated() {
    let house = house().await;
    for (sent, good) in [("", true), (CALLBACK, true), ("https://evil.example/", false)] {
        let code = house.code(&request("app", &[("redirect_uri", ""), ("scope", "read")])).await;
        let mut form = redemption(&code);
        change(&mut form, &[("redirect_uri", sent)]);
        assert_eq!(house.token("app", &form).await.is_ok(), good, "{sent}");
    }
}

#[tokio::test]
async fn a_disabled_person_gives_nothing_more() {
    let house = house().await;
    let code = house.code(&request("app", &[])).await;
    house.disable_user("alice");
    assert_eq!(refusal(house.token("app", &redemption(&code)).await), GrantRefusal::AccountDisabled);
}

#[tokio::test]
async fn a_client_uses_the_grants_it_is_registered_for() {
    let house = house().await;
    let code = house.code(&request("app", &[])).await;
    house.client("app", |client| client.grant_types = [GrantType::ClientCredentials].into());
    assert!(matches!(house.token("app", &redemption(&code)).await, Err(Error::UnauthorizedClient)));
    for grant_type in ["password", "urn:ietf:params:oauth:grant-type:saml2-bearer", "AUTHORIZATION_CODE"] {
        let error = house.token("app", &[("grant_type", grant_type)]).await.unwrap_err();
        assert_eq!(error.code(), "unsupported_grant_type");
    }
}

#[tokio::test]
async fn a_public_client_needs_its_name_and_its_verifier() {
    let house = House::new().await;
    house.public("spa");
    let code = house.code(&request("spa", &[])).await;
    let tokens = house.token_public("spa", &redemption(&code)).await.unwrap();
    assert!(tokens.refresh_token.is_some() && tokens.id_token.is_some());
}
