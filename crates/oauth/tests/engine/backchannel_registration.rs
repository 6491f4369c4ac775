//! Clients that register themselves for backchannel authentication (OpenID Connect CIBA §4).

use countersign_jose::Algorithm;
use countersign_model::GrantType;
use serde_json::{Value, json};

use crate::backchannel::CIBA;
use crate::register::{open, told};
use crate::support::*;

async fn house() -> House {
    let allow = |settings: &mut countersign_oauth::Settings| {
        open(settings);
        settings.registration.grant_types.insert(GrantType::Ciba);
    };
    House::with(allow, Algorithm::ES256).await
}

/// Good metadata, with changes: null takes a member away.
fn metadata(changes: Value) -> Value {
    let mut document = json!({
        "token_endpoint_auth_method": "client_secret_basic", "redirect_uris": null, "response_types": [],
        "grant_types": [CIBA], "backchannel_token_delivery_mode": "ping",
        "backchannel_client_notification_endpoint": "https://bank.example/ping",
        "backchannel_user_code_parameter": false,
    });
    for (name, value) in changes.as_object().unwrap() {
        document[name] = value.clone();
    }
    document
}

#[tokio::test]
async fn what_is_registered_is_told() {
    let house = house().await;
    let key = ClientKey::new(Algorithm::ES256);
    let changes = json!({
        "jwks": key.jwks(), "token_endpoint_auth_method": "private_key_jwt",
        "backchannel_authentication_request_signing_alg": "ES256",
    });
    let told = told(&house.register(metadata(changes)).await.unwrap());
    assert_eq!(told["backchannel_token_delivery_mode"], "ping");
    assert_eq!(told["backchannel_client_notification_endpoint"], "https://bank.example/ping");
    assert_eq!(told["backchannel_authentication_request_signing_alg"], "ES256");
    // Without the grant none of it means anything.
    let plain =
        json!({ "backchannel_token_delivery_mode": "poll", "backchannel_user_code_parameter": false });
    let told = crate::register::told(&house.register(plain).await.unwrap());
    assert!(told.get("backchannel_token_delivery_mode").is_none());
}

#[tokio::test]
async fn what_is_not_offered_is_refused() {
    let house = house().await;
    let (mode, endpoint) = ("backchannel_token_delivery_mode", "backchannel_client_notification_endpoint");
    let algorithm = "backchannel_authentication_request_signing_alg";
    let long = format!("https://bank.example/{}", "x".repeat(1_024));
    let wrong = [
        (json!({ mode: "push" }), mode),
        (json!({ mode: null }), mode),
        (json!({ endpoint: null }), endpoint),
        (json!({ endpoint: "http://bank.example/ping" }), endpoint),
        (json!({ endpoint: "https://user@bank.example/ping" }), endpoint),
        (json!({ endpoint: "https://bank.example/#ping" }), endpoint),
        (json!({ endpoint: long }), endpoint),
        (json!({ algorithm: "ES256" }), algorithm),
        (json!({ algorithm: "HS256" }), algorithm),
        (json!({ algorithm: "none" }), algorithm),
        (json!({ "backchannel_user_code_parameter": true }), "backchannel_user_code_parameter"),
        (json!({ "token_endpoint_auth_method": "none" }), "token_endpoint_auth_method"),
    ];
    for (changes, member) in wrong {
        let refused = house.register(metadata(changes.clone())).await.unwrap_err();
        assert_eq!(refused.code(), "invalid_client_metadata", "{changes}");
        assert!(refused.description().contains(member), "{changes}: {}", refused.description());
    }
    let house = crate::register::open_house().await;
    assert!(house.register(metadata(json!({}))).await.is_err(), "the operator offers it or does not");
}
