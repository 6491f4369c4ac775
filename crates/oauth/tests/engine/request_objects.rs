//! Request objects, by value and by reference, signed and encrypted (RFC 9101).

use countersign_jose::Algorithm;
use countersign_jose::jwe::{ContentEncryption, encrypt_compact};
use countersign_model::SystemRng;
use countersign_oauth::{Error, KeysUnavailable, RequestObjectRefusal, Step};
use serde_json::{Value, json};

use crate::support::*;

const URI: &str = "https://app.example/request.jwt";

async fn house() -> (House, ClientKey) {
    let house = House::new().await;
    let key = ClientKey::new(Algorithm::ES256);
    house.client("app", |client| {
        key.give_to(client);
        client.authorization.request_uris = vec![URI.to_owned()];
    });
    (house, key)
}

async fn begin(house: &House, object: &str) -> Result<Step, Error> {
    house.begin(&[("client_id", "app"), ("request", object)], None).await
}

async fn refusal(house: &House, object: &str) -> RequestObjectRefusal {
    match begin(house, object).await {
        Err(error @ Error::InvalidRequestObject(_)) => {
            assert_eq!(
                (error.status(), error.code(), error.section()),
                (400, "invalid_request_object", "RFC 9101 §7")
            );
            let Error::InvalidRequestObject(refusal) = error else { unreachable!() };
            refusal
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_signed_counts_and_nothing_beside_it() {
    let (house, key) = house().await;
    let object = key.request_object("app", |claims| {
        claims["max_age"] = json!(60);
        claims["resource"] = json!(["https://id.example"]);
    });
    let mut query = vec![("client_id", "app"), ("request", object.as_str())];
    query.extend([("scope", "write"), ("state", "forged"), ("redirect_uri", "https://evil.example/")]);
    let Step::SignIn(asked) = house.begin(&query, None).await.unwrap() else { panic!() };
    let response = house.engine.denied(asked.interaction.expose(), &house.browser).await.unwrap();
    assert_eq!(answered(&response, "state").as_deref(), Some("signed"), "RFC 9101 §6.3");
    assert!(location(&response).starts_with(CALLBACK));
}

#[tokio::test]
async fn each_fault_has_its_refusal_and_is_shown_here() {
    let (house, key) = house().await;
    let refused = async |change: fn(&mut Value)| refusal(&house, &key.request_object("app", change)).await;
    let wrong = RequestObjectRefusal::Claims;
    // RFC 9101 §4 and §10.8: for this server, by this client, and no other kind of token.
    assert_eq!(refused(|claims| claims["aud"] = json!("https://other.example")).await, wrong);
    assert_eq!(refused(|claims| claims["aud"] = Value::Null).await, wrong);
    assert_eq!(refused(|claims| claims["iss"] = json!("other")).await, wrong);
    assert_eq!(refused(|claims| claims["client_id"] = json!("other")).await, wrong);
    assert_eq!(refused(|claims| claims["client_id"] = Value::Null).await, wrong);
    assert_eq!(refused(|claims| claims["sub"] = json!("app")).await, wrong);
    // RFC 9101 §4: not one in another.
    assert_eq!(refused(|claims| claims["request"] = json!("x.y.z")).await, wrong);
    assert_eq!(refused(|claims| claims["request_uri"] = json!("https://app.example")).await, wrong);
    assert_eq!(refused(|claims| claims["exp"] = json!(START - 11)).await, wrong);
    assert_eq!(refused(|claims| claims["exp"] = json!(START + 3_700)).await, wrong, "an hour at most");
    assert_eq!(refused(|claims| claims["nbf"] = json!(START + 60)).await, wrong);
    assert_eq!(refused(|claims| claims["state"] = json!("a\u{0}b")).await, wrong);
    let another = ClientKey::new(Algorithm::ES256).request_object("app", |_| {});
    assert_eq!(refusal(&house, &another).await, RequestObjectRefusal::Signature);
    // RFC 9101 §10.1: unsigned ones are none.
    let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", another.split('.').nth(1).unwrap());
    assert_eq!(refusal(&house, &unsigned).await, RequestObjectRefusal::Malformed);
    assert_eq!(refusal(&house, "x.y.z").await, RequestObjectRefusal::Malformed);
    assert_eq!(refusal(&house, &"x".repeat(50_000)).await, RequestObjectRefusal::Malformed);
    assert_eq!(refusal(&house, "a.b.c.d.e").await, RequestObjectRefusal::Undecryptable);
    let assertion = key.assertion("app", ISSUER, "1")[0].1.clone();
    assert_eq!(refusal(&house, &assertion).await, wrong, "an assertion is no request");
    house.client("app", |client| {
        key.give_to(client);
        client.authorization.request_object_signing_alg = Some("PS256".to_owned());
    });
    let object = key.request_object("app", |_| {});
    assert_eq!(refusal(&house, &object).await, RequestObjectRefusal::Algorithm);
    house.client("app", |_| {});
    assert_eq!(refusal(&house, &object).await, RequestObjectRefusal::KeysUnavailable);
}

#[tokio::test]
async fn not_two_and_not_both() {
    let (house, key) = house().await;
    let object = key.request_object("app", |_| {});
    let both = [("client_id", "app"), ("request", object.as_str()), ("request_uri", URI)];
    assert!(matches!(house.begin(&both, None).await, Err(Error::Invalid("request_uri"))), "RFC 9101 §5");
    let twice = [("client_id", "app"), ("request", object.as_str()), ("request", object.as_str())];
    assert!(matches!(house.begin(&twice, None).await, Err(Error::DuplicateParameter)));
}

#[tokio::test]
async fn what_is_wrong_inside_goes_back_to_the_client() {
    let (house, key) = house().await;
    let object = key.request_object("app", |claims| claims["scope"] = json!("admin"));
    let response = respond(begin(&house, &object).await.unwrap());
    assert_eq!(response.error(), Some("invalid_scope"));
    let object = key.request_object("app", |claims| claims["redirect_uri"] = json!("https://evil.example"));
    assert!(matches!(begin(&house, &object).await, Err(Error::RedirectUriUnregistered)));
}

#[tokio::test]
async fn an_encrypted_one_is_opened_and_must_be_signed_inside() {
    let (house, key) = house().await;
    let seal = |text: &str| {
        let encryption = ContentEncryption::A256Gcm;
        encrypt_compact(Some("JWT"), text.as_bytes(), &encryption_key(), encryption, &SystemRng).unwrap()
    };
    let step = begin(&house, &seal(&key.request_object("app", |_| {}))).await.unwrap();
    assert!(matches!(step, Step::SignIn(_)), "RFC 9101 §6.1");
    let plain = json!({ "client_id": "app", "iss": "app", "aud": ISSUER, "exp": START + 60 }).to_string();
    assert_eq!(refusal(&house, &seal(&plain)).await, RequestObjectRefusal::Malformed);
    let twice = seal(&seal(&key.request_object("app", |_| {})));
    assert_eq!(refusal(&house, &twice).await, RequestObjectRefusal::Malformed);
}

#[tokio::test]
async fn by_reference_only_what_is_registered_is_fetched() {
    let (house, key) = house().await;
    let begin = async |uri: &str| house.begin(&[("client_id", "app"), ("request_uri", uri)], None).await;
    for uri in ["https://evil.example/", "http://127.0.0.1/", "https://app.example/request.jwt?x", "file:///"]
    {
        assert!(matches!(begin(uri).await, Err(Error::InvalidRequestUri)), "{uri}");
    }
    assert!(house.fetch.asked.lock().unwrap().is_empty(), "RFC 9101 §10.4: nothing was fetched");
    let object = key.request_object("app", |_| {});
    house.fetch.documents.lock().unwrap().push(Ok(format!("{object}\n")));
    assert!(matches!(begin(URI).await.unwrap(), Step::SignIn(_)));
    *house.fetch.documents.lock().unwrap() = vec![Err(KeysUnavailable("refused".to_owned()))];
    assert!(matches!(begin(URI).await, Err(Error::InvalidRequestUri)));
}

#[tokio::test]
async fn who_must_sign_is_refused_otherwise() {
    let (house, key) = house().await;
    house.client("app", |client| {
        key.give_to(client);
        client.authorization.require_signed_request_object = true;
    });
    let response = respond(house.begin(&request("app", &[]), None).await.unwrap());
    assert_eq!(response.error(), Some("invalid_request"), "RFC 9101 §10.5");
    let object = key.request_object("app", |_| {});
    assert!(matches!(begin(&house, &object).await.unwrap(), Step::SignIn(_)));
}
