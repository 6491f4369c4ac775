//! Protected resources of our own: what the pipeline says no to is the same at each (RFC 6750 §3, RFC 9449 §7).

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Request};
use countersign_model::{AccessTokenFormat, TokenHash};
use countersign_oauth::Settings;
use serde_json::{Value, json};

use super::addresses::{self, Address, Kind};
use super::scene::{app, everything, github, key, proof, proof_with, redemption};
use crate::support::{Answer, App, ISSUER, basic};

/// What is presented, where it is laid down, and what comes of it: status, the error that the challenge names to its
/// scheme, and no other.
struct Row(&'static str, &'static str, u16, &'static str, &'static str);

const ROWS: &[Row] = &[
    Row("nothing", "RFC 6750 §3.1", 401, "Bearer", ""),
    Row("no token", "RFC 6750 §3.1", 401, "Bearer", "invalid_token"),
    Row("another scheme", "RFC 9110 §11.6.1", 401, "Bearer", ""),
    Row("two credentials", "RFC 6750 §2", 400, "Bearer", "invalid_request"),
    Row("a token in the address", "RFC 6750 §2.3", 401, "Bearer", ""),
    Row("an ID token", "RFC 8725 §3.11", 401, "Bearer", "invalid_token"),
    Row("a token that was withdrawn", "RFC 6750 §3.1", 401, "Bearer", "invalid_token"),
    Row("a bound token as a bearer token", "RFC 9449 §7.2", 401, "Bearer", "invalid_token"),
    Row("a bound token without a proof", "RFC 9449 §7.1", 401, "DPoP", "invalid_dpop_proof"),
    Row("a proof for another token", "RFC 9449 §4.3", 401, "DPoP", "invalid_dpop_proof"),
    Row("an unbound token as a bound one", "RFC 9449 §7.1", 401, "DPoP", "invalid_token"),
    Row("a token that has ended", "RFC 6750 §3.1", 401, "Bearer", "invalid_token"),
];

/// Tokens of each kind.
struct Tokens {
    good: String,
    withdrawn: String,
    id_token: String,
    bound: String,
}

async fn tokens(app: &App) -> Tokens {
    let good = app.access_token("web", "openid").await;
    let withdrawn = app.access_token("opaque", "openid").await;
    app.post("/revoke", Some(&basic("opaque")), &[("token", &withdrawn)]).await;
    let (code, authorization) = (app.code("web", &[]).await, basic("web"));
    let proof = proof(&key(), "/token", "1");
    let fields = [("authorization", authorization.as_str()), ("dpop", proof.as_str())];
    let form = redemption(&code, &[]);
    let given = addresses::named("/token").post(app, &fields, &form).await;
    let (bound, id_token) = (given.text("access_token").to_owned(), given.text("id_token").to_owned());
    Tokens { good, withdrawn, id_token, bound }
}

fn request(address: &Address, tokens: &Tokens, what: &str) -> Request<Body> {
    let path = address.concrete("x");
    let builder =
        Request::builder().method(address.method()).uri(&path).header("content-type", "application/json");
    let mut request = builder.body(Body::from("{\"decision\": \"deny\"}")).unwrap();
    let mut field = |name: &'static str, value: String| {
        request.headers_mut().append(name, value.parse().unwrap());
    };
    let bearer = |token: &str| format!("Bearer {token}");
    let dpop = |token: &str| format!("DPoP {token}");
    let elsewhere = || proof(&key(), &path, "1");
    match what {
        "nothing" => {}
        "no token" => field("authorization", bearer("x")),
        "another scheme" => field("authorization", basic("web")),
        "two credentials" => {
            field("authorization", bearer(&tokens.good));
            field("authorization", bearer(&tokens.good));
        }
        "a token in the address" => {
            *request.uri_mut() = format!("{path}?access_token={}", tokens.good).parse().unwrap();
        }
        "an ID token" => field("authorization", bearer(&tokens.id_token)),
        "a token that was withdrawn" => field("authorization", bearer(&tokens.withdrawn)),
        "a bound token as a bearer token" => field("authorization", bearer(&tokens.bound)),
        "a bound token without a proof" => field("authorization", dpop(&tokens.bound)),
        "a proof for another token" => {
            field("authorization", dpop(&tokens.bound));
            field("dpop", elsewhere());
        }
        "an unbound token as a bound one" => {
            field("authorization", dpop(&tokens.good));
            field("dpop", elsewhere());
        }
        "a token that has ended" => field("authorization", bearer(&tokens.good)),
        other => panic!("{other}"),
    }
    request
}

