//! Clients whose name is the URL of their metadata (OAuth Client ID Metadata Document).

use std::time::Duration;

use countersign_jose::{Algorithm, SigningKey, jws};
use countersign_model::*;
use countersign_oauth::register::ClientDocumentPolicy;
use countersign_oauth::{Error, Step};
use serde_json::{Value, json};

use crate::register::open;
use crate::support::*;

const URL: &str = "https://app.example/oauth/client.json";

fn document(changes: Value) -> String {
    let mut document = json!({
        "client_id": URL,
        "client_name": "A documented application",
        "redirect_uris": [CALLBACK],
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": "openid read",
    });
    for (name, value) in changes.as_object().unwrap() {
        document[name] = value.clone();
    }
    document.to_string()
}

async fn house() -> House {
    let with = |settings: &mut countersign_oauth::Settings| {
        open(settings);
        settings.client_documents = Some(ClientDocumentPolicy::default());
    };
    House::with(with, Algorithm::ES256).await
}

impl House {
    fn publish(&self, changes: Value, max_age: Option<u64>) {
        let max_age = max_age.map(Duration::from_secs);
        self.documents.at.lock().unwrap().insert(URL.to_owned(), (document(changes), max_age));
    }

    fn fetches(&self) -> usize {
        self.documents.asked.lock().unwrap().len()
    }

    async fn ask(&self) -> Result<Step, Error> {
        let session = self.sign_in("alice").await;
        self.begin(&request(URL, &[]), Some(&session)).await
    }
}

#[tokio::test]
async fn a_documented_client_goes_the_whole_way() {
    let house = house().await;
    house.publish(json!({}), Some(600));
    let Step::Consent(request_) = house.ask().await.unwrap() else { panic!("nobody agreed yet") };
    assert_eq!(request_.client.client_name, "A documented application");
    assert_eq!(request_.client.authentication, ClientAuthentication::None);
    let code = house.code(&request(URL, &[])).await;
    let tokens = house.token_public(URL, &redemption(&code)).await.unwrap();
    assert_eq!(read_jwt(&tokens.access_token).1["client_id"], URL);
    house.client("gateway", |client| client.may_introspect = true);
    assert!(house.is_active("gateway", &tokens.access_token).await);
    assert_eq!(house.fetches(), 1, "remembered");
}

#[tokio::test]
async fn it_is_looked_at_again_when_it_is_stale() {
    let house = house().await;
    house.publish(json!({}), Some(600));
    house.ask().await.unwrap();
    house.advance(599);
    house.ask().await.unwrap();
    assert_eq!(house.fetches(), 1);
    house.publish(json!({"client_name": "Renamed"}), None);
    house.advance(1);
    let Step::Consent(request) = house.ask().await.unwrap() else { panic!("nobody agreed yet") };
    assert_eq!(request.client.client_name, "Renamed");
    // Without a word of its server for a minute, and never for longer than a day.
    house.advance(59);
    house.ask().await.unwrap();
    assert_eq!(house.fetches(), 2);
    house.publish(json!({}), Some(10_000_000));
    house.advance(1);
    house.ask().await.unwrap();
    house.advance(86_399);
    house.ask().await.unwrap();
    assert_eq!(house.fetches(), 3);
    house.advance(1);
    house.ask().await.unwrap();
    assert_eq!(house.fetches(), 4);
}

