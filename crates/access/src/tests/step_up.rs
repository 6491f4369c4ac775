//! Routes that ask how a person signed in (RFC 9470), and challenges that name the resource's metadata (RFC 9728).

use std::time::Duration;

use countersign_model::Method::{ApiKey, Basic, Jwt, Mtls};
use http::StatusCode;
use serde_json::Value;

use super::support::*;
use crate::*;

fn stepped(acr_values: &[&str], max_age: Option<u64>) -> Rule {
    rule(&[Jwt, ApiKey], |r| {
        r.scopes = "orders.read".parse().unwrap();
        r.step_up = StepUp {
            acr_values: acr_values.iter().map(|value| (*value).to_owned()).collect(),
            max_age: max_age.map(Duration::from_secs),
        };
    })
}

fn signed_in(acr: Option<&str>, auth_time: i64) -> impl FnOnce(&mut Value) {
    move |claims| {
        claims["auth_time"] = (at(0).seconds() + auth_time).into();
        claims["scope"] = "orders.read".into();
        if let Some(acr) = acr {
            claims["acr"] = acr.into();
        }
    }
}

#[tokio::test]
async fn only_a_sign_in_of_the_asked_class_passes() {
    let world = World::new();
    let rule = stepped(&["gold", "silver"], None);
    for (acr, passes) in
        [(Some("gold"), true), (Some("silver"), true), (Some("bronze"), false), (None, false)]
    {
        let decision = world.bearer(&rule, &world.token(signed_in(acr, 0)), at(0)).await;
        let expected = if passes { "ok usr_1" } else { "insufficient_user_authentication" };
        assert_eq!(word(&decision), expected, "{acr:?}");
    }
}

#[tokio::test]
async fn a_sign_in_grows_too_old_while_its_token_is_good_and_remembered() {
    let world = World::new();
    let rule = stepped(&[], Some(60));
    let token = world.token(signed_in(None, 0));
    assert_eq!(word(&world.bearer(&rule, &token, at(0)).await), "ok usr_1");
    assert_eq!(word(&world.bearer(&rule, &token, at(60)).await), "ok usr_1");
    assert_eq!(word(&world.bearer(&rule, &token, at(61)).await), "insufficient_user_authentication");
    // A token that does not say when is no better.
    let silent = world.token(|claims| claims["scope"] = "orders.read".into());
    assert_eq!(word(&world.bearer(&rule, &silent, at(0)).await), "insufficient_user_authentication");
}

#[tokio::test]
async fn the_challenge_says_what_to_ask_for() {
    let world = World::new();
    let rule = stepped(&["gold", "silver"], Some(300));
    // Neither the sign-in nor the scopes will do: one round mends both.
    let weak = world.token(|claims| claims["scope"] = "other".into());
    let denial = denial(world.bearer(&rule, &weak, at(0)).await);
    assert_eq!(denial.status(), StatusCode::UNAUTHORIZED);
    let expected = "Bearer realm=\"countersign\", error=\"insufficient_user_authentication\", \
                    acr_values=\"gold silver\", max_age=\"300\", scope=\"orders.read\"";
    assert_eq!(denial.www_authenticate(), [expected]);
    let problem: Value = serde_json::from_str(&denial.problem("r")).unwrap();
    assert_eq!(problem["error"], "insufficient_user_authentication");
}

#[tokio::test]
async fn a_key_tells_nothing_of_a_sign_in() {
    let world = World::new();
    let key = world.key(|_| {});
    let decision = world.ask(&stepped(&["gold"], None), &[("X-API-Key", key.expose())], at(0)).await;
    assert_eq!(word(&decision), "insufficient_user_authentication");
    let challenges = denial(decision).www_authenticate();
    assert!(challenges[0].to_str().unwrap().contains("acr_values=\"gold\""), "{challenges:?}");
}

#[tokio::test]
async fn challenges_name_the_metadata_of_the_resource() {
    let world = World::new();
    let address = "https://api.example/.well-known/oauth-protected-resource/orders";
    let rule = rule(&[Jwt, Basic], |r| r.resource_metadata = Some(address.to_owned()));
    let refused = denial(world.ask(&rule, &[], at(0)).await);
    let expected = format!("Bearer realm=\"countersign\", resource_metadata=\"{address}\"");
    assert_eq!(refused.www_authenticate()[0], expected);
    let refused = denial(world.bearer(&rule, &world.token(|claims| claims["exp"] = 1.into()), at(0)).await);
    let expected =
        format!("Bearer realm=\"countersign\", error=\"invalid_token\", resource_metadata=\"{address}\"");
    assert_eq!(refused.www_authenticate()[0], expected);
}

#[test]
fn what_can_not_be_asked_is_refused_when_the_rule_is_made() {
    let made = |change: &dyn Fn(&mut RuleSettings)| {
        let mut settings = RuleSettings { accept: vec![Jwt], ..RuleSettings::default() };
        change(&mut settings);
        Rule::new(settings).err()
    };
    let odd = made(&|r| r.step_up.acr_values = vec!["a b".to_owned()]);
    assert_eq!(odd, Some(InvalidRule::AcrValue("a b".to_owned())));
    let quote = made(&|r| r.resource_metadata = Some("https://x/\"".to_owned()));
    assert_eq!(quote, Some(InvalidRule::ResourceMetadata("https://x/\"".to_owned())));
    let tokenless = made(&|r| {
        r.accept = vec![Mtls];
        r.step_up.max_age = Some(Duration::from_secs(1));
    });
    assert_eq!(tokenless, Some(InvalidRule::StepUpWithoutTokens));
}
