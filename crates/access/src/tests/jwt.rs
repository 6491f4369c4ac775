//! Tokens of the own issuer: every reason of refusal, and what is remembered.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_jose::{Algorithm, SigningKey};
use countersign_model::Method::{Basic, Jwt};
use countersign_model::{ClientId, GrantId, KeyId, SecretBytes, TokenId, UserId};
use http::StatusCode;
use serde_json::{Value, json};

use super::support::*;
use crate::ports::{Change, Revocations};
use crate::*;

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// Signs with a header of one's own.
fn sign_with_header(key: &SigningKey, header: &Value, claims: &str) -> String {
    let input = format!("{}.{}", encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes()).unwrap());
    format!("{input}.{signature}")
}

#[tokio::test]
async fn a_good_token_becomes_an_identity() {
    let world = World::new();
    let rule = rule(&[Jwt], |r| r.scopes = "orders.read".parse().unwrap());
    let token = world.token(|claims| {
        claims["auth_time"] = json!(NOW - 60);
        claims["acr"] = json!("silver");
        claims["amr"] = json!(["pwd", "otp"]);
        claims["act"] = json!({"sub": "cli_2", "act": {"sub": "cli_3", "iss": "https://other"}});
    });
    let identity = identity(&world.bearer(&rule, &token, at(0)).await);
    assert_eq!(identity.subject.as_str(), "usr_1");
    assert_eq!(identity.issuer.as_str(), ISSUER);
    assert_eq!(&*identity.issuer_name, OWN);
    assert_eq!(identity.client.as_ref().unwrap().as_str(), "cli_1");
    assert_eq!(identity.scopes.to_string(), "orders.read");
    assert_eq!(identity.auth_time, Some(at(-60)));
    assert_eq!(identity.acr.as_deref(), Some("silver"));
    assert_eq!(identity.amr, ["pwd".into(), "otp".into()]);
    assert_eq!(identity.actor.len(), 2);
    assert_eq!(identity.actor[1].issuer.as_ref().unwrap().as_str(), "https://other");
    assert_eq!(identity.expires_at, at(600));
    assert_eq!(identity.grant.as_ref().unwrap().as_str(), "grt_1");
}

