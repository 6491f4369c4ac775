//! API keys.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use countersign_model::Method::ApiKey;
use countersign_model::{AddressList, ApiKeyStatus};
use http::StatusCode;
use proptest::prelude::*;

use super::support::*;
use crate::ports::Change;
use crate::*;

async fn use_key(world: &World, rule: &Rule, key: &str, seconds: i64) -> Decision {
    world.ask(rule, &[("X-API-Key", key)], at(seconds)).await
}

#[tokio::test]
async fn a_key_is_looked_up_once_and_garbage_never() {
    let world = World::new();
    let rule = rule(&[ApiKey], |_| {});
    let key = world.key(|_| {});
    for _ in 0..3 {
        let identity = identity(&use_key(&world, &rule, key.expose(), 0).await);
        assert_eq!(identity.subject.as_str(), "usr_1");
        assert_eq!(identity.api_key.as_ref().unwrap().as_str(), "key_1");
        assert_eq!(identity.scopes.to_string(), "orders.read");
    }
    assert_eq!(world.store.asked(), 1);
    assert_eq!(world.store.uses.load(Ordering::SeqCst), 1, "the minute's first use is told");
    assert_eq!(word(&use_key(&world, &rule, "garbage", 0).await), "api_key_malformed");
    assert_eq!(world.store.asked(), 1);
    // One nobody has is asked about once in a while.
    let unknown = api_key::generate("csk", "live", &countersign_model::SystemRng);
    for _ in 0..3 {
        assert_eq!(word(&use_key(&world, &rule, unknown.expose(), 0).await), "api_key_unknown");
    }
    assert_eq!(world.store.asked(), 2);
    assert_eq!(word(&use_key(&world, &rule, unknown.expose(), 3).await), "api_key_unknown");
    assert_eq!(world.store.asked(), 3);
}

#[tokio::test]
async fn a_use_is_told_once_a_minute_however_often_the_key_is_looked_up() {
    let world = World::new();
    let rule = rule(&[ApiKey], |_| {});
    let key = world.key(|_| {});
    for (seconds, told) in [(0, 1), (59, 1), (60, 2), (90, 2), (1_000, 3), (1_001, 3)] {
        assert_eq!(word(&use_key(&world, &rule, key.expose(), seconds).await), "ok usr_1");
        assert_eq!(world.store.uses.load(Ordering::SeqCst), told, "after {seconds} s");
    }
    assert_eq!(world.store.asked(), 2);
}

