//! How answers come: response types and modes, signed and encrypted (JARM).

use countersign_jose::jwe::{self, ContentEncryption, DecryptionKey};
use countersign_model::{Client, Profile, ResponseType, SecretBytes, Session};
use countersign_oauth::{AuthorizationResponse, Delivery, Error};
use serde_json::{Value, json};

use crate::support::*;

async fn house(change: impl FnOnce(&mut Client)) -> (House, Session) {
    let house = House::new().await;
    house.client("app", |client| {
        client.first_party = true;
        change(client);
    });
    let session = house.sign_in("alice").await;
    (house, session)
}

fn oidc(client: &mut Client) {
    client.profile = Profile::Oidc;
    client.authorization.response_types = ResponseType::ALL.into();
}

async fn answer_to(house: &House, session: &Session, changes: &[(&str, &str)]) -> AuthorizationResponse {
    respond(house.begin(&request("app", changes), Some(session)).await.unwrap())
}

fn half_hash(text: &str) -> String {
    use base64::Engine as _;
    let hash = countersign_model::digest::sha256(text.as_bytes());
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&hash[..16])
}

#[tokio::test]
async fn a_form_brings_the_answer_and_the_redirect_uri_stays_clean() {
    let (house, session) = house(|_| {}).await;
    let response = answer_to(&house, &session, &[("response_mode", "form_post")]).await;
    let Delivery::Form(fields) = response.delivery() else { panic!() };
    let names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["code", "state", "iss"]);
    assert_eq!(response.redirect_uri().as_str(), CALLBACK);
    house.token("app", &redemption(&code_of(&response))).await.unwrap();
    // Errors come the same way.
    let response = answer_to(&house, &session, &[("response_mode", "form_post"), ("scope", "admin")]).await;
    assert!(matches!(response.delivery(), Delivery::Form(_)));
    assert_eq!(response.error(), Some("invalid_scope"));
}

#[tokio::test]
async fn jarm_signs_what_goes_through_the_browser() {
    let (house, session) = house(|_| {}).await;
    for mode in ["jwt", "query.jwt", "form_post.jwt"] {
        let response = answer_to(&house, &session, &[("response_mode", mode)]).await;
        let sent = answer(&response);
        assert_eq!(sent.len(), 1, "JARM §2.3: response and nothing else");
        assert_eq!(matches!(response.delivery(), Delivery::Form(_)), mode == "form_post.jwt");
        let token = answered(&response, "response").unwrap();
        let (header, claims) = read_jwt(&token);
        assert_eq!(header["alg"], "ES256");
        let expected = json!([ISSUER, "app", START + 300, "s&t=1"]);
        assert_eq!(
            json!([claims["iss"], claims["aud"], claims["exp"], claims["state"]]),
            expected,
            "JARM §2.1"
        );
        house.token("app", &redemption(claims["code"].as_str().unwrap())).await.unwrap();
    }
    let response = answer_to(&house, &session, &[("response_mode", "jwt"), ("scope", "admin")]).await;
    let (_, claims) = read_jwt(&answered(&response, "response").unwrap());
    assert_eq!(claims["error"], "invalid_scope");
    assert!(answered(&response, "error").is_none() && response.error() == Some("invalid_scope"));
}

#[tokio::test]
async fn jarm_encrypts_where_the_client_has_a_key_for_it() {
    let number = SecretBytes::new(vec![9; 32]);
    let (own, jwk) = DecryptionKey::from_p256_number(&number).unwrap();
    let (house, session) = house(|client| {
        client.jwks = Some(json!({ "keys": [jwk] }));
        client.authorization.authorization_encrypted_response_alg = Some("ECDH-ES".to_owned());
    })
    .await;
    let response = answer_to(&house, &session, &[("response_mode", "jwt")]).await;
    let sealed = answered(&response, "response").unwrap();
    let opened = jwe::parse(&sealed).unwrap().decrypt(&own, &[ContentEncryption::A128CbcHs256]).unwrap();
    let (_, claims) = read_jwt(std::str::from_utf8(opened.expose()).unwrap());
    assert!(claims["code"].is_string());

    house.client("app", |client| {
        client.first_party = true;
        client.authorization.authorization_encrypted_response_alg = Some("ECDH-ES".to_owned());
    });
    let query = request("app", &[("response_mode", "jwt")]);
    let outcome = house.begin(&query, Some(&session)).await;
    assert!(matches!(outcome, Err(Error::ResponseKeyUnavailable)), "never in the clear instead");
}