#[tokio::test]
async fn every_fault_has_its_reason_and_outside_they_are_one() {
    let world = World::new();
    let key = Arc::clone(&world.store.signing.lock().unwrap()[0]);
    let kid = key.kid().as_str();
    let other = SigningKey::generate(Algorithm::ES256).unwrap();
    let impostor = SigningKey::generate(Algorithm::ES256).unwrap().with_kid(KeyId::from(kid));
    let secret = SecretBytes::new(key.public_jwk_value().unwrap().to_string().into_bytes());
    let confused = SigningKey::from_secret(&secret, Algorithm::HS256, KeyId::from(kid)).unwrap();
    let good = claims();
    let text = good.to_string();
    let with = |change: &dyn Fn(&mut Value)| world.token(|claims| change(claims));
    let header = |extra: Value| {
        let mut header = json!({"alg": "ES256", "kid": kid, "typ": "at+jwt"});
        header.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        sign_with_header(&key, &header, &text)
    };
    let token = with(&|_| {});
    let (head, tail) = token.rsplit_once('.').unwrap();
    let none = format!("{}.{}.", encode(&json!({"alg": "none", "typ": "at+jwt"})), encode(&good));
    let twice = text.replacen("\"iss\"", "\"sub\":\"usr_2\",\"iss\"", 1);
    let header_twice = {
        let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"ES256","kid":"{kid}","alg":"ES256"}}"#));
        format!("{header}.{}.{tail}", encode(&good))
    };
    for (token, reason) in [
        (none, "token_algorithm_not_allowed"),
        (sign(&confused, Some("at+jwt"), &good), "token_algorithm_not_allowed"),
        (header(json!({"jwk": other.public_jwk_value()})), "token_embedded_key"),
        (header(json!({"jku": "https://evil.example.com/jwks"})), "token_embedded_key"),
        (header(json!({"x5u": "https://evil.example.com/x5u"})), "token_embedded_key"),
        (header(json!({"x5c": ["MIIB"]})), "token_embedded_key"),
        (header(json!({"crit": ["b64"], "b64": false})), "token_unknown_critical"),
        (header(json!({"crit": ["x"], "x": 1})), "token_unknown_critical"),
        (sign(&impostor, Some("at+jwt"), &good), "token_bad_signature"),
        (format!("{head}."), "token_bad_signature"),
        (sign(&other, Some("at+jwt"), &good), "token_unknown_key"),
        (with(&|c| c["iss"] = json!("https://evil.example.com")), "token_unknown_issuer"),
        (with(&|c| c["iss"] = json!(7)), "token_invalid_claim"),
        (with(&|c| c["aud"] = json!("https://else.example.com")), "token_wrong_audience"),
        (with(&|c| c["aud"] = json!([])), "token_wrong_audience"),
        (with(&|c| drop(c.as_object_mut().unwrap().remove("aud"))), "token_wrong_audience"),
        (sign(&key, Some("JWT"), &good), "token_wrong_type"),
        (sign(&key, None, &good), "token_wrong_type"),
        (with(&|c| c["exp"] = json!(NOW - 5)), "token_expired"),
        (with(&|c| drop(c.as_object_mut().unwrap().remove("exp"))), "token_invalid_claim"),
        (with(&|c| c["nbf"] = json!(NOW + 60)), "token_not_yet_valid"),
        (with(&|c| c["iat"] = json!(NOW + 60)), "token_not_yet_valid"),
        (with(&|c| c["sub"] = json!(["usr_1"])), "token_invalid_claim"),
        (with(&|c| c["sub"] = json!("a\r\nb")), "token_invalid_claim"),
        (with(&|c| c["scope"] = json!(7)), "token_invalid_claim"),
        (with(&|c| c["cnf"] = json!({"kid": "x"})), "token_binding_unsupported"),
        (with(&|c| c["cnf"] = json!({"x5t#S256": "short"})), "token_invalid_claim"),
        (
            sign_with_header(&key, &json!({"alg": "ES256", "kid": kid, "typ": "at+jwt"}), &twice),
            "token_duplicate_member",
        ),
        (header_twice, "token_duplicate_member"),
        (format!("{head}.{tail}=="), "token_illegal_base64"),
        (format!("{head}+.{tail}"), "token_bad_signature"),
        ("a.b".to_owned(), "token_malformed"),
        ("a.b.c.d.e".to_owned(), "token_malformed"),
        ("e30.e30.".to_owned(), "token_malformed"),
        (format!("{head}.{}", "A".repeat(20_000)), "token_too_large"),
    ] {
        let rule = rule(&[Jwt, Basic], |_| {});
        for _ in 0..2 {
            let denial = denial(world.bearer(&rule, &token, at(0)).await);
            if reason == "token_bad_signature" && denial.reason() == "token_illegal_base64" {
                continue; // a `+` in the payload may be found first
            }
            assert_eq!(denial.reason(), reason, "{token}");
            assert_eq!(denial.status(), StatusCode::UNAUTHORIZED);
            let challenges = denial.www_authenticate();
            assert_eq!(challenges[0], "Bearer realm=\"countersign\", error=\"invalid_token\"");
            assert!(challenges[1].to_str().unwrap().starts_with("DPoP realm=\"countersign\", algs="));
            assert_eq!(challenges[2..], ["Basic realm=\"countersign\", charset=\"UTF-8\""]);
            let problem: Value = serde_json::from_str(&denial.problem("req_1")).unwrap();
            assert_eq!(problem["error"], "invalid_token");
            assert_eq!(problem["detail"], "The credential is not valid here.");
        }
    }
}

#[tokio::test]
async fn a_token_in_a_hurry_and_its_last_moment() {
    let world = World::new();
    let rule = rule(&[Jwt], |_| {});
    let token = world.token(|_| {});
    // Five seconds of difference between clocks are allowed; remembered or not makes no difference.
    assert_eq!(word(&world.bearer(&rule, &token, at(-5)).await), "ok usr_1");
    assert_eq!(word(&world.bearer(&rule, &token, at(604)).await), "ok usr_1");
    assert_eq!(word(&world.bearer(&rule, &token, at(605)).await), "token_expired");
    assert_eq!(word(&world.bearer(&rule, &token, at(605)).await), "token_expired");
}