#[tokio::test]
async fn each_limit_of_a_key_has_its_reason() {
    let world = World::new();
    let rule = rule(&[ApiKey], |_| {});
    let (unauthorized, forbidden) = (StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN);
    for (key, reason, status) in [
        (world.key(|k| k.status = ApiKeyStatus::Revoked), "api_key_revoked", unauthorized),
        (world.key(|k| k.expires_at = Some(at(0))), "api_key_expired", unauthorized),
        (
            world.key(|k| k.addresses = AddressList::new(vec!["10.0.0.0/8".parse().unwrap()])),
            "api_key_address_not_allowed",
            unauthorized,
        ),
        (world.key(|k| k.routes = vec!["invoices".to_owned()]), "api_key_route_not_allowed", forbidden),
    ] {
        for _ in 0..2 {
            let denial = denial(use_key(&world, &rule, key.expose(), 0).await);
            assert_eq!((denial.reason(), denial.status()), (reason, status));
            assert_eq!(denial.subject().unwrap().as_str(), "usr_1");
        }
    }
    let fine = world.key(|k| {
        k.expires_at = Some(at(10));
        k.addresses = AddressList::new(vec!["192.0.2.0/24".parse().unwrap()]);
        k.routes = vec!["orders".to_owned()];
    });
    assert_eq!(word(&use_key(&world, &rule, fine.expose(), 0).await), "ok usr_1");
    assert_eq!(word(&use_key(&world, &rule, fine.expose(), 10).await), "api_key_expired");
    assert_eq!(world.store.uses.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_change_is_seen_at_once() {
    let world = World::new();
    let rule = rule(&[ApiKey], |_| {});
    let key = world.key(|_| {});
    assert_eq!(word(&use_key(&world, &rule, key.expose(), 0).await), "ok usr_1");
    let stored = world.store.keys.lock().unwrap()[&key.hash()].clone();
    let revoked = countersign_model::ApiKey { status: ApiKeyStatus::Revoked, ..(*stored).clone() };
    world.store.keys.lock().unwrap().insert(key.hash(), Arc::new(revoked));
    world.access.apply(&Change::ApiKey(key.hash()), at(0));
    assert_eq!(word(&use_key(&world, &rule, key.expose(), 0).await), "api_key_revoked");
    // One that was unknown a moment ago and is made now.
    let fresh = api_key::generate("csk", "live", &countersign_model::SystemRng);
    assert_eq!(word(&use_key(&world, &rule, fresh.expose(), 0).await), "api_key_unknown");
    let made = countersign_model::ApiKey { hash: fresh.hash(), ..(*stored).clone() };
    world.store.keys.lock().unwrap().insert(fresh.hash(), Arc::new(made));
    world.access.apply(&Change::ApiKey(fresh.hash()), at(0));
    assert_eq!(word(&use_key(&world, &rule, fresh.expose(), 0).await), "ok usr_1");
}

#[tokio::test]
async fn a_key_dies_with_its_owners_account() {
    let world = World::new();
    let rule = rule(&[ApiKey], |_| {});
    let key = world.key(|_| {});
    let owner = countersign_model::UserId::from("usr_1");
    assert_eq!(word(&use_key(&world, &rule, key.expose(), 0).await), "ok usr_1");
    world.access.apply(&Change::User(owner.clone(), "alice".parse().unwrap()), at(0));
    for _ in 0..3 {
        assert_eq!(word(&use_key(&world, &rule, key.expose(), 0).await), "ok usr_1");
    }
    world.store.revocations.lock().unwrap().disabled_users.push(owner.clone());
    world.access.apply(&Change::User(owner, "alice".parse().unwrap()), at(0));
    for _ in 0..3 {
        assert_eq!(word(&use_key(&world, &rule, key.expose(), 0).await), "token_revoked");
    }
}

#[tokio::test]
async fn known_keys_count_while_the_store_is_away() {
    let world = World::new();
    let rule = rule(&[ApiKey], |_| {});
    let (known, unknown) = (world.key(|_| {}), world.key(|_| {}));
    let first = identity(&use_key(&world, &rule, known.expose(), 0).await);
    world.store.down.store(true, Ordering::SeqCst);
    let later = identity(&use_key(&world, &rule, known.expose(), 1000).await);
    assert_eq!(first.cache_key(), later.cache_key());
    let denial = denial(use_key(&world, &rule, unknown.expose(), 1000).await);
    assert_eq!((denial.reason(), denial.status()), ("lookup_failed", StatusCode::SERVICE_UNAVAILABLE));
}

#[tokio::test]
async fn a_keys_rate_is_its_own_and_outlives_a_refresh() {
    let world = World::new();
    let rule = rule(&[ApiKey], |_| {});
    let (slow, other) = (world.key(|k| k.requests_per_minute = Some(2)), world.key(|_| {}));
    assert_eq!(word(&use_key(&world, &rule, slow.expose(), 0).await), "ok usr_1");
    assert_eq!(word(&use_key(&world, &rule, slow.expose(), 0).await), "ok usr_1");
    let denial = denial(use_key(&world, &rule, slow.expose(), 0).await);
    assert_eq!((denial.reason(), denial.status()), ("api_key_rate", StatusCode::TOO_MANY_REQUESTS));
    assert_eq!(denial.response("r").headers()["retry-after"], "30");
    assert!(denial.www_authenticate().is_empty());
    assert_eq!(word(&use_key(&world, &rule, other.expose(), 0).await), "ok usr_1");
    assert_eq!(word(&use_key(&world, &rule, slow.expose(), 30).await), "ok usr_1");
    assert_eq!(word(&use_key(&world, &rule, slow.expose(), 31).await), "api_key_rate");
}

#[tokio::test]
async fn one_more_look_at_a_request_that_goes_on_is_no_use_of_its_key() {
    let world = World::new();
    let rule = rule(&[ApiKey], |_| {});
    let key = world.key(|k| k.requests_per_minute = Some(1));
    assert_eq!(word(&use_key(&world, &rule, key.expose(), 0).await), "ok usr_1");
    let used = world.store.uses.load(Ordering::SeqCst);
    let mut headers = http::HeaderMap::new();
    headers.insert("x-api-key", key.expose().parse().unwrap());
    let address = "192.0.2.1".parse().unwrap();
    let request = RequestParts {
        authority: "orders.example.com",
        method: &http::Method::GET,
        path: "/orders",
        query: None,
        headers: &headers,
        client_address: address,
        secure: true,
    };
    let peer = Peer::new(address, None);
    for second in 0..5 {
        assert_eq!(word(&world.access.check_again(&request, &peer, &rule, at(second)).await), "ok usr_1");
    }
    assert_eq!(world.store.uses.load(Ordering::SeqCst), used);
    assert_eq!(word(&use_key(&world, &rule, key.expose(), 5).await), "api_key_rate");
    assert_eq!(word(&world.access.check_again(&request, &peer, &rule, at(5)).await), "ok usr_1");
    let other = rule_for_others();
    let said = word(&world.access.check_again(&request, &peer, &other, at(5)).await);
    assert_eq!(said, "subject_not_admitted", "the rule of now decides");
}

fn rule_for_others() -> Rule {
    rule(&[ApiKey], |r| r.subjects = vec!["usr_2".to_owned()])
}

#[tokio::test]
async fn every_placement_works_and_only_the_chosen_ones() {
    let world = World::new();
    let everywhere = rule(&[ApiKey], |r| {
        r.api_key.bearer = true;
        r.api_key.query = Some("api_key".to_owned());
        r.api_key.headers = vec!["X-Token".to_owned(), "X-API-Key".to_owned()];
    });
    let key = world.key(|_| {});
    let key = key.expose().as_str();
    let (bearer, scheme, query) =
        (format!("Bearer {key}"), format!("ApiKey {key}"), format!("a=1&api_key={key}"));
    for (headers, query, place) in [
        (vec![("Authorization", bearer.as_str())], None, Placement::Authorization),
        (vec![("Authorization", scheme.as_str())], None, Placement::Authorization),
        (vec![("x-token", key)], None, Placement::Header(http::HeaderName::from_static("x-token"))),
        (vec![], Some(query.as_str()), Placement::Query),
    ] {
        let ask = Ask { headers: &headers, query, ..Ask::default() };
        match world.ask_as(&everywhere, &ask, at(0)).await {
            Decision::Allow(permit) => assert_eq!(*permit.placement(), place),
            Decision::Deny(denial) => panic!("{}", denial.reason()),
        }
    }
    assert_eq!(everywhere.public_query(&query), "a=1");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn one_wrong_byte_never_opens(at_byte in 0usize..58, to in 0x21u8..0x7f) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let world = World::new();
        let rule = rule(&[ApiKey], |_| {});
        let key = world.key(|_| {});
        let mut bytes = key.expose().clone().into_bytes();
        prop_assume!(bytes[at_byte] != to);
        bytes[at_byte] = to;
        let wrong = String::from_utf8(bytes).unwrap();
        let decision = runtime.block_on(use_key(&world, &rule, &wrong, 0));
        prop_assert_eq!(word(&decision), "api_key_malformed");
        prop_assert_eq!(world.store.asked(), 0);
    }
}
