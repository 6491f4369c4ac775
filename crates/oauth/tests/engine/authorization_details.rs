//! Rich authorization requests (RFC 9396), from the question to the token.

use countersign_jose::Algorithm;
use countersign_oauth::{DetailField, DetailKind, DetailType, Step};
use serde_json::{Value, json};

use crate::support::*;

const DETAILS: &str = r#"[{"type":"payment","actions":["initiate","status"],"amount":{"value":"12.50"},"creditor":"Merchant A"}]"#;
const LESS: &str =
    r#"[{"type":"payment","actions":["status"],"amount":{"value":"12.50"},"creditor":"Merchant A"}]"#;

async fn house() -> House {
    let field = |kind| DetailField { kind, required: true, values: Vec::new() };
    let fields = [
        ("actions".to_owned(), field(DetailKind::Texts)),
        ("amount.value".to_owned(), field(DetailKind::Text)),
        ("creditor".to_owned(), field(DetailKind::Text)),
    ];
    let payment = DetailType::new("Pay {amount.value} to {creditor}", fields.into()).unwrap();
    let other = DetailType::new("Anything", [].into()).unwrap();
    let types = [("payment".to_owned(), payment), ("other".to_owned(), other)].into();
    let house = House::with(|settings| settings.authorization_details_types = types, Algorithm::ES256).await;
    house.client("app", |client| {
        client.authorization.authorization_details_types = ["payment".to_owned()].into();
    });
    house
}

fn claims(token: &str) -> Value {
    read_jwt(token).1["authorization_details"].clone()
}

#[tokio::test]
async fn what_was_agreed_to_is_in_the_answer_the_token_and_introspection() {
    let house = house().await;
    let session = house.sign_in("alice").await;
    let query = request("app", &[("authorization_details", DETAILS)]);
    let Step::Consent(asked) = house.begin(&query, Some(&session)).await.unwrap() else { panic!() };
    assert_eq!(asked.details[0].words, "Pay 12.50 to Merchant A");
    assert_eq!(asked.details[0].fields.len(), 3);
    let given =
        house.engine.consent_given(asked.interaction.expose(), &session, &house.browser, &asked.scopes);
    let code = code_of(&respond(given.await.unwrap()));
    let tokens = house.token("app", &redemption(&code)).await.unwrap();
    let wanted: Value = serde_json::from_str(DETAILS).unwrap();
    let answer: Value = serde_json::from_slice(&tokens.to_json()).unwrap();
    assert_eq!(answer["authorization_details"], wanted, "RFC 9396 §7");
    assert_eq!(claims(&tokens.access_token), wanted, "RFC 9396 §9.1");
    let known = house.introspect("app", &tokens.access_token).await;
    assert_eq!(known["authorization_details"], wanted, "RFC 9396 §9.2");

    // The same question again is a question again.
    let step = house.begin(&query, Some(&session)).await.unwrap();
    assert!(matches!(step, Step::Consent(_)), "consent for one payment is none for the next");
}

#[tokio::test]
async fn the_token_endpoint_narrows_and_never_widens() {
    let house = house().await;
    let code = house.code(&request("app", &[("authorization_details", DETAILS)])).await;
    let mut form = redemption(&code);
    form.push(("authorization_details", LESS));
    let tokens = house.token("app", &form).await.unwrap();
    let less: Value = serde_json::from_str(LESS).unwrap();
    assert_eq!(claims(&tokens.access_token), less);

    // RFC 6749 §6: the refresh token still stands for all that was given.
    let refresh = tokens.refresh_token.unwrap();
    let more = DETAILS.replace("12.50", "99.00");
    for wrong in [more.as_str(), r#"[{"type":"other"}]"#, "[]", "{}", "[1]", "no JSON"] {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh.as_str()),
            ("authorization_details", wrong),
        ];
        let error = house.token("app", &form).await.unwrap_err();
        assert_eq!((error.code(), error.section()), ("invalid_authorization_details", "RFC 9396 §5"));
    }
    let tokens = house.refresh("app", &refresh).await.unwrap();
    assert_eq!(claims(&tokens.access_token), serde_json::from_str::<Value>(DETAILS).unwrap());
}

#[tokio::test]
async fn what_is_not_registered_may_not_be_asked_for() {
    let house = house().await;
    for wrong in [r#"[{"type":"other"}]"#, r#"[{"type":"nothing"}]"#, r#"[{}]"#, "[]", "x"] {
        let query = request("app", &[("authorization_details", wrong)]);
        let response = respond(house.begin(&query, None).await.unwrap());
        assert_eq!(response.error(), Some("invalid_authorization_details"), "{wrong}");
    }
}

#[tokio::test]
async fn a_client_in_its_own_name_may_have_details_too() {
    let house = house().await;
    let form = [("grant_type", "client_credentials"), ("authorization_details", DETAILS)];
    let tokens = house.token("app", &form).await.unwrap();
    assert_eq!(claims(&tokens.access_token)[0]["creditor"], json!("Merchant A"));
}
