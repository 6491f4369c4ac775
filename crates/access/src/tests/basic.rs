//! User names and passwords.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_model::Method::Basic;
use countersign_model::{PasswordHashText, UserId};
use http::StatusCode;

use super::support::*;
use crate::ports::Change;
use crate::*;

fn header(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

async fn sign_in(world: &World, from: &str, name: &str, password: &str, seconds: i64) -> Decision {
    let value = header(name, password);
    let ask = Ask { headers: &[("Authorization", &value)], address: from, ..Ask::default() };
    world.ask_as(&rule(&[Basic], |_| {}), &ask, at(seconds)).await
}

const HOME: &str = "192.0.2.1";
const ELSEWHERE: &str = "198.51.100.1";

#[tokio::test]
async fn a_right_pair_is_remembered_for_a_short_time() {
    let world = World::with(|settings| settings.limits.basic_life = Duration::from_secs(60));
    world.account("alice");
    let first = identity(&sign_in(&world, HOME, "Alice", "secret", 0).await);
    assert_eq!(first.subject.as_str(), "usr_alice");
    assert_eq!(first.scopes.to_string(), "orders.read");
    let second = identity(&sign_in(&world, ELSEWHERE, "Alice", "secret", 59).await);
    assert_eq!(first.cache_key(), second.cache_key());
    assert_eq!(world.store.asked(), 1);
    assert_eq!(word(&sign_in(&world, HOME, "Alice", "secret", 60).await), "ok usr_alice");
    assert_eq!(world.store.asked(), 2);
}

#[tokio::test]
async fn wrong_unknown_disabled_and_without_password_look_the_same() {
    let world = World::new();
    world.account("alice");
    {
        let mut accounts = world.store.accounts.lock().unwrap();
        let mut disabled = accounts["alice"].clone();
        disabled.enabled = false;
        let mut without = accounts["alice"].clone();
        without.password = None;
        accounts.insert("disabled".to_owned(), disabled);
        accounts.insert("without".to_owned(), without);
    }
    for (name, password) in [
        ("alice", "wrong"),
        ("alice", ""),
        ("nobody", "secret"),
        ("", "secret"),
        ("disabled", "secret"),
        ("without", "secret"),
        ("a b", "secret"),
    ] {
        let denial = denial(sign_in(&world, HOME, name, password, 0).await);
        assert_eq!(
            (denial.reason(), denial.status()),
            ("wrong_password", StatusCode::UNAUTHORIZED),
            "{name}"
        );
        assert_eq!(denial.www_authenticate(), ["Basic realm=\"countersign\", charset=\"UTF-8\""]);
        assert!(denial.subject().is_none());
    }
}

#[tokio::test]
async fn a_change_of_the_account_is_seen_at_once() {
    let world = World::new();
    world.account("alice");
    assert_eq!(word(&sign_in(&world, HOME, "alice", "secret", 0).await), "ok usr_alice");
    world.store.accounts.lock().unwrap().get_mut("alice").unwrap().enabled = false;
    // Whatever the case in which the name was typed.
    assert_eq!(word(&sign_in(&world, HOME, "ALICE", "wrong", 0).await), "wrong_password");
    world.access.apply(&Change::User(UserId::from("usr_alice"), "alice".parse().unwrap()), at(0));
    assert_eq!(word(&sign_in(&world, HOME, "alice", "secret", 0).await), "wrong_password");
}

#[tokio::test]
async fn guesses_wait_longer_and_longer_and_the_owner_does_not() {
    let world = World::new();
    world.account("alice");
    // The owner's pair is remembered; the guesser sits at the same address.
    assert_eq!(word(&sign_in(&world, HOME, "alice", "secret", 0).await), "ok usr_alice");
    for guess in 0..5 {
        assert_eq!(word(&sign_in(&world, HOME, "alice", &format!("{guess}"), 0).await), "wrong_password");
    }
    let asked = world.store.asked();
    let refused = denial(sign_in(&world, HOME, "alice", "guess", 0).await);
    assert_eq!((refused.reason(), refused.status()), ("password_back_off", StatusCode::TOO_MANY_REQUESTS));
    assert_eq!(refused.response("r").headers()["retry-after"], "1");
    assert_eq!(world.store.asked(), asked, "not even looked up");
    assert_eq!(word(&sign_in(&world, HOME, "alice", "secret", 0).await), "ok usr_alice");
    assert_eq!(word(&sign_in(&world, HOME, "alice", "guess", 1).await), "wrong_password");
    assert_eq!(word(&sign_in(&world, HOME, "alice", "guess", 2).await), "password_back_off");
    // Forgotten pair: from another address the right password opens, from this one it has to wait.
    world.access.apply(&Change::User(UserId::from("usr_alice"), "alice".parse().unwrap()), at(2));
    assert_eq!(word(&sign_in(&world, HOME, "alice", "secret", 2).await), "password_back_off");
    assert_eq!(word(&sign_in(&world, ELSEWHERE, "alice", "secret", 2).await), "ok usr_alice");
    // Now the pair is remembered again, and opens everywhere.
    assert_eq!(word(&sign_in(&world, HOME, "alice", "secret", 2).await), "ok usr_alice");
}

#[tokio::test]
async fn an_address_that_guesses_many_accounts_waits_too() {
    let world = World::new();
    let mut reasons = Vec::new();
    for account in 0..40 {
        reasons.push(word(&sign_in(&world, HOME, &format!("user{account}"), "guess", 0).await));
    }
    assert_eq!(reasons.iter().filter(|reason| *reason == "wrong_password").count(), 30);
    assert_eq!(reasons.iter().filter(|reason| *reason == "password_back_off").count(), 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_is_turned_away_and_computes_little() {
    let hashing = countersign_passwords::Limits { concurrent: 1, queue: 4, wait: Duration::from_secs(60) };
    let world = Arc::new(World::build(|_| {}, hashing));
    let flood: Vec<_> = (0..200)
        .map(|n| {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                let address = format!("203.0.113.{n}");
                denial(sign_in(&world, &address, &format!("user{n}"), "guess", 0).await)
            })
        })
        .collect();
    let mut busy = 0;
    for task in flood {
        let denial = task.await.unwrap();
        match denial.reason() {
            "passwords_busy" => {
                assert_eq!(denial.status(), StatusCode::SERVICE_UNAVAILABLE);
                assert!(denial.retry_after().is_some());
                busy += 1;
            }
            reason => assert_eq!(reason, "wrong_password"),
        }
    }
    assert!(busy > 0, "the queue has four places");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_with_one_pair_that_come_together_cost_one_hash() {
    let world = Arc::new(World::new());
    world.account("alice");
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { word(&sign_in(&world, HOME, "alice", "secret", 0).await) })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), "ok usr_alice");
    }
    assert_eq!(world.store.asked(), 1);
}

