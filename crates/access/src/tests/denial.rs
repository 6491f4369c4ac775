//! What a refusal says outside.

use countersign_model::Method::{ApiKey, Basic, Jwt, Mtls, Oauth};
use http::StatusCode;
use serde_json::Value;

use super::support::*;
use crate::reason::Outside;
use crate::*;

#[tokio::test]
async fn the_challenges_say_which_methods_are_accepted() {
    let world = World::new();
    let challenges = async |rule: &Rule, plain: bool| {
        let denial = denial(world.ask_as(rule, &Ask { plain, ..Ask::default() }, at(0)).await);
        assert_eq!(denial.reason(), "missing_credential");
        let values: Vec<String> =
            denial.www_authenticate().iter().map(|value| value.to_str().unwrap().to_owned()).collect();
        (denial.status().as_u16(), values.join(" | "))
    };
    let all = rule(&[Jwt, Oauth, Mtls, Basic, ApiKey], |r| {
        r.scopes = "b a".parse().unwrap();
        r.realm = "orders".to_owned();
    });
    let tokens = "Bearer realm=\"orders\", scope=\"a b\" | DPoP realm=\"orders\", scope=\"a b\", \
                  algs=\"ES256 ES384 ES512 RS256 RS384 RS512 PS256 PS384 PS512 EdDSA\"";
    let expected = format!("{tokens} | Basic realm=\"orders\", charset=\"UTF-8\" | ApiKey realm=\"orders\"");
    assert_eq!(challenges(&all, false).await, (401, expected));
    assert_eq!(challenges(&all, true).await, (401, format!("{tokens} | ApiKey realm=\"orders\"")));
    assert_eq!(challenges(&rule(&[Basic], |_| {}), true).await, (403, String::new()));
    let lax = rule(&[Basic], |r| r.insecure_allow_basic_over_http = true);
    assert_eq!(
        challenges(&lax, true).await,
        (401, "Basic realm=\"countersign\", charset=\"UTF-8\"".to_owned())
    );
    assert_eq!(challenges(&rule(&[Mtls], |_| {}), false).await, (403, String::new()));
    let elsewhere = rule(&[ApiKey], |r| r.api_key.authorization = false);
    let expected = "ApiKey realm=\"countersign\", in=\"header\", name=\"X-API-Key\"";
    assert_eq!(challenges(&elsewhere, false).await, (401, expected.to_owned()));
}

#[tokio::test]
async fn each_status_has_its_shape() {
    let world = World::new();
    let token = format!("Bearer {}", world.token(|_| {}));
    let rule = rule(&[Jwt, Basic, ApiKey], |r| r.scopes = "orders.write".parse().unwrap());
    let ask = async |headers: &[(&str, &str)], plain: bool| {
        let denial = denial(world.ask_as(&rule, &Ask { headers, plain, ..Ask::default() }, at(0)).await);
        let response = denial.response("req_9");
        let problem: Value = serde_json::from_str(response.body()).unwrap();
        assert_eq!(problem["status"], response.status().as_u16());
        assert_eq!(problem["request_id"], "req_9");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(response.headers()["cache-control"], "no-store");
        (denial, problem)
    };
    let (denial, problem) = ask(&[("Authorization", &token)], false).await;
    assert_eq!(denial.status(), StatusCode::FORBIDDEN);
    assert_eq!(
        denial.www_authenticate(),
        ["Bearer realm=\"countersign\", error=\"insufficient_scope\", scope=\"orders.write\""]
    );
    assert_eq!(
        (&problem["error"], &problem["scope"]),
        (&"insufficient_scope".into(), &"orders.write".into())
    );
    assert_eq!(denial.subject().unwrap().as_str(), "usr_1");
    assert!(!problem.to_string().contains("usr_1"));

    let (denial, problem) = ask(&[("Authorization", &token), ("X-API-Key", "a")], false).await;
    assert_eq!(denial.status(), StatusCode::BAD_REQUEST);
    assert_eq!(problem["error"], "invalid_request");
    assert_eq!(denial.www_authenticate()[0], "Bearer realm=\"countersign\", error=\"invalid_request\"");

    // The password's refusal names no bearer error.
    let (denial, _) = ask(&[("Authorization", "Basic YTpi")], false).await;
    assert_eq!(denial.www_authenticate()[0], "Bearer realm=\"countersign\", scope=\"orders.write\"");

    let (denial, problem) = ask(&[("Authorization", "Basic YTpi")], true).await;
    assert_eq!((denial.reason(), denial.status()), ("basic_over_http", StatusCode::FORBIDDEN));
    assert_eq!(problem["error"], Value::Null);
}

/// RFC 6750 §3: with every token that gives no access, and with nothing else.
#[tokio::test]
async fn who_is_not_admitted_is_challenged_if_a_token_said_who_it_is() {
    let world = World::new();
    let token = format!("Bearer {}", world.token(|_| {}));
    let others = rule(&[Jwt, Mtls, ApiKey], |r| {
        r.scopes = "orders.read".parse().unwrap();
        r.subjects = vec!["cli_*".to_owned()];
    });
    let denial = denial(world.ask(&others, &[("Authorization", &token)], at(0)).await);
    assert_eq!((denial.reason(), denial.status()), ("subject_not_admitted", StatusCode::FORBIDDEN));
    let challenge = "Bearer realm=\"countersign\", error=\"insufficient_scope\"";
    assert_eq!(denial.www_authenticate(), [challenge], "no scope is named: none would help");
    let problem: Value = serde_json::from_str(&denial.problem("req_9")).unwrap();
    assert_eq!((&problem["error"], &problem["scope"]), (&Value::Null, &Value::Null));
}

#[test]
fn every_reason_has_one_word_and_few_answers() {
    let mut words: Vec<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    words.sort_unstable();
    let before = words.len();
    words.dedup();
    assert_eq!(words.len(), before);
    for reason in Reason::ALL {
        let outside = reason.outside();
        assert!(reason.as_str().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'));
        assert!(matches!(outside.status().as_u16(), 400 | 401 | 403 | 429 | 503));
        assert_eq!(outside == Outside::InvalidCredential, outside.code() == Some("invalid_token"));
    }
}

#[tokio::test]
async fn an_anonymous_route_lets_nobody_pass_for_somebody() {
    let world = World::new();
    let anonymous = rule(&[Jwt, ApiKey], |r| r.anonymous = true);
    assert_eq!(word(&world.ask(&anonymous, &[], at(0)).await), "ok");
    assert_eq!(word(&world.bearer(&anonymous, "a.b.c", at(0)).await), "token_illegal_base64");
    assert_eq!(word(&world.bearer(&anonymous, &world.token(|_| {}), at(0)).await), "ok usr_1");
    let open = rule(&[], |r| r.anonymous = true);
    assert!(open.is_open());
    assert_eq!(word(&world.bearer(&open, "whatever is none of our business", at(0)).await), "ok");
    let nothing = rule(&[], |_| {});
    assert_eq!(word(&world.ask(&nothing, &[], at(0)).await), "missing_credential");
}