#[tokio::test]
async fn a_document_that_went_away_ends_requests_at_once_and_tokens_after_a_day() {
    let house = house().await;
    house.publish(json!({}), Some(60));
    let code = house.code(&request(URL, &[])).await;
    let tokens = house.token_public(URL, &redemption(&code)).await.unwrap();
    let refresh = async |token: &str| {
        house.token_public(URL, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    };
    house.documents.at.lock().unwrap().clear();
    house.advance(60);
    assert!(matches!(house.ask().await, Err(Error::ClientDocument(_))));
    let tokens = refresh(tokens.refresh_token.as_deref().unwrap()).await.unwrap();
    house.advance(86_400);
    let error = refresh(tokens.refresh_token.as_deref().unwrap()).await.unwrap_err();
    assert_eq!(error.code(), "invalid_client");
}

#[tokio::test]
async fn what_no_document_may_say() {
    let house = house().await;
    let cases = [
        json!({"client_id": null}),
        json!({"client_id": "https://app.example/oauth/client.json/"}),
        json!({"client_id": "https://other.example/oauth/client.json"}),
        json!({"client_id": 1}),
        json!({"client_secret": "known to all"}),
        json!({"client_secret_expires_at": 0}),
        json!({"token_endpoint_auth_method": "client_secret_basic"}),
        json!({"token_endpoint_auth_method": "client_secret_post"}),
        json!({"token_endpoint_auth_method": "client_secret_jwt"}),
        json!({"redirect_uris": []}),
        json!({"redirect_uris": ["http://app.example/"]}),
        json!({"scope": "admin"}),
        json!({"grant_types": ["client_credentials"]}),
    ];
    for changes in cases {
        house.publish(changes.clone(), None);
        let error = house.ask().await.unwrap_err();
        assert!(matches!(error, Error::ClientDocument(_)), "{changes}: {error}");
        assert_eq!((error.status(), error.code()), (400, "invalid_client"));
    }
    for text in ["", "[]", "<html>"] {
        house.documents.at.lock().unwrap().insert(URL.to_owned(), (text.to_owned(), None));
        assert!(matches!(house.ask().await, Err(Error::ClientDocument(_))), "{text}");
    }
    assert!(house.memory.tables().clients.is_empty(), "nothing of it is kept");
}

/// MCP Authorization, "Client ID Metadata Documents", Implementation Requirements.
#[tokio::test]
async fn mcp_documents_have_a_name() {
    for (profile, fine) in [(Profile::OAuth21, true), (Profile::Mcp, false)] {
        let with = |settings: &mut countersign_oauth::Settings| {
            open(settings);
            settings.client_documents = Some(ClientDocumentPolicy::default());
            settings.registration.profiles = vec![profile];
        };
        let house = House::with(with, Algorithm::ES256).await;
        house.publish(json!({"client_name": null}), None);
        let session = house.sign_in("alice").await;
        let step = house.begin(&request(URL, &[("resource", ISSUER)]), Some(&session)).await;
        assert_eq!(step.is_ok(), fine, "{}", profile.as_str());
    }
}

#[tokio::test]
async fn redirect_uris_are_those_of_the_document() {
    let house = house().await;
    house.publish(json!({}), None);
    let session = house.sign_in("alice").await;
    let elsewhere = request(URL, &[("redirect_uri", "https://app.example/other")]);
    let error = house.begin(&elsewhere, Some(&session)).await.unwrap_err();
    assert!(matches!(error, Error::RedirectUriUnregistered));
}

#[tokio::test]
async fn a_key_proves_what_no_secret_can() {
    let house = house().await;
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let jwks = json!({"keys": [key.public_jwk_value().unwrap()]});
    house.publish(json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": jwks}), Some(600));
    let code = house.code(&request(URL, &[])).await;
    let claims = json!({"iss": URL, "sub": URL, "aud": ISSUER, "jti": "1", "exp": START + 60});
    let assertion = jws::sign_compact(None, claims.to_string().as_bytes(), &key).unwrap();
    let mut form = redemption(&code);
    form.push(("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
    let without = house.token_public(URL, &form[..4]).await.unwrap_err();
    assert_eq!(without.code(), "invalid_client");
    form.push(("client_assertion", &assertion));
    house.token_public(URL, &form).await.unwrap();
}

#[tokio::test]
async fn switched_off_or_disabled_there_is_no_such_client() {
    let house = House::new().await;
    house.publish(json!({}), None);
    assert!(matches!(house.ask().await, Err(Error::UnknownClient)));
    assert_eq!(house.fetches(), 0);
    assert!(
        String::from_utf8_lossy(&house.engine.metadata())
            .contains("\"client_id_metadata_document_supported\":false")
    );

    let house = self::house().await;
    house.publish(json!({}), Some(60));
    house.ask().await.unwrap();
    let id = ClientId::from(URL);
    let mut client = (*house.memory.tables().clients[&id]).clone();
    client.status = ClientStatus::Disabled;
    house.memory.tables().clients.insert(id, client.into());
    assert!(matches!(house.ask().await, Err(Error::DisabledClient)));
    house.advance(60);
    assert!(
        matches!(house.ask().await, Err(Error::DisabledClient)),
        "a new document changes nothing of that"
    );
}

#[tokio::test]
async fn other_names_are_never_fetched() {
    let house = house().await;
    for id in ["http://app.example/c", "ftp://app.example/c", "app.example/c", "nobody"] {
        let error = house.begin(&request(id, &[]), None).await.unwrap_err();
        assert!(matches!(error, Error::UnknownClient), "{id}");
    }
    for id in [
        "https://app.example",
        "https://app.example/a?b",
        "https://u@app.example/c",
        "https://app.example/../c",
    ] {
        let error = house.begin(&request(id, &[]), None).await.unwrap_err();
        assert!(matches!(error, Error::ClientDocument(_)), "{id}");
    }
    assert_eq!(house.fetches(), 0);
}
