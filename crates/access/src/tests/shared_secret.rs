//! Our own tokens for resource servers that share a secret (HS256): only what was issued counts, and only where it was
//! issued for.

use countersign_jose::{Algorithm, SigningKey};
use countersign_model::Method::{Jwt, Oauth};
use countersign_model::{KeyId, SecretBytes, TokenId};
use serde_json::Value;

use super::support::*;
use crate::ports::{Change, ReferenceToken};

fn world() -> World {
    World::with(|settings| settings.issuers[0].algorithms.push(Algorithm::HS256))
}

/// The resource server's own copy of the secret.
fn secret() -> SigningKey {
    let secret = SecretBytes::new(b"the secret of the orders service".to_vec());
    SigningKey::from_secret(&secret, Algorithm::HS256, KeyId::from("shared-secret")).unwrap()
}

fn issued(world: &World, change: impl FnOnce(&mut Value)) -> String {
    let mut claims = claims();
    change(&mut claims);
    let token = sign(&secret(), Some("at+jwt"), &claims);
    let kept = ReferenceToken { claims: claims.as_object().unwrap().clone(), fresh_until: at(30) };
    world.store.references.lock().unwrap().insert(token.clone(), kept);
    token
}

#[tokio::test]
async fn what_was_issued_counts_for_its_audience_until_it_is_revoked() {
    let world = world();
    let rule_here = rule(&[Jwt], |_| {});
    let token = issued(&world, |_| {});
    for second in 0..30 {
        let identity = identity(&world.bearer(&rule_here, &token, at(second)).await);
        assert_eq!((identity.subject.as_str(), identity.method), ("usr_1", Jwt));
    }
    assert_eq!(world.store.asked(), 1, "it is remembered");
    let elsewhere = rule(&[Jwt], |rule| rule.audience = Some("https://billing.example.com".to_owned()));
    assert_eq!(word(&world.bearer(&elsewhere, &token, at(1)).await), "token_wrong_audience");
    let only_references = rule(&[Oauth], |_| {});
    assert_eq!(word(&world.bearer(&only_references, &token, at(1)).await), "method_not_accepted");
    let expired = issued(&world, |claims| claims["exp"] = (NOW - 5).into());
    assert_eq!(word(&world.bearer(&rule_here, &expired, at(0)).await), "token_expired");
    world.access.apply(&Change::TokenRevoked(TokenId::from("tok_1"), at(600)), at(2));
    assert_eq!(word(&world.bearer(&rule_here, &token, at(2)).await), "token_revoked");
}

/// RFC 8725 §2.1, §3.1: who holds the secret can sign whatever they like, and it opens nothing here.
#[tokio::test]
async fn what_the_resource_server_signs_itself_is_nothing() {
    let world = world();
    let rule = rule(&[Jwt, Oauth], |_| {});
    let token = issued(&world, |_| {});
    let mut forged = claims();
    forged["scope"] = "orders.read orders.admin".into();
    for (change, value) in
        [("scope", "orders.admin"), ("sub", "usr_2"), ("aud", "https://billing.example.com")]
    {
        let mut forged = claims();
        forged[change] = value.into();
        let forged = sign(&secret(), Some("at+jwt"), &forged);
        assert_eq!(word(&world.bearer(&rule, &forged, at(0)).await), "token_unknown", "{change}");
    }
    // The name of a key of ours does not make the secret one of ours, nor a public key a secret (RFC 8725 §2.1).
    let public = world.store.signing.lock().unwrap()[0].public_jwk_value().unwrap().to_string();
    let kid = world.store.signing.lock().unwrap()[0].kid().clone();
    for secret in [secret().with_kid(kid.clone()), {
        let secret = SecretBytes::new(public.into_bytes());
        SigningKey::from_secret(&secret, Algorithm::HS256, kid).unwrap()
    }] {
        let forged = sign(&secret, Some("at+jwt"), &forged);
        assert_eq!(word(&world.bearer(&rule, &forged, at(0)).await), "token_unknown");
    }
    // One character of a token that was issued, and the look-up finds nothing.
    let mut flipped = token.into_bytes();
    let last = flipped.len() - 10;
    flipped[last] = if flipped[last] == b'A' { b'B' } else { b'A' };
    let flipped = String::from_utf8(flipped).unwrap();
    assert_eq!(word(&world.bearer(&rule, &flipped, at(0)).await), "token_unknown");
}

#[tokio::test]
async fn where_no_resource_shares_a_secret_nothing_is_looked_up() {
    let world = World::new();
    let token = issued(&world, |_| {});
    assert_eq!(
        word(&world.bearer(&rule(&[Jwt], |_| {}), &token, at(0)).await),
        "token_algorithm_not_allowed"
    );
    assert_eq!(world.store.asked(), 0);
}
