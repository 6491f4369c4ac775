//! RFC 9700 §4, attack by attack, as far as the engine can stop it. What is a matter of HTTP is tested in `server`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_oauth::{ClientCall, DpopField, Error, GrantRefusal, Step};

use crate::dpop::Prover;
use crate::support::*;

async fn house() -> House {
    let house = House::new().await;
    house.client("app", |client| client.first_party = true);
    house.client("evil", |client| {
        client.first_party = true;
        client.redirect_uris = vec!["https://evil.example/cb".to_owned()];
    });
    house
}

/// §4.1: insufficient redirect URI validation.
#[tokio::test]
async fn section_4_1_redirect_uris_are_equal_to_the_letter() {
    let house = house().await;
    for uri in [
        "https://app.example/cb/",
        "https://app.example/cb?next=https://evil.example",
        "https://app.example/cb/../../evil",
        "https://app.example.evil.example/cb",
        "https://app.example@evil.example/cb",
        "https://evil.example/?https://app.example/cb",
        "//app.example/cb",
        "https://evil.example/cb",
    ] {
        let error = house.begin(&request("app", &[("redirect_uri", uri)]), None).await.unwrap_err();
        assert!(matches!(error, Error::RedirectUriUnregistered), "{uri}");
    }
}

/// §4.2.4 and §4.5: a code that leaked or was injected is of no use to another client, another session or twice.
#[tokio::test]
async fn section_4_5_a_code_is_its_clients_and_its_challenges() {
    let house = house().await;
    let refused = |result: Result<_, Error>| match result.map(|_: countersign_oauth::TokenResponse| ()) {
        Err(Error::InvalidGrant(reason)) => reason,
        other => panic!("{other:?}"),
    };
    // The attacker has the code and sends it from his own client.
    let code = house.code(&request("app", &[])).await;
    assert_eq!(refused(house.token("evil", &redemption(&code)).await), GrantRefusal::CodeForeign);
    // The attacker puts the victim's code into his own session at the client, which has another verifier.
    let code = house.code(&request("app", &[])).await;
    let mut form = redemption(&code);
    change(&mut form, &[("code_verifier", "a-verifier-of-the-attackers-own-session-000001")]);
    assert_eq!(refused(house.token("app", &form).await), GrantRefusal::VerifierWrong);
}

/// §4.8.2: PKCE downgrade.
#[tokio::test]
async fn section_4_8_pkce_is_not_taken_out() {
    let house = house().await;
    let without = [("code_challenge", ""), ("code_challenge_method", "")];
    assert!(respond(house.begin(&request("app", &without), None).await.unwrap()).error().is_some());
    let plain = [("code_challenge_method", "plain")];
    assert!(respond(house.begin(&request("app", &plain), None).await.unwrap()).error().is_some());
    // Where a nonce may stand in for PKCE, a verifier without a challenge shows that somebody took it out.
    house.client("app", |client| {
        client.first_party = true;
        client.profile = countersign_model::Profile::Oidc;
    });
    let code = house.code(&request("app", &without)).await;
    let outcome = house.token("app", &redemption(&code)).await;
    assert!(matches!(outcome, Err(Error::InvalidGrant(GrantRefusal::VerifierUnexpected))));
}

/// §4.4: mix-up. The client learns from `iss` who answers, in every mode and in errors.
#[tokio::test]
async fn section_4_4_every_answer_names_its_issuer() {
    let house = house().await;
    let session = house.sign_in("alice").await;
    for mode in ["query", "form_post", "jwt"] {
        for scope in ["read", "admin"] {
            let query = request("app", &[("response_mode", mode), ("scope", scope)]);
            let response = respond(house.begin(&query, Some(&session)).await.unwrap());
            let issuer = match mode {
                "jwt" => {
                    read_jwt(&answered(&response, "response").unwrap()).1["iss"].as_str().map(str::to_owned)
                }
                _ => answered(&response, "iss"),
            };
            assert_eq!(issuer.as_deref(), Some(ISSUER), "{mode} {scope}: RFC 9207");
        }
    }
}

/// §4.7: cross-site request forgery, and who finishes what another began.
#[tokio::test]
async fn section_4_7_a_waiting_request_is_one_browsers() {
    let house = house().await;
    let pushed = house.pushed("app").await;
    let query = [("client_id", "app"), ("request_uri", pushed.as_str())];
    let Step::SignIn(asked) = house.begin(&query, None).await.unwrap() else { panic!() };
    let victim = house.sign_in("alice").await;
    let elsewhere = countersign_model::TokenHash::of(b"the victim's browser");
    let outcome = house.engine.resume(asked.interaction.expose(), Some(&victim), &elsewhere).await;
    assert!(matches!(outcome, Err(Error::UnknownInteraction)));
}

/// §4.11: open redirection. Nothing goes to an address that was not verified, whatever else is wrong.
#[tokio::test]
async fn section_4_11_no_error_leaves_for_an_unverified_address() {
    let house = house().await;
    let elsewhere = ("redirect_uri", "https://evil.example/cb");
    for wrong in [
        ("response_type", "token"),
        ("scope", "admin"),
        ("prompt", "none"),
        ("response_mode", "form_post"),
        ("request", "x.y.z"),
        ("request_uri", "https://evil.example/r"),
        ("request_uri", "urn:ietf:params:oauth:request_uri:guess"),
    ] {
        assert!(house.begin(&request("app", &[elsewhere, wrong]), None).await.is_err(), "{wrong:?}");
    }
}

