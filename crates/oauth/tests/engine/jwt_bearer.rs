//! JWT bearer authorization grants (RFC 7523 §2.1, §3).

use std::sync::Arc;
use std::time::Duration;

use countersign_jose::Algorithm;
use countersign_model::GrantType;
use countersign_oauth::{
    Error, ForeignRefusal, GrantRefusal, IssuerKeys, JwtBearerRule, KeysUnavailable, Settings,
    SubjectMapping, TokenResponse, TrustedIssuer,
};
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::*;

const BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

fn rule() -> JwtBearerRule {
    JwtBearerRule {
        issuer: "partner".to_owned(),
        clients: ["cli".into()].into(),
        scopes: scopes("read admin"),
        max_lifetime: Duration::from_secs(600),
    }
}

async fn house(trusted: Arc<TrustedIssuer>) -> House {
    let change = |settings: &mut Settings| {
        settings.trusted_issuers = [("partner".to_owned(), trusted)].into();
        settings.jwt_bearer_rules = vec![rule()];
    };
    let house = House::with(change, Algorithm::ES256).await;
    for id in ["cli", "other"] {
        house.client(id, |client| client.grant_types = [GrantType::JwtBearer].into());
    }
    house
}

async fn bring(
    house: &House,
    id: &str,
    assertion: &str,
    more: &[(&str, &str)],
) -> Result<TokenResponse, Error> {
    let mut form = vec![("grant_type", BEARER), ("assertion", assertion)];
    change(&mut form, more);
    house.token(id, &form).await
}