#[tokio::test]
async fn hybrid_binds_code_and_state_to_the_id_token() {
    let (house, session) = house(oidc).await;
    for (response_type, mode) in
        [("code id_token", ""), ("id_token code", "form_post"), ("code id_token", "jwt")]
    {
        let response =
            answer_to(&house, &session, &[("response_type", response_type), ("response_mode", mode)]).await;
        let parameters: Value = if mode == "jwt" {
            assert!(location(&response).starts_with("https://app.example/cb#response="), "JARM §2.3.4");
            read_jwt(&answered(&response, "response").unwrap()).1
        } else {
            answer(&response).into_iter().map(|(name, value)| (name, Value::from(value))).collect()
        };
        let code = parameters["code"].as_str().unwrap();
        let (_, claims) = read_jwt(parameters["id_token"].as_str().unwrap());
        assert_eq!(claims["c_hash"], half_hash(code), "OpenID Connect Core §3.3.2.11");
        assert_eq!(claims["s_hash"], half_hash("s&t=1"), "FAPI 1.0 part 2 §5.1.1");
        assert_eq!((&claims["nonce"], claims.get("at_hash")), (&json!("n-0"), None));
        let tokens = house.token("app", &redemption(code)).await.unwrap();
        let (_, later) = read_jwt(&tokens.id_token.unwrap());
        assert_eq!((&later["sub"], &later["iss"]), (&claims["sub"], &claims["iss"]));
    }
}

#[tokio::test]
async fn an_id_token_alone_and_nothing_at_all() {
    let (house, session) = house(oidc).await;
    let no_pkce = [("code_challenge", ""), ("code_challenge_method", "")];
    let response =
        answer_to(&house, &session, &[("response_type", "id_token"), no_pkce[0], no_pkce[1]]).await;
    assert!(location(&response).starts_with("https://app.example/cb#id_token="));
    assert!(answered(&response, "code").is_none());
    let (_, claims) = read_jwt(&answered(&response, "id_token").unwrap());
    assert!(claims.get("email").is_none() && claims.get("name").is_none(), "nothing that no scope opens");
    let response = answer_to(&house, &session, &[("response_type", "none"), no_pkce[0], no_pkce[1]]).await;
    let names: Vec<_> = answer(&response).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["state", "iss"], "OAuth 2.0 Multiple Response Types §4");
    assert!(house.memory.tables().codes.is_empty());
}

#[tokio::test]
async fn an_id_token_alone_tells_what_userinfo_would() {
    let (house, session) = house(oidc).await;
    let scopes = ("scope", "openid profile email");
    let told = async |response_type: &str| {
        let response = answer_to(&house, &session, &[("response_type", response_type), scopes]).await;
        read_jwt(&answered(&response, "id_token").unwrap()).1
    };
    let claims = told("id_token").await;
    let claim = |name: &str| claims[name].as_str().unwrap_or_default().to_owned();
    assert_eq!(
        (claim("email"), claim("preferred_username")),
        ("alice@example.org".to_owned(), "alice".to_owned())
    );
    assert_eq!(claims["email_verified"], true, "OpenID Connect Core §5.4");
    let claims = told("code id_token").await;
    assert!(claims.get("email").is_none(), "what the code leads to says it, and no browser reads along");
}

#[tokio::test]
async fn an_id_token_needs_a_nonce_and_openid_and_never_stands_in_a_query() {
    let (house, session) = house(oidc).await;
    let cases: [(&[(&str, &str)], &str); 4] = [
        (&[("nonce", "")], "invalid_request"),
        (&[("scope", "read")], "invalid_scope"),
        (&[("response_mode", "query")], "invalid_request"),
        (&[("response_mode", "query.jwt")], "invalid_request"),
    ];
    for (changes, expected) in cases {
        let mut all = vec![("response_type", "code id_token")];
        all.extend(changes);
        let response = answer_to(&house, &session, &all).await;
        assert_eq!(response.error(), Some(expected), "{changes:?}");
        assert!(location(&response).contains('#'), "the error comes where the answer would");
    }
}

#[tokio::test]
async fn a_type_or_mode_nobody_registered_is_refused() {
    let (house, session) = house(|client| client.profile = Profile::Oidc).await;
    let response = answer_to(&house, &session, &[("response_type", "code id_token")]).await;
    assert_eq!(response.error(), Some("unsupported_response_type"), "the profile allows, the client has not");
    let (house, session) = self::house(|client| {
        client.authorization.response_types = ResponseType::ALL.into();
    })
    .await;
    for wanted in ["code id_token", "id_token", "none"] {
        let response = answer_to(&house, &session, &[("response_type", wanted)]).await;
        assert_eq!(
            response.error(),
            Some("unsupported_response_type"),
            "the client has, the profile forbids"
        );
    }
}

#[tokio::test]
async fn the_wanted_algorithm_or_none() {
    let (house, session) = house(|client| {
        client.authorization.authorization_signed_response_alg = Some("PS256".to_owned());
    })
    .await;
    let query = request("app", &[("response_mode", "jwt")]);
    let error = house.begin(&query, Some(&session)).await.unwrap_err();
    assert!(error.is_ours(), "a server without that key says so to nobody else: {error}");
}