/// The errors that challenges name, each with its scheme.
fn errors(headers: &HeaderMap) -> Vec<(String, String)> {
    let challenges = headers.get_all("www-authenticate").iter().map(|value| value.to_str().unwrap());
    let named = challenges.filter_map(|challenge| {
        let (scheme, _) = challenge.split_once(' ')?;
        let (_, rest) = challenge.split_once("error=\"")?;
        Some((scheme.to_owned(), rest.split('"').next()?.to_owned()))
    });
    named.collect()
}

fn has_challenge(headers: &HeaderMap, scheme: &str) -> bool {
    let mut challenges = headers.get_all("www-authenticate").iter();
    challenges.any(|value| value.to_str().unwrap().starts_with(&format!("{scheme} ")))
}

#[tokio::test]
async fn each_says_in_the_standard_way_what_is_missing() {
    let app = app().await;
    app.client_with("opaque", |client| client.access_token_format = AccessTokenFormat::Reference).await;
    let tokens = tokens(&app).await;
    let mut wrong = Vec::new();
    for Row(what, section, status, scheme, error) in ROWS {
        if *what == "a token that has ended" {
            app.clock.advance(Duration::from_secs(3_600));
        }
        for address in addresses::of(&[Kind::Resource]) {
            // A proof of the wrong method would say nothing: proofs here are for a POST.
            if *scheme == "DPoP" && *what != "a bound token without a proof" && address.method() != "POST" {
                continue;
            }
            let answer = Answer::of(app.send(request(address, &tokens, what)).await).await;
            let named: Vec<(String, String)> = match *error {
                "" => Vec::new(),
                error => vec![((*scheme).to_owned(), error.to_owned())],
            };
            let is_right = answer.status == *status
                && errors(&answer.headers) == named
                && has_challenge(&answer.headers, scheme)
                && answer.header("cache-control") == "no-store";
            if !is_right {
                wrong.push(format!(
                    "{}: {what} ({section}): wanted {status} {named:?}: {answer:?}",
                    address.path
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// RFC 9449 §9: with the nonce that it wants.
#[tokio::test]
async fn a_proof_that_needs_a_nonce_is_told_which() {
    let change = |settings: &mut Settings| {
        everything(settings);
        settings.dpop_nonce = true;
    };
    let app = App::with(ISSUER, github(), change).await;
    app.client_with("web", |client| client.scopes = "openid approvals".parse().unwrap()).await;
    let (own, authorization) = (key(), basic("web"));
    let ask = async |more: Value| {
        let proof = proof_with(&own, "/token", &more);
        let fields = [("authorization", authorization.as_str()), ("dpop", proof.as_str())];
        let form = [("grant_type", "client_credentials"), ("scope", "approvals")];
        addresses::named("/token").post(&app, &fields, &form).await
    };
    let nonce = ask(json!({ "jti": "1" })).await.header("dpop-nonce").to_owned();
    let given = ask(json!({ "jti": "2", "nonce": nonce })).await;
    let token = given.text("access_token").to_owned();
    let ath = TokenHash::of(token.as_bytes()).to_base64url();
    for address in addresses::of(&[Kind::Resource]).filter(|address| address.method() == "POST") {
        let path = address.concrete("x");
        let proof = proof_with(&own, &path, &json!({ "jti": path, "ath": ath }));
        let request = Request::post(&path).header("authorization", format!("DPoP {token}"));
        let request = request.header("dpop", proof).body(Body::empty()).unwrap();
        let answer = Answer::of(app.send(request).await).await;
        let named = [("DPoP".to_owned(), "use_dpop_nonce".to_owned())];
        assert_eq!((answer.status, errors(&answer.headers)), (401, named.to_vec()), "{address:?}");
        assert!(!answer.header("dpop-nonce").is_empty(), "{answer:?}");
    }
}