/// §4.3.1 and §4.2.1: what a referrer, a log or the history of a browser would keep. No token stands in a query.
#[tokio::test]
async fn section_4_3_no_token_in_a_query() {
    let house = house().await;
    let metadata: serde_json::Value = serde_json::from_slice(&house.engine.metadata()).unwrap();
    let types = metadata["response_types_supported"].as_array().unwrap();
    let words = |entry: &serde_json::Value| entry.as_str().unwrap().split(' ').any(|word| word == "token");
    assert!(!types.iter().any(words), "RFC 9700 §2.1.2: {types:?}");
}

/// §4.15: a client that poses as a person. A client that chose its own name gets no token whose subject is a person's.
#[tokio::test]
async fn section_4_15_subjects_of_people_are_not_names_of_clients() {
    let house = house().await;
    let tokens = house.token("app", &[("grant_type", "client_credentials")]).await.unwrap();
    let (_, claims) = read_jwt(&tokens.access_token);
    assert_eq!((&claims["sub"], &claims["client_id"]), (&"app".into(), &"app".into()));
    assert!(claims.get("auth_time").is_none() && claims.get("grant_id").is_none());
}

/// §4.6: access token injection. An access token comes from the token endpoint alone, beside an ID token that names its
/// hash, so a client notices one that was put in its place.
#[tokio::test]
async fn section_4_6_the_id_token_names_its_access_token() {
    let house = house().await;
    let (one, two) = (house.tokens("app", "openid read").await, house.tokens("app", "openid read").await);
    let half = |token: &str| {
        let hash = countersign_model::digest::sha256(token.as_bytes());
        URL_SAFE_NO_PAD.encode(&hash[..16])
    };
    let at_hash = read_jwt(one.id_token.as_deref().unwrap()).1["at_hash"].clone();
    assert_eq!(at_hash, half(&one.access_token).as_str(), "OpenID Connect Core §3.1.3.6");
    assert_ne!(at_hash, half(&two.access_token).as_str());
    let session = house.sign_in("alice").await;
    for response_type in ["token", "id_token token", "code token", "code id_token token"] {
        let query = request("app", &[("response_type", response_type)]);
        let response = respond(house.begin(&query, Some(&session)).await.unwrap());
        assert_eq!(response.error(), Some("unsupported_response_type"), "{response_type}");
    }
}

/// §4.9: what leaks at a resource server. A counterfeit one is no audience of any token (§4.9.1), and a token of one that
/// was broken into is for that one alone (§4.9.2).
#[tokio::test]
async fn section_4_9_a_token_is_for_one_resource_that_is_known() {
    let house = house().await;
    house.client("app", |client| {
        client.first_party = true;
        client.audiences = vec!["https://one.example/".to_owned(), "https://two.example/".to_owned()];
    });
    house.client("one", |client| client.may_introspect = true);
    let own = [("grant_type", "client_credentials"), ("resource", "https://counterfeit.example/")];
    assert!(matches!(house.token("app", &own).await, Err(Error::InvalidTarget)));
    let own = [("grant_type", "client_credentials"), ("resource", "https://one.example/")];
    let token = house.token("app", &own).await.unwrap().access_token;
    assert_eq!(read_jwt(&token).1["aud"], "https://one.example/");
    assert_eq!(house.introspect("one", &token).await["aud"], "https://one.example/");
    // Nor can whoever holds it turn it into another: it is no refresh token, no code, and no rule exchanges it.
    assert!(house.refresh("app", &token).await.is_err());
    assert!(house.token("app", &redemption(&token)).await.is_err());
}

/// §4.10: stolen access tokens, and §4.14: stolen refresh tokens. Bound to a key they are of no use without it; one that
/// is not bound comes back spent, and ends with everything that came of it.
#[tokio::test]
async fn section_4_10_and_4_14_what_is_stolen_is_bound_or_found_out() {
    let house = house().await;
    house.public("spa");
    let (own, thief) = (Prover::new(), Prover::new());
    let ask = async |proof: &str, form: &[(&str, &str)]| {
        let mut form = form.to_vec();
        form.push(("client_id", "spa"));
        let form = parameters(&form);
        let call = ClientCall { dpop: DpopField::Proof(proof), ..ClientCall::new(&form) };
        house.engine.token(&call).await
    };
    let none = serde_json::json!({});
    let code = house.code(&request("spa", &[])).await;
    let tokens = ask(&own.proof("1", &none), &redemption(&code)).await.unwrap();
    assert_eq!(read_jwt(&tokens.access_token).1["cnf"]["jkt"], own.jkt().as_str(), "§4.10.1");
    let refresh = tokens.refresh_token.unwrap();
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    let refused = ask(&thief.proof("1", &none), &form).await;
    assert!(matches!(refused, Err(Error::InvalidGrant(GrantRefusal::RefreshKeyDiffers))), "§4.14.2");

    let tokens = house.tokens("app", "read offline_access").await;
    let stolen = tokens.refresh_token.unwrap();
    house.refresh("app", &stolen).await.unwrap();
    house.advance(60);
    let replayed = house.refresh("app", &stolen).await;
    assert!(matches!(replayed, Err(Error::InvalidGrant(GrantRefusal::RefreshReplayed))), "§4.14.2");
    assert!(!house.is_active("app", &tokens.access_token).await);
}