#[tokio::test]
async fn a_remembered_token_is_one_identity_and_every_route_judges_it_anew() {
    let world = World::new();
    let token = world.token(|_| {});
    let open = rule(&[Jwt], |_| {});
    let first = identity(&world.bearer(&open, &token, at(0)).await);
    let second = identity(&world.bearer(&open, &token, at(1)).await);
    assert!(Arc::ptr_eq(&first, &second));
    assert_eq!(first.cache_key(), second.cache_key());
    for (rule, reason) in [
        (rule(&[Jwt], |r| r.audience = Some("https://else".to_owned())), "token_wrong_audience"),
        (rule(&[Jwt], |r| r.audience = None), "token_wrong_audience"),
        (rule(&[Jwt], |r| r.issuers = vec!["partner".to_owned()]), "token_issuer_not_accepted"),
        (rule(&[Jwt], |r| r.scopes = "orders.read orders.write".parse().unwrap()), "insufficient_scope"),
        (rule(&[Jwt], |r| r.subjects = vec!["cli_*".to_owned()]), "subject_not_admitted"),
        (rule(&[Basic], |_| {}), "method_not_accepted"),
        (Rule::broken("orders"), "policy_broken"),
    ] {
        assert_eq!(word(&world.bearer(&rule, &token, at(1)).await), reason);
    }
    let admitted = rule(&[Jwt], |r| r.subjects = vec!["cli_*".to_owned(), "usr_*".to_owned()]);
    assert_eq!(word(&world.bearer(&admitted, &token, at(1)).await), "ok usr_1");
}

#[tokio::test]
async fn a_broken_policy_denies_everybody() {
    let world = World::new();
    let denial = denial(world.ask(&Rule::broken("orders"), &[], at(0)).await);
    assert_eq!((denial.reason(), denial.status()), ("policy_broken", StatusCode::SERVICE_UNAVAILABLE));
}

#[tokio::test]
async fn revocation_reaches_remembered_tokens_at_once() {
    let rule = rule(&[Jwt], |_| {});
    for change in [
        Change::TokenRevoked(TokenId::from("tok_1"), at(600)),
        Change::GrantRevoked(GrantId::from("grt_1"), at(600)),
    ] {
        let world = World::new();
        let token = world.token(|_| {});
        let unrelated = world.token(|c| {
            c["jti"] = json!("tok_2");
            c["grant_id"] = json!("grt_2");
        });
        assert_eq!(word(&world.bearer(&rule, &token, at(0)).await), "ok usr_1");
        assert_eq!(word(&world.bearer(&rule, &unrelated, at(0)).await), "ok usr_1");
        world.access.apply(&change, at(1));
        assert_eq!(word(&world.bearer(&rule, &token, at(1)).await), "token_revoked");
        assert_eq!(word(&world.bearer(&rule, &unrelated, at(1)).await), "ok usr_1");
        // Not only what was remembered.
        let again = World::new();
        again.access.apply(&change, at(1));
        let token = again.token(|_| {});
        assert_eq!(word(&again.bearer(&rule, &token, at(1)).await), "token_revoked");
    }
}

#[tokio::test]
async fn a_client_or_account_that_changed_is_asked_about_once() {
    let rule = rule(&[Jwt], |_| {});
    let world = World::new();
    let token = world.token(|_| {});
    let changes = [
        Change::Client(ClientId::from("cli_1")),
        Change::User(UserId::from("usr_1"), "alice".parse().unwrap()),
    ];
    assert_eq!(word(&world.bearer(&rule, &token, at(0)).await), "ok usr_1");
    for change in &changes {
        world.access.apply(change, at(0));
        let asked = world.store.asked();
        for _ in 0..3 {
            assert_eq!(word(&world.bearer(&rule, &token, at(0)).await), "ok usr_1");
        }
        assert_eq!(world.store.asked(), asked + 1);
    }
    // What can't be known is refused, and asked again.
    world.access.apply(&changes[0], at(0));
    world.store.down.store(true, Ordering::SeqCst);
    let refused = denial(world.bearer(&rule, &token, at(0)).await);
    assert_eq!((refused.reason(), refused.status()), ("lookup_failed", StatusCode::SERVICE_UNAVAILABLE));
    world.store.down.store(false, Ordering::SeqCst);
    assert_eq!(word(&world.bearer(&rule, &token, at(0)).await), "ok usr_1");
    // Disabled.
    world.store.revocations.lock().unwrap().disabled_clients.push(ClientId::from("cli_1"));
    world.access.apply(&changes[0], at(0));
    assert_eq!(word(&world.bearer(&rule, &token, at(0)).await), "token_revoked");
    let asked = world.store.asked();
    assert_eq!(word(&world.bearer(&rule, &token, at(0)).await), "token_revoked");
    assert_eq!(world.store.asked(), asked);
    // Enabled again.
    world.store.revocations.lock().unwrap().disabled_clients.clear();
    world.access.apply(&changes[0], at(0));
    assert_eq!(word(&world.bearer(&rule, &token, at(0)).await), "ok usr_1");
}

