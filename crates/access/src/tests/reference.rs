//! Reference tokens: the own store's and another server's.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use countersign_model::Method::{Jwt, Oauth};
use countersign_model::{Issuer, SystemRng, TokenId};
use http::StatusCode;

use super::support::*;
use crate::ports::{Change, ReferenceToken, ReferenceTokens};
use crate::*;

const PARTNER: &str = "https://partner.example.com";

fn keep(world: &World, token: &str, change: impl FnOnce(&mut serde_json::Value)) {
    let mut claims = claims();
    change(&mut claims);
    let claims = claims.as_object().unwrap().clone();
    world
        .store
        .references
        .lock()
        .unwrap()
        .insert(token.to_owned(), ReferenceToken { claims, fresh_until: at(30) });
}

fn own() -> String {
    api_key::generate("cst", "at", &SystemRng).expose().clone()
}

#[tokio::test]
async fn a_reference_token_is_asked_about_once_while_it_is_fresh() {
    let world = World::new();
    let rule = rule(&[Oauth], |_| {});
    let token = own();
    keep(&world, &token, |_| {});
    for second in 0..30 {
        let identity = identity(&world.bearer(&rule, &token, at(second)).await);
        assert_eq!((identity.subject.as_str(), identity.method), ("usr_1", Oauth));
    }
    assert_eq!(world.store.asked(), 1);
    assert_eq!(word(&world.bearer(&rule, &token, at(30)).await), "ok usr_1");
    assert_eq!(world.store.asked(), 2);
    world.access.apply(&Change::TokenRevoked(TokenId::from("tok_1"), at(600)), at(30));
    assert_eq!(word(&world.bearer(&rule, &token, at(30)).await), "token_revoked");
}

#[tokio::test]
async fn what_is_active_but_no_access_token_opens_nothing() {
    let world = World::new();
    let rule = rule(&[Oauth], |_| {});
    for (name, kind, said) in [
        ("token_type", "Bearer", "ok usr_1"),
        ("token_use", "access_token", "ok usr_1"),
        ("typ", "at+jwt", "ok usr_1"),
        ("token_type", "refresh_token", "token_wrong_type"),
        ("token_use", "refresh_token", "token_wrong_type"),
        ("token_use", "id", "token_wrong_type"),
        ("typ", "Refresh", "token_wrong_type"),
        ("typ", "ID", "token_wrong_type"),
        ("typ", "Offline", "token_wrong_type"),
    ] {
        let token = own();
        keep(&world, &token, |claims| claims[name] = kind.into());
        assert_eq!(word(&world.bearer(&rule, &token, at(0)).await), said, "{name} {kind}");
    }
}

#[tokio::test]
async fn unknown_garbage_expired_and_foreign_are_refused() {
    let world = World::new();
    let rule = rule(&[Oauth], |_| {});
    let unknown = own();
    for _ in 0..3 {
        assert_eq!(word(&world.bearer(&rule, &unknown, at(0)).await), "token_unknown");
    }
    assert_eq!(world.store.asked(), 1);
    keep(&world, &unknown, |_| {});
    assert_eq!(word(&world.bearer(&rule, &unknown, at(2)).await), "ok usr_1");
    let asked = world.store.asked();
    let mut wrong = own();
    wrong.pop();
    wrong.push('!');
    let wrong = wrong.replace('!', "0");
    assert_eq!(word(&world.bearer(&rule, &format!("{wrong}0"), at(0)).await), "token_unknown");
    assert_eq!(world.store.asked(), asked, "a wrong checksum is not asked about");
    for (change, reason) in [
        (("exp", serde_json::json!(NOW - 5)), "token_expired"),
        (("iss", serde_json::json!(PARTNER)), "token_unknown_issuer"),
        (("aud", serde_json::json!("else")), "token_wrong_audience"),
        (("cnf", serde_json::json!({"kid": "x"})), "token_binding_unsupported"),
    ] {
        let token = own();
        keep(&world, &token, |claims| claims[change.0] = change.1);
        assert_eq!(word(&world.bearer(&rule, &token, at(0)).await), reason);
    }
    world.store.down.store(true, Ordering::SeqCst);
    let denial = denial(world.bearer(&rule, &own(), at(0)).await);
    assert_eq!((denial.reason(), denial.status()), ("lookup_failed", StatusCode::SERVICE_UNAVAILABLE));
}

#[tokio::test]
async fn our_tokens_are_shown_to_nobody_else_and_theirs_to_those_the_rule_names() {
    let world = World::with(|settings| {
        let mut partner = settings.issuers[0].clone();
        partner.name = "partner".to_owned();
        partner.issuer = Issuer::from(PARTNER);
        partner.keys = KeyOrigin::None;
        settings.issuers.push(partner);
        settings.issuers[0].reference_tokens = None;
    });
    let both = rule(&[Oauth, Jwt], |r| r.issuers = vec!["own".to_owned(), "partner".to_owned()]);
    keep(&world, "opaque", |claims| claims["iss"] = PARTNER.into());
    let identity = identity(&world.bearer(&both, "opaque", at(0)).await);
    assert_eq!((&*identity.issuer_name, identity.issuer.as_str()), ("partner", PARTNER));
    let asked = world.store.asked();
    assert_eq!(word(&world.bearer(&both, &own(), at(0)).await), "token_unknown");
    assert_eq!(word(&world.bearer(&rule(&[Oauth], |_| {}), "opaque", at(0)).await), "token_unknown");
    assert_eq!(world.store.asked(), asked);
}

#[tokio::test]
async fn of_several_issuers_the_one_that_knows_the_token_answers() {
    struct Nobody;
    impl ReferenceTokens for Nobody {
        fn reference_token<'a>(
            &'a self,
            _: &'a str,
            _: countersign_model::Timestamp,
        ) -> crate::ports::BoxFuture<'a, Result<Option<ReferenceToken>, crate::ports::Unavailable>> {
            Box::pin(async { Ok(None) })
        }
    }
    let world = World::with(|settings| {
        let mut partner = settings.issuers[0].clone();
        partner.name = "partner".to_owned();
        partner.issuer = Issuer::from(PARTNER);
        settings.issuers.push(partner);
        settings.issuers[0].reference_tokens = Some(Arc::new(Nobody));
    });
    let both = rule(&[Oauth], |r| r.issuers = vec!["own".to_owned(), "partner".to_owned()]);
    keep(&world, "opaque", |claims| claims["iss"] = PARTNER.into());
    for _ in 0..3 {
        assert_eq!(word(&world.bearer(&both, "opaque", at(0)).await), "ok usr_1");
        assert_eq!(word(&world.bearer(&both, "other", at(0)).await), "token_unknown");
    }
    assert_eq!(world.store.asked(), 2);
}
