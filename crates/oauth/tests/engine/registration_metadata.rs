//! What a client may register beyond RFC 7591 §2: how it is known, what its tokens are bound to, how it asks and how it is
//! answered.

use countersign_jose::{Algorithm, SigningKey, jws};
use countersign_keys::MasterKey;
use countersign_model::*;
use countersign_oauth::{Authorization, ClientCall, Error, RegisteredClient, Settings};
use serde_json::{Value, json};

use crate::register::{metadata, open, told};
use crate::support::*;

fn everything(settings: &mut Settings) {
    open(settings);
    settings.mtls_url = Some("https://mtls.id.example".to_owned());
    settings.master_key = Some(MasterKey::generate(&SystemRng).unwrap());
    settings.registration.profiles = Profile::ALL.to_vec();
    settings.registration.authorization_details_types.insert("payment".to_owned());
}

async fn house() -> House {
    House::with(everything, Algorithm::ES256).await
}

fn jwks() -> Value {
    json!({"keys": [SigningKey::generate(Algorithm::ES256).unwrap().public_jwk_value().unwrap()]})
}

fn kept(house: &House, registered: &RegisteredClient) -> Client {
    Client::clone(&house.memory.tables().clients[&registered.client.client_id])
}

#[tokio::test]
async fn everything_that_is_registered_is_kept_and_told() {
    let house = house().await;
    let common = json!({
        "jwks": jwks(),
        "require_pushed_authorization_requests": true,
        "require_signed_request_object": true,
        "request_object_signing_alg": "ES256",
        "request_object_encryption_alg": "ECDH-ES",
        "request_object_encryption_enc": "A256GCM",
        "request_uris": ["https://app.example/request.jwt"],
        "authorization_signed_response_alg": "ES256",
        "authorization_encrypted_response_alg": "ECDH-ES",
        "authorization_encrypted_response_enc": "A256GCM",
        "authorization_details_types": ["payment"],
        "countersign_profile": "oidc",
        "response_types": ["code", "code id_token"],
        "grant_types": ["authorization_code", "implicit"],
    });
    let each = [
        json!({"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "app.example",
            "tls_client_certificate_bound_access_tokens": true}),
        json!({"token_endpoint_auth_method": "self_signed_tls_client_auth", "dpop_bound_access_tokens": true}),
        json!({"token_endpoint_auth_method": "client_secret_jwt", "token_endpoint_auth_signing_alg": "HS256"}),
        json!({"token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "ES256"}),
    ];
    for own in each {
        let mut changes = common.clone();
        changes.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        let registered = house.register(changes.clone()).await.unwrap();
        let told = told(&registered);
        for (name, value) in changes.as_object().unwrap() {
            assert_eq!(&told[name], value, "{name}");
        }
        let client = kept(&house, &registered);
        assert_eq!(client.profile, Profile::Oidc);
        assert!(client.authorization.require_pushed_authorization_requests);
        assert_eq!(client.authorization.request_uris, ["https://app.example/request.jwt"]);
        assert!(client.authorization.response_types.contains(&ResponseType::CodeIdToken));
    }
}

#[tokio::test]
async fn defaults_are_those_of_the_specifications() {
    let house = house().await;
    let registered = house
        .register(json!({"jwks": jwks(), "authorization_encrypted_response_alg": "ECDH-ES",
            "request_object_encryption_alg": "ECDH-ES", "dpop_bound_access_tokens": false}))
        .await
        .unwrap();
    let told = told(&registered);
    assert_eq!(told["authorization_encrypted_response_enc"], "A128CBC-HS256", "JARM §3");
    assert_eq!(told["request_object_encryption_enc"], "A128CBC-HS256");
    assert_eq!(told["countersign_profile"], "oauth2.1");
    for absent in ["dpop_bound_access_tokens", "require_signed_request_object", "request_uris"] {
        assert!(told.get(absent).is_none(), "{absent}");
    }
}

#[tokio::test]
async fn each_kind_of_name_of_a_certificate_and_one_at_most() {
    let house = house().await;
    let good = [
        ("tls_client_auth_subject_dn", json!("CN=app,O=Example")),
        ("tls_client_auth_san_dns", json!("app.example")),
        ("tls_client_auth_san_uri", json!("spiffe://example/app")),
        ("tls_client_auth_san_ip", json!("2001:db8::7")),
        ("tls_client_auth_san_email", json!("app@example.org")),
    ];
    for (member, value) in &good {
        let registered = house
            .register(json!({"token_endpoint_auth_method": "tls_client_auth", *member: value}))
            .await
            .unwrap();
        assert_eq!(&told(&registered)[member], value);
        let name = kept(&house, &registered).certificate_name.unwrap();
        assert_eq!((name.parameter(), json!(name.value())), (*member, value.clone()));
    }
    // RFC 8705 §2.1.2: exactly one.
    let two = json!({"token_endpoint_auth_method": "tls_client_auth",
        "tls_client_auth_san_dns": "app.example", "tls_client_auth_san_uri": "spiffe://example/app"});
    let bad = [
        two,
        json!({"token_endpoint_auth_method": "tls_client_auth"}),
        json!({"token_endpoint_auth_method": "none", "tls_client_auth_san_dns": "app.example"}),
        json!({"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": "app"}),
        json!({"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "a b"}),
        json!({"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_uri": "app"}),
        json!({"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_ip": "192.0.2"}),
        json!({"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_email": "app"}),
        json!({"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_ip": 7}),
    ];
    refused(&house, &bad).await;
}

async fn refused(house: &House, cases: &[Value]) {
    for changes in cases {
        let error = house.register(changes.clone()).await.unwrap_err();
        assert_eq!((error.status(), error.code()), (400, "invalid_client_metadata"), "{changes}: {error}");
        assert_eq!(error.section(), "RFC 7591 §3.2.2");
    }
}

#[tokio::test]
async fn what_does_not_go_together_is_refused() {
    let house = house().await;
    let keys = jwks();
    let cases = [
        // RFC 8705 §2.2.2: known by what it registered.
        json!({"token_endpoint_auth_method": "self_signed_tls_client_auth"}),
        // RFC 8725 §3.1: what a secret signs, no key does.
        json!({"token_endpoint_auth_method": "client_secret_jwt", "token_endpoint_auth_signing_alg": "ES256"}),
        json!({"token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "HS256",
            "jwks": keys}),
        json!({"tls_client_certificate_bound_access_tokens": true, "dpop_bound_access_tokens": true}),
        json!({"dpop_bound_access_tokens": "yes"}),
        json!({"require_pushed_authorization_requests": 1}),
        json!({"require_signed_request_object": true}),
        // RFC 9101 §10.1, §10.4.
        json!({"request_object_signing_alg": "none", "jwks": keys}),
        json!({"request_object_signing_alg": "HS256", "jwks": keys}),
        json!({"request_object_signing_alg": "ES256"}),
        json!({"request_object_encryption_alg": "RSA-OAEP"}),
        json!({"request_object_encryption_alg": "ECDH-ES", "request_object_encryption_enc": "A192GCM"}),
        json!({"request_object_encryption_enc": "A256GCM"}),
        json!({"request_uris": ["https://app.example/r"]}),
        json!({"request_uris": ["http://app.example/r"], "jwks": keys}),
        json!({"request_uris": ["https://app.example/r#x"], "jwks": keys}),
        json!({"request_uris": ["https://u:p@app.example/r"], "jwks": keys}),
        json!({"request_uris": ["file:///etc/passwd"], "jwks": keys}),
        json!({"request_uris": vec!["https://app.example/r"; 9], "jwks": keys}),
        json!({"request_uris": "https://app.example/r", "jwks": keys}),
        // JARM §3.
        json!({"authorization_signed_response_alg": "none"}),
        json!({"authorization_signed_response_alg": "ES512"}),
        json!({"authorization_encrypted_response_alg": "dir", "jwks": keys}),
        json!({"authorization_encrypted_response_alg": "ECDH-ES"}),
        json!({"authorization_encrypted_response_enc": "A256GCM", "jwks": keys}),
        // RFC 9396 §10.
        json!({"authorization_details_types": ["account"]}),
        json!({"authorization_details_types": "payment"}),
        // Profiles.
        json!({"countersign_profile": "fapi3"}),
        json!({"countersign_profile": "fapi2-security"}),
        json!({"countersign_profile": "fapi2-message-signing", "token_endpoint_auth_method": "tls_client_auth",
            "tls_client_auth_san_dns": "app.example"}),
        json!({"countersign_profile": "fapi1-advanced", "token_endpoint_auth_method": "private_key_jwt",
            "jwks": keys, "request_object_signing_alg": "RS256"}),
        json!({"countersign_profile": "oauth2.1", "response_types": ["code id_token"],
            "grant_types": ["authorization_code", "implicit"]}),
        json!({"countersign_profile": "oidc", "response_types": ["code token"]}),
        json!({"countersign_profile": "oidc", "response_types": ["code id_token"]}),
        json!({"countersign_profile": "oidc", "grant_types": ["authorization_code", "implicit"]}),
    ];
    refused(&house, &cases).await;
    assert!(house.memory.tables().clients.is_empty(), "nothing of what was refused is kept");
}

#[tokio::test]
async fn what_the_operator_does_not_offer_is_refused() {
    let house = House::with(open, Algorithm::ES256).await;
    let cases = [
        json!({"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "app.example"}),
        json!({"token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks": jwks()}),
        json!({"token_endpoint_auth_method": "client_secret_jwt"}),
        json!({"tls_client_certificate_bound_access_tokens": true}),
        json!({"authorization_details_types": ["payment"]}),
        json!({"countersign_profile": "oidc"}),
    ];
    refused(&house, &cases).await;
    // The first profile of the list is for everybody who names none.
    let strict = |settings: &mut Settings| {
        everything(settings);
        settings.registration.profiles = vec![Profile::Fapi2Security];
    };
    let house = House::with(strict, Algorithm::ES256).await;
    refused(&house, &[json!({}), json!({"countersign_profile": "oauth2.1"})]).await;
    let registered = house
        .register(json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": jwks()}))
        .await
        .unwrap();
    assert_eq!(told(&registered)["countersign_profile"], "fapi2-security");
}

#[tokio::test]
async fn a_secret_that_signs_is_sealed_and_signs() {
    let house = house().await;
    let signing = json!({"token_endpoint_auth_method": "client_secret_jwt",
        "grant_types": ["client_credentials"], "response_types": [], "redirect_uris": []});
    let registered = house.register(signing.clone()).await.unwrap();
    let told_first = told(&registered);
    let secret = told_first["client_secret"].as_str().unwrap().to_owned();
    let client = kept(&house, &registered);
    assert!(client.secrets.is_empty() && client.sealed_secrets.len() == 1);
    assert!(!serde_json::to_string(&client).unwrap().contains(&secret));
    let id = client.client_id.as_str();
    let ask = async |secret: &str, jti: &str| {
        let secret = SecretBytes::new(secret.as_bytes().to_vec());
        let key = SigningKey::from_secret(&secret, Algorithm::HS256, KeyId::from("k")).unwrap();
        let claims = json!({"iss": id, "sub": id, "aud": ISSUER, "exp": START + 60, "jti": jti});
        let assertion = jws::sign_compact(None, claims.to_string().as_bytes(), &key).unwrap();
        let form = parameters(&[
            ("grant_type", "client_credentials"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &assertion),
        ]);
        house.engine.token(&ClientCall::new(&form)).await
    };
    ask(&secret, "1").await.unwrap();
    let wrong = ask("another secret of more than thirty-two bytes", "2").await;
    assert!(matches!(wrong, Err(Error::InvalidClient { .. })));

    // RFC 7592 §2.2: the current secret may be repeated, and no other; it stays.
    let replace = async |token: &str, changes: Value, secret: &str| {
        let mut document: Value = serde_json::from_slice(&metadata(changes)).unwrap();
        document["client_id"] = id.into();
        document["client_secret"] = secret.into();
        house.engine.replace_registration(id, Some(token), document.to_string().as_bytes()).await
    };
    let token = told_first["registration_access_token"].as_str().unwrap();
    let error = replace(token, signing.clone(), "chosen by the client itself").await.unwrap_err();
    assert_eq!(error.code(), "invalid_client_metadata");
    let replaced = told(&replace(token, signing.clone(), &secret).await.unwrap());
    assert!(replaced.get("client_secret").is_none());
    ask(&secret, "3").await.unwrap();

    // Another method, another secret: what was sealed is gone, and the other way round.
    let token = replaced["registration_access_token"].as_str().unwrap();
    let basic = json!({"token_endpoint_auth_method": "client_secret_basic",
        "grant_types": ["client_credentials"], "response_types": [], "redirect_uris": []});
    let replaced = told(&replace(token, basic, &secret).await.unwrap());
    let next = replaced["client_secret"].as_str().unwrap();
    assert_ne!(next, secret);
    assert!(kept(&house, &registered).sealed_secrets.is_empty());
    let form = parameters(&[("grant_type", "client_credentials")]);
    let authorization = Authorization::Basic { name: id, secret: next };
    house.engine.token(&ClientCall { authorization, ..ClientCall::new(&form) }).await.unwrap();
    assert!(ask(&secret, "4").await.is_err());
    let token = replaced["registration_access_token"].as_str().unwrap();
    let again = told(&replace(token, signing, next).await.unwrap());
    assert!(kept(&house, &registered).secrets.is_empty());
    ask(again["client_secret"].as_str().unwrap(), "5").await.unwrap();
}

#[tokio::test]
async fn what_was_registered_counts() {
    let house = house().await;
    let registered = house
        .register(json!({"require_pushed_authorization_requests": true, "dpop_bound_access_tokens": true}))
        .await
        .unwrap();
    let id = registered.client.client_id.as_str();
    let session = house.sign_in("alice").await;
    let response = respond(house.begin(&request(id, &[]), Some(&session)).await.unwrap());
    assert_eq!(answered(&response, "error").as_deref(), Some("invalid_request"), "RFC 9126 §6");
    let error = house.token_public(id, &redemption("x")).await.unwrap_err();
    assert!(matches!(error, Error::ProofMissing), "RFC 9449 §5.2: {error:?}");
}