#[tokio::test]
async fn the_list_is_learnt_at_start() {
    let rule = rule(&[Jwt], |_| {});
    let world = World::new();
    *world.store.revocations.lock().unwrap() = Revocations {
        tokens: vec![(TokenId::from("tok_1"), at(600))],
        grants: Vec::new(),
        disabled_clients: vec![ClientId::from("cli_2")],
        disabled_users: vec![UserId::from("usr_3")],
    };
    world.store.down.store(true, Ordering::SeqCst);
    assert!(world.access.load_revocations(at(0)).await.is_err());
    world.store.down.store(false, Ordering::SeqCst);
    world.access.load_revocations(at(0)).await.unwrap();
    let ids = |jti: &str, client: &str, user: &str| {
        world.token(|c| {
            c["jti"] = json!(jti);
            c["client_id"] = json!(client);
            c["sub"] = json!(user);
        })
    };
    assert_eq!(word(&world.bearer(&rule, &ids("tok_1", "cli_1", "usr_1"), at(0)).await), "token_revoked");
    assert_eq!(word(&world.bearer(&rule, &ids("tok_2", "cli_2", "usr_1"), at(0)).await), "token_revoked");
    assert_eq!(word(&world.bearer(&rule, &ids("tok_3", "cli_1", "usr_3"), at(0)).await), "token_revoked");
    assert_eq!(word(&world.bearer(&rule, &ids("tok_4", "cli_1", "usr_1"), at(0)).await), "ok usr_1");
}

#[tokio::test]
async fn a_key_that_is_retired_at_once_takes_its_tokens_along() {
    let rule = rule(&[Jwt], |_| {});
    let world = World::new();
    let token = world.token(|_| {});
    assert_eq!(word(&world.bearer(&rule, &token, at(0)).await), "ok usr_1");
    // A rotation that keeps the old key published: no request fails.
    let next = Arc::new(SigningKey::generate(Algorithm::ES256).unwrap());
    world.store.signing.lock().unwrap().insert(0, next);
    world.store.generation.fetch_add(1, Ordering::SeqCst);
    assert_eq!(word(&world.bearer(&rule, &token, at(1)).await), "ok usr_1");
    assert_eq!(word(&world.bearer(&rule, &world.token(|_| {}), at(1)).await), "ok usr_1");
    // An emergency.
    world.store.signing.lock().unwrap().truncate(1);
    world.store.generation.fetch_add(1, Ordering::SeqCst);
    assert_eq!(word(&world.bearer(&rule, &token, at(2)).await), "token_unknown_key");
}

#[tokio::test]
async fn a_new_configuration_forgets_and_a_broken_one_changes_nothing() {
    let rule = rule(&[Jwt], |_| {});
    let world = World::new();
    let token = world.token(|_| {});
    assert_eq!(word(&world.bearer(&rule, &token, at(0)).await), "ok usr_1");
    let hasher =
        || countersign_passwords::Hasher::new(Default::default(), Arc::new(countersign_model::SystemRng));
    let mut broken = settings(&world.store);
    broken.issuers.push(broken.issuers[0].clone());
    assert!(world.access.replace_config(broken, sources(&world.store, hasher())).is_err());
    assert_eq!(word(&world.bearer(&rule, &token, at(0)).await), "ok usr_1");
    let mut without = settings(&world.store);
    without.issuers.clear();
    world.access.replace_config(without, sources(&world.store, hasher())).unwrap();
    assert_eq!(word(&world.bearer(&rule, &token, at(0)).await), "token_unknown_issuer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_is_never_overlooked_under_load() {
    let world = Arc::new(World::new());
    let tokens: Vec<String> =
        (0..16).map(|n| world.token(|c| c["jti"] = json!(format!("tok_{n}")))).collect();
    let tokens = Arc::new(tokens);
    let load: Vec<_> = (0..4)
        .map(|worker| {
            let (world, tokens) = (Arc::clone(&world), Arc::clone(&tokens));
            tokio::spawn(async move {
                let rule = rule(&[Jwt], |_| {});
                for round in 0..400 {
                    let _ = world.bearer(&rule, &tokens[(round + worker) % 16], at(0)).await;
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    let rule = rule(&[Jwt], |_| {});
    for n in 0..16 {
        world.access.apply(&Change::TokenRevoked(TokenId::new(format!("tok_{n}")), at(600)), at(0));
        assert_eq!(word(&world.bearer(&rule, &tokens[n], at(0)).await), "token_revoked");
        tokio::task::yield_now().await;
    }
    for task in load {
        task.await.unwrap();
    }
    for token in tokens.iter() {
        assert_eq!(word(&world.bearer(&rule, token, at(0)).await), "token_revoked");
    }
}
