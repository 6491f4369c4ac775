//! Sign-ins that a resource asks for (RFC 9470): classes, their age, and what tokens say of them.

use std::time::Duration;

use countersign_jose::Algorithm;
use countersign_oauth::{AcrClass, Step};

use crate::support::*;

const FRESH: &str = "urn:example:fresh";
const PASSWORD: &str = "urn:example:password";
const TWO_FACTORS: &str = "urn:example:two-factors";

async fn house() -> House {
    let class = |acr: &str, amr: &[&str], within: Option<u64>| AcrClass {
        acr: acr.to_owned(),
        amr: amr.iter().map(|method| (*method).to_owned()).collect(),
        within: within.map(Duration::from_secs),
    };
    let classes = vec![
        class(TWO_FACTORS, &["pwd", "otp"], None),
        class(FRESH, &["pwd"], Some(60)),
        class(PASSWORD, &["pwd"], None),
    ];
    let house = House::with(|settings| settings.acr_classes = classes, Algorithm::ES256).await;
    house.client("app", |client| client.first_party = true);
    house
}

async fn tokens_of(house: &House, code: &str) -> (serde_json::Value, serde_json::Value) {
    let tokens = house.token("app", &redemption(code)).await.unwrap();
    (read_jwt(&tokens.access_token).1, read_jwt(&tokens.id_token.unwrap()).1)
}

#[tokio::test]
async fn tokens_say_what_the_sign_in_amounted_to() {
    let house = house().await;
    let session = house.sign_in("alice").await;
    let code = code_of(&respond(house.begin(&request("app", &[]), Some(&session)).await.unwrap()));
    let (access, id) = tokens_of(&house, &code).await;
    // Nothing asked for: the strongest that holds.
    assert_eq!((&access["acr"], &id["acr"]), (&FRESH.into(), &FRESH.into()));
    assert_eq!(access["auth_time"], START);
    house.advance(61);
    let code = code_of(&respond(house.begin(&request("app", &[]), Some(&session)).await.unwrap()));
    assert_eq!(tokens_of(&house, &code).await.0["acr"], PASSWORD);
    // The weaker one was asked for, and holds: that is the one to name.
    let session = house.sign_in("alice").await;
    let asked = request("app", &[("acr_values", PASSWORD)]);
    let code = code_of(&respond(house.begin(&asked, Some(&session)).await.unwrap()));
    assert_eq!(tokens_of(&house, &code).await.0["acr"], PASSWORD);
}

#[tokio::test]
async fn a_sign_in_that_is_too_weak_is_asked_for_again() {
    let house = house().await;
    let old = house.sign_in("alice").await;
    house.advance(61);
    let asked = request("app", &[("acr_values", FRESH)]);
    let silent = request("app", &[("acr_values", FRESH), ("prompt", "none")]);
    assert_eq!(respond(house.begin(&silent, Some(&old)).await.unwrap()).error(), Some("login_required"));
    let Step::SignIn(page) = house.begin(&asked, Some(&old)).await.unwrap() else { panic!() };
    let name = page.interaction.expose();
    let step = house.engine.resume(name, Some(&old), &house.browser).await.unwrap();
    assert!(matches!(step, Step::SignIn(_)), "the old sign-in will not do");
    house.advance(5);
    let new = house.sign_in("alice").await;
    // However long its person then reads the consent page.
    house.advance(300);
    let code = code_of(&respond(house.engine.resume(name, Some(&new), &house.browser).await.unwrap()));
    let (access, _) = tokens_of(&house, &code).await;
    assert_eq!((access["acr"].as_str(), access["auth_time"].as_i64()), (Some(FRESH), Some(START + 66)));
}

#[tokio::test]
async fn what_nobody_can_do_ends_in_an_error_and_not_in_a_circle() {
    let house = house().await;
    let asked = request("app", &[("acr_values", TWO_FACTORS)]);
    let Step::SignIn(page) = house.begin(&asked, None).await.unwrap() else { panic!() };
    let new = house.sign_in("alice").await;
    let step = house.engine.resume(page.interaction.expose(), Some(&new), &house.browser).await.unwrap();
    // RFC 9470 §5.
    assert_eq!(respond(step).error(), Some("unmet_authentication_requirements"));
}

#[tokio::test]
async fn any_of_the_classes_will_do_and_unknown_names_ask_for_nothing() {
    let house = house().await;
    let session = house.sign_in("alice").await;
    let either = format!("{TWO_FACTORS} {PASSWORD}");
    for (asked, got) in [(either.as_str(), PASSWORD), ("urn:example:unknown", FRESH)] {
        let query = request("app", &[("acr_values", asked)]);
        let code = code_of(&respond(house.begin(&query, Some(&session)).await.unwrap()));
        assert_eq!(tokens_of(&house, &code).await.0["acr"], got);
    }
    let many = vec!["x"; 17].join(" ");
    let query = request("app", &[("acr_values", &many)]);
    assert_eq!(respond(house.begin(&query, None).await.unwrap()).error(), Some("invalid_request"));
    let metadata: serde_json::Value = serde_json::from_slice(&house.engine.metadata()).unwrap();
    assert_eq!(metadata["acr_values_supported"], serde_json::json!([TWO_FACTORS, FRESH, PASSWORD]));
}

#[tokio::test]
async fn a_refreshed_token_does_not_pretend_to_a_new_sign_in() {
    let house = house().await;
    let code = house.code(&request("app", &[])).await;
    let first = house.token("app", &redemption(&code)).await.unwrap();
    house.advance(600);
    let again = house.refresh("app", &first.refresh_token.unwrap()).await.unwrap();
    let claims = read_jwt(&again.access_token).1;
    // RFC 9470 §6: the resource compares auth_time, which stays that of the sign-in.
    assert_eq!(claims["auth_time"], START);
}