#[tokio::test]
async fn a_weak_hash_of_our_own_is_replaced_and_an_imported_file_is_not_touched() {
    let world = World::new();
    world.account("file");
    let mut own = world.account("alice");
    own.user = Some(UserId::from("usr_alice"));
    world.store.accounts.lock().unwrap().insert("alice".to_owned(), own);
    assert_eq!(word(&sign_in(&world, HOME, "file", "secret", 0).await), "ok usr_file");
    assert_eq!(word(&sign_in(&world, HOME, "alice", "secret", 0).await), "ok usr_alice");
    assert_eq!(world.store.upgraded.load(Ordering::SeqCst), 1);
    let stored = world.store.accounts.lock().unwrap()["alice"].password.clone().unwrap();
    assert!(stored.expose().starts_with("$argon2id$"));
    world.access.apply(&Change::User(UserId::from("usr_alice"), "alice".parse().unwrap()), at(0));
    assert_eq!(word(&sign_in(&world, HOME, "alice", "secret", 0).await), "ok usr_alice");
    assert_eq!(world.store.upgraded.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_our_fault() {
    let world = World::new();
    world.account("alice");
    world.store.down.store(true, Ordering::SeqCst);
    for _ in 0..10 {
        let denial = denial(sign_in(&world, HOME, "alice", "secret", 0).await);
        assert_eq!((denial.reason(), denial.status()), ("lookup_failed", StatusCode::SERVICE_UNAVAILABLE));
    }
    world.store.down.store(false, Ordering::SeqCst);
    assert_eq!(word(&sign_in(&world, HOME, "alice", "secret", 0).await), "ok usr_alice");
}

#[tokio::test]
async fn a_hash_that_cannot_be_read_opens_to_nobody() {
    let world = World::new();
    world.account("alice");
    world.store.accounts.lock().unwrap().get_mut("alice").unwrap().password =
        Some(PasswordHashText::new("secret"));
    assert_eq!(word(&sign_in(&world, HOME, "alice", "secret", 0).await), "wrong_password");
}
