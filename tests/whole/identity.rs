//! Five methods in, one identity out.

use http::StatusCode;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use serde_json::Value;

use crate::support::{Answer, Bench, House, PASSWORD, START, basic};

/// The identity token that the service saw, verified by another implementation with the keys that anybody may fetch.
async fn identity(house: &House, answer: &Answer) -> Value {
    let token = answer.seen("countersign-identity").unwrap();
    let header = decode_header(&token).unwrap();
    assert_eq!(header.typ.as_deref(), Some("identity+jwt"));
    let set = house.server(http::Method::GET, "/jwks", &[], None).await.json();
    let keys = set["keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["kid"].as_str() == header.kid.as_deref()).unwrap();
    let key =
        DecodingKey::from_ec_components(key["x"].as_str().unwrap(), key["y"].as_str().unwrap()).unwrap();
    let mut validation = Validation::new(header.alg);
    validation.set_issuer(&["https://id.example.com"]);
    // The clock is the test's: times are looked at below.
    (validation.validate_exp, validation.validate_aud) = (false, false);
    let claims = decode::<Value>(&token, &key, &validation).unwrap().claims;
    assert_eq!((claims["iat"].as_i64(), claims["exp"].as_i64()), (Some(START), Some(START + 60)), "{claims}");
    claims
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_methods_one_identity() {
    let house = House::start(Bench::new(1), "tls").await;
    let nobody = house.client_tls(None).await;
    let billing = house.client_tls(Some("spiffe://id.example.com/billing")).await;
    let (_, api_key) = house.api_key().await;
    let jwt = format!("Bearer {}", house.tokens().await.access);
    let opaque = format!("Bearer {}", house.client_credentials("opaque").await);
    let robot = basic("robot", PASSWORD);
    let calls = [
        (&nobody, Some(("authorization", jwt.as_str())), "jwt", "usr_alice"),
        (&nobody, Some(("authorization", opaque.as_str())), "oauth", "opaque"),
        (&billing, None, "mtls", "spiffe://id.example.com/billing"),
        (&nobody, Some(("authorization", robot.as_str())), "basic", "usr_robot"),
        (&nobody, Some(("x-api-key", api_key.as_str())), "api_key", "usr_robot"),
    ];
    for (tls, credential, method, subject) in calls {
        let mut headers = vec![("countersign-subject", "root"), ("Countersign_Subject", "root")];
        headers.extend(credential);
        let answer = house.gateway_over(Some(tls), "/", &headers).await;
        assert_eq!(answer.seen("countersign-subject").as_deref(), Some(subject), "{method}");
        assert_eq!(answer.seen("countersign-method").as_deref(), Some(method));
        for gone in ["authorization", "x-api-key", "countersign_subject"] {
            assert_eq!(answer.seen(gone), None, "{method}: {gone} reached the service");
        }
        let claims = identity(&house, &answer).await;
        assert_eq!((claims["sub"].as_str(), claims["method"].as_str()), (Some(subject), Some(method)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_credential_a_spoiled_one_and_too_little_are_refused() {
    let house = House::new().await;
    let none = house.gateway("/", &[]).await;
    assert_eq!(none.status, StatusCode::UNAUTHORIZED);
    assert!(!none.body.contains("error\""), "{none:?}");
    let (_, api_key) = house.api_key().await;
    let access = house.tokens().await.access;
    let opaque = house.client_credentials("opaque").await;
    // Each spoiled where only its own check can find it.
    let spoiled = |text: &str| {
        let mut bytes = text.as_bytes().to_vec();
        let at = bytes.len() - 8;
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    for (name, good, bad) in [
        ("authorization", format!("Bearer {access}"), format!("Bearer {}", spoiled(&access))),
        ("authorization", format!("Bearer {opaque}"), format!("Bearer {}", spoiled(&opaque))),
        ("authorization", basic("robot", PASSWORD), basic("robot", &spoiled(PASSWORD))),
        ("x-api-key", api_key.clone(), spoiled(&api_key)),
    ] {
        assert_eq!(house.gateway("/orders", &[(name, &good)]).await.status, StatusCode::OK, "{good}");
        let answer = house.gateway("/orders", &[(name, &bad)]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{bad}");
        assert!(!answer.header("www-authenticate").is_empty());
        assert!(!answer.body.contains(&bad), "{answer:?}");
    }
    // RFC 6750 §2: one method in a request, even if both are good.
    let both = [("authorization", &*format!("Bearer {access}")), ("x-api-key", &api_key)];
    assert_eq!(house.gateway("/orders", &both).await.status, StatusCode::BAD_REQUEST);
    // RFC 6750 §3.1: good, and not enough.
    let form = [("grant_type", "client_credentials"), ("scope", "")];
    let token = house.post("service", "/token", &form).await.text("access_token");
    assert_eq!(house.bearer(&token).await.status, StatusCode::OK);
    take_scopes(&house).await;
    let token = house.client_credentials("service").await;
    let answer = house.bearer(&token).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.header("www-authenticate").contains("insufficient_scope"), "{answer:?}");
}

/// The service may have nothing any more.
async fn take_scopes(house: &House) {
    use countersign_oauth::ports::Clients as _;
    let client = house.store().client(&"service".into()).await.unwrap().unwrap();
    let nothing = countersign_model::ScopeSet::empty();
    let after = countersign_model::Client {
        scopes: nothing.clone(),
        default_scopes: nothing,
        ..countersign_model::Client::clone(&client)
    };
    assert!(house.store().change_client(&client, &after, house.bench.now()).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_for_one_use_is_none_for_another() {
    let house = House::new().await;
    let code = house.code(&mut house.browser()).await;
    let answer = house.redeem(&code).await;
    // RFC 9068 §4, RFC 8725 §3.11: neither an ID token nor a refresh token nor a code opens a door.
    for token in [answer.text("id_token"), answer.text("refresh_token"), code] {
        assert_eq!(house.bearer(&token).await.status, StatusCode::UNAUTHORIZED, "{token}");
    }
    // What the upstream was given is for the upstream alone.
    let identity = house.bearer(&answer.text("access_token")).await.seen("countersign-identity").unwrap();
    assert_eq!(house.bearer(&identity).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(house.introspect(&identity).await, serde_json::json!({ "active": false }));
}