fn refusal(result: Result<TokenResponse, Error>) -> GrantRefusal {
    match result {
        // RFC 7523 §3.1.
        Err(error @ Error::InvalidGrant(refusal)) => {
            assert_eq!((error.status(), error.code()), (400, "invalid_grant"));
            refusal
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_word_of_a_trusted_issuer_gives_a_token() {
    let partner = Partner::new();
    let house = house(partner.trusted(SubjectMapping::Username)).await;
    let answer = bring(&house, "cli", &partner.token(&json!({})), &[]).await.unwrap();
    let (_, claims) = read_jwt(&answer.access_token);
    assert_eq!((&claims["sub"], &claims["client_id"]), (&"usr_alice".into(), &"cli".into()));
    assert!(claims.get("auth_time").is_none(), "nobody signed in here");
    // What the rule and the client both allow; the assertion's own scopes are not asked.
    assert_eq!(answer.scope, scopes("read"));
    assert!(answer.refresh_token.is_none());
    // The person finds it among the grants, and ends it there.
    let grant = claims["grant_id"].as_str().unwrap().into();
    assert_eq!(house.memory.tables().grants[&grant].user.as_str(), "usr_alice");
    assert!(house.is_active("cli", &answer.access_token).await);
    house.disable_user("alice");
    assert!(!house.is_active("cli", &answer.access_token).await);
}

#[tokio::test]
async fn scopes_and_clients_are_the_rules() {
    let partner = Partner::new();
    let house = house(partner.trusted(SubjectMapping::Foreign)).await;
    for scope in ["write", "admin", "read write", "openid"] {
        let asked = bring(&house, "cli", &partner.token(&json!({})), &[("scope", scope)]).await;
        assert!(matches!(asked, Err(Error::InvalidScope)), "{scope}");
    }
    let token = partner.token(&json!({}));
    assert!(matches!(bring(&house, "other", &token, &[]).await, Err(Error::UnauthorizedClient)));
    let foreign = bring(&house, "cli", &token, &[("resource", "https://elsewhere.example")]).await;
    assert!(matches!(foreign, Err(Error::InvalidTarget)));
    assert!(matches!(bring(&house, "cli", "", &[("assertion", "")]).await, Err(Error::Missing("assertion"))));
    // None of these spent it.
    let answer = bring(&house, "cli", &token, &[("scope", "read")]).await.unwrap();
    assert_eq!(read_jwt(&answer.access_token).1["sub"], "partner|alice");
}

#[tokio::test]
async fn assertions_are_held_to_every_point() {
    let partner = Partner::new();
    let house = house(partner.trusted(SubjectMapping::Username)).await;
    let token_endpoint = format!("{ISSUER}/token");
    assert!(
        bring(&house, "cli", &partner.token(&json!({ "aud": token_endpoint, "jti": "j2" })), &[])
            .await
            .is_ok()
    );
    let typed = partner.token_of_type("authorization-grant+jwt", &json!({ "jti": "j3" }));
    assert!(bring(&house, "cli", &typed, &[]).await.is_ok());
    for (changes, expected) in [
        (json!({ "aud": "https://elsewhere.example" }), ForeignRefusal::Audience),
        (json!({ "aud": [ISSUER, "https://elsewhere.example"] }), ForeignRefusal::Audience),
        (json!({ "aud": null }), ForeignRefusal::Audience),
        (json!({ "iss": "https://stranger.example" }), ForeignRefusal::Issuer),
        (json!({ "iss": null }), ForeignRefusal::Malformed),
        (json!({ "sub": null }), ForeignRefusal::Claims),
        (json!({ "sub": "nobody" }), ForeignRefusal::Subject),
        (json!({ "exp": null }), ForeignRefusal::Claims),
        (json!({ "exp": START - 11 }), ForeignRefusal::Time),
        (json!({ "exp": START + 611 }), ForeignRefusal::Time),
        (json!({ "nbf": START + 11 }), ForeignRefusal::Time),
        (json!({ "jti": null }), ForeignRefusal::Claims),
        (json!({ "jti": "x".repeat(257) }), ForeignRefusal::Claims),
    ] {
        let refused = refusal(bring(&house, "cli", &partner.token(&changes), &[]).await);
        assert_eq!(refused, GrantRefusal::Assertion(expected), "{changes}");
    }
    let stranger = Partner::new().token(&json!({}));
    let forged = refusal(bring(&house, "cli", &stranger, &[]).await);
    assert_eq!(forged, GrantRefusal::Assertion(ForeignRefusal::Signature));
    let typed = partner.token_of_type("at+jwt", &json!({ "jti": "j4" }));
    let access_token = refusal(bring(&house, "cli", &typed, &[]).await);
    assert_eq!(
        access_token,
        GrantRefusal::Assertion(ForeignRefusal::Malformed),
        "an access token is no grant"
    );
    let none = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL3BhcnRuZXIuZXhhbXBsZSJ9.";
    for text in ["x", "a.b.c", none, &"x".repeat(20_000)] {
        let refused = refusal(bring(&house, "cli", text, &[]).await);
        assert_eq!(refused, GrantRefusal::Assertion(ForeignRefusal::Malformed));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_assertion_counts_once() {
    let partner = Partner::new();
    let house = Arc::new(house(partner.trusted(SubjectMapping::Username)).await);
    let token = partner.token(&json!({}));
    let mut tries = JoinSet::new();
    for _ in 0..100 {
        let (house, token) = (Arc::clone(&house), token.clone());
        tries.spawn(async move { bring(&house, "cli", &token, &[]).await });
    }
    let results = tries.join_all().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for result in results.into_iter().filter(Result::is_err) {
        assert_eq!(refusal(result), GrantRefusal::AssertionReplayed);
    }
}

#[tokio::test]
async fn keys_come_from_where_the_issuer_publishes_them() {
    let partner = Partner::new();
    let mut trusted = TrustedIssuer::clone(&partner.trusted(SubjectMapping::Foreign));
    trusted.keys = IssuerKeys::Url("https://partner.example/jwks".to_owned());
    let house = house(Arc::new(trusted)).await;
    // The first set is old; another look finds the key.
    let old = Partner::new().jwks();
    *house.fetch.documents.lock().unwrap() = vec![Ok(old), Ok(partner.jwks())];
    assert!(bring(&house, "cli", &partner.token(&json!({})), &[]).await.is_ok());
    assert_eq!(*house.fetch.asked.lock().unwrap(), [false, true]);
    let unavailable: Vec<Result<String, KeysUnavailable>> =
        vec![Err(KeysUnavailable("no answer".to_owned()))];
    *house.fetch.documents.lock().unwrap() = unavailable;
    let refused = refusal(bring(&house, "cli", &partner.token(&json!({ "jti": "j9" })), &[]).await);
    assert_eq!(refused, GrantRefusal::Assertion(ForeignRefusal::KeysUnavailable));
}
