//! What is found in a request, and what is refused before anybody looks at it.

use countersign_model::Method::{ApiKey, Basic, Jwt, Mtls, Oauth};
use proptest::prelude::*;

use super::support::*;
use crate::extract::{Credential, extract};
use crate::url_key::without_parameter;
use crate::*;

const KEY: &str = "csk_live_0000000000000000000000000000000000000000000_000000";

fn found(rule: &Rule, headers: &[(&str, &str)], query: Option<&str>, plain: bool) -> String {
    let mut map = http::HeaderMap::new();
    for (name, value) in headers {
        map.append(
            http::HeaderName::try_from(*name).unwrap(),
            http::HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        );
    }
    let address = "192.0.2.1".parse().unwrap();
    let request = RequestParts {
        method: &http::Method::GET,
        authority: "orders.example.com",
        path: "/",
        query,
        headers: &map,
        client_address: address,
        secure: !plain,
    };
    let peer = Peer::new(address, None);
    match extract(&request, &peer, rule) {
        Err(reason) => reason.as_str().to_owned(),
        Ok(presented) => {
            let place = presented.placement;
            match presented.credential {
                None => "none".to_owned(),
                Some(Credential::Jwt(jwt)) => format!("jwt {} {place:?}", jwt.text),
                Some(Credential::Reference(text)) => format!("reference {text} {place:?}"),
                Some(Credential::Basic(pair)) => {
                    format!("basic {} {} {place:?}", pair.username(), pair.password())
                }
                Some(Credential::ApiKey(text)) => format!("key {text} {place:?}"),
                Some(Credential::Certificate(_)) => "certificate".to_owned(),
            }
        }
    }
}

#[test]
fn the_scheme_token_is_for_reference_tokens_where_the_rule_says_so() {
    let taken = rule(&[Jwt, Oauth, Basic], |r| r.token_scheme = true);
    let plain = rule(&[Jwt, Oauth, Basic], |_| {});
    let ask = |rule: &Rule, value: &str| found(rule, &[("Authorization", value)], None, false);
    for value in ["token abc", "Token  abc", "TOKEN abc"] {
        assert_eq!(ask(&taken, value), "reference abc Authorization", "{value}");
        assert_eq!(ask(&plain, value), "unknown_scheme", "{value}");
    }
    assert_eq!(ask(&taken, "token a.b.c"), "token_malformed");
    assert_eq!(ask(&taken, "token a b"), "token_malformed");
    assert_eq!(ask(&taken, "token "), "malformed_credential");
    assert_eq!(ask(&taken, "tokens abc"), "unknown_scheme");
    assert_eq!(ask(&rule(&[Jwt], |r| r.token_scheme = true), "token abc"), "method_not_accepted");
}

#[test]
fn every_placement_and_every_conflict() {
    let all = rule(&[Jwt, Oauth, Mtls, Basic, ApiKey], |r| r.api_key.query = Some("key".to_owned()));
    let bearer_key = rule(&[Jwt, Oauth, ApiKey], |r| r.api_key.bearer = true);
    let only_jwt = rule(&[Jwt], |_| {});
    let no_scheme = rule(&[ApiKey], |r| r.api_key.authorization = false);
    let open = rule(&[], |r| r.anonymous = true);
    let auth = "Authorization";
    let own_key = api_key::generate("csk", "live", &countersign_model::SystemRng);
    let own_key = own_key.expose().as_str();
    let long = format!("Bearer {}", "a".repeat(20_000));
    let long_basic = format!("Basic {}", "YTpi".repeat(700));
    let long_key = "k".repeat(600);
    let long_query = format!("key={long_key}");
    type Case<'a> = (&'a Rule, Vec<(&'a str, &'a str)>, Option<&'a str>, &'a str);
    let cases: Vec<Case<'_>> = vec![
        (&all, vec![], None, "none"),
        (&all, vec![(auth, "Bearer a.b.c")], None, "jwt a.b.c Authorization"),
        (&all, vec![(auth, "bEARER   abc==")], None, "reference abc== Authorization"),
        (&all, vec![(auth, "Basic YTpi")], None, "basic a b Authorization"),
        (&all, vec![(auth, "Basic YTpiOmM=")], None, "basic a b:c Authorization"),
        (&all, vec![(auth, "Basic w6Q6w7Y=")], None, "basic \u{e4} \u{f6} Authorization"),
        (&all, vec![(auth, "ApiKey abc")], None, "key abc Authorization"),
        (&all, vec![("X-API-Key", "abc")], None, "key abc Header(\"x-api-key\")"),
        (&all, vec![], Some("a=1&key=abc"), "key abc Query"),
        (&all, vec![], Some("k%65y=a%62c"), "key abc Query"),
        (&all, vec![], Some("KEY=abc&keys=1"), "none"),
        // Two of them (RFC 6750 §2).
        (&all, vec![(auth, "Bearer a.b.c"), (auth, "Bearer a.b.c")], None, "several_credentials"),
        (&all, vec![(auth, "Basic YTpi"), ("X-API-Key", "abc")], None, "several_credentials"),
        (&all, vec![("X-API-Key", "abc"), ("X-API-Key", "abc")], None, "several_credentials"),
        (&all, vec![("X-API-Key", "abc")], Some("key=abc"), "several_credentials"),
        (&all, vec![(auth, "Bearer a.b.c")], Some("key=abc"), "several_credentials"),
        (&all, vec![], Some("key=abc&key=abc"), "several_credentials"),
        (&all, vec![], Some("key=abc&k%65y=abd"), "several_credentials"),
        // Not readable.
        (&all, vec![(auth, "")], None, "malformed_credential"),
        (&all, vec![(auth, "Bearer")], None, "malformed_credential"),
        (&all, vec![(auth, "Bearer ")], None, "malformed_credential"),
        (&all, vec![(auth, " Bearer a.b.c")], None, "malformed_credential"),
        (&all, vec![(auth, "Bearer a.b.c d")], None, "token_malformed"),
        (&all, vec![(auth, "Bearer a.b.c,d")], None, "token_malformed"),
        (&all, vec![(auth, "Bearer ==")], None, "token_malformed"),
        (&all, vec![(auth, "Bearer \u{e4}.b.c")], None, "malformed_credential"),
        (&all, vec![(auth, "Basic YTpi=")], None, "malformed_credential"),
        (&all, vec![(auth, "Basic YTpiOmM")], None, "malformed_credential"),
        (&all, vec![(auth, "Basic YTpiOmN=")], None, "malformed_credential"),
        (&all, vec![(auth, "Basic YWI=")], None, "malformed_credential"),
        (&all, vec![(auth, "Basic YTr/")], None, "malformed_credential"),
        (&all, vec![(auth, "Basic YQA6Yg==")], None, "malformed_credential"),
        (&all, vec![(auth, "Basic YTpi YTpi")], None, "malformed_credential"),
        (&all, vec![("X-API-Key", "")], None, "malformed_credential"),
        (&all, vec![("X-API-Key", "a b")], None, "malformed_credential"),
        (&all, vec![(auth, "Digest a=b")], None, "unknown_scheme"),
        (&all, vec![(auth, &long)], None, "token_too_large"),
        (&all, vec![(auth, &long_basic)], None, "malformed_credential"),
        (&all, vec![("X-API-Key", &long_key)], None, "credential_too_large"),
        (&all, vec![], Some(&long_query), "credential_too_large"),
        // Every placement and method is a choice of the rule.
        (&only_jwt, vec![(auth, "Bearer abc")], None, "method_not_accepted"),
        (&only_jwt, vec![(auth, "Basic YTpi")], None, "method_not_accepted"),
        (&only_jwt, vec![(auth, "ApiKey abc")], None, "method_not_accepted"),
        (&only_jwt, vec![("X-API-Key", "abc")], None, "none"),
        (&only_jwt, vec![], Some("key=abc"), "none"),
        (&no_scheme, vec![(auth, "ApiKey abc")], None, "method_not_accepted"),
        (&no_scheme, vec![(auth, "Bearer abc")], None, "method_not_accepted"),
        (&bearer_key, vec![(auth, "Bearer abc")], None, "reference abc Authorization"),
        (&bearer_key, vec![(auth, KEY)], None, "malformed_credential"),
        (&open, vec![(auth, "Digest a=b"), (auth, "x")], None, "none"),
    ];
    for (rule, headers, query, expected) in cases {
        assert_eq!(found(rule, &headers, query, false), expected, "{headers:?} {query:?}");
    }
    let as_bearer = format!("Bearer {own_key}");
    assert_eq!(
        found(&bearer_key, &[(auth, &as_bearer)], None, false),
        format!("key {own_key} Authorization")
    );
    let only_keys = rule(&[ApiKey], |r| r.api_key.bearer = true);
    assert_eq!(found(&only_keys, &[(auth, "Bearer abc")], None, false), "key abc Authorization");
    assert_eq!(found(&all, &[(auth, &as_bearer)], None, false), format!("reference {own_key} Authorization"));
}

#[test]
fn a_password_in_the_clear_is_refused_unless_the_rule_says_so() {
    let strict = rule(&[Basic, Jwt], |_| {});
    let lax = rule(&[Basic], |r| r.insecure_allow_basic_over_http = true);
    let basic = [("Authorization", "Basic YTpi")];
    assert_eq!(found(&strict, &basic, None, true), "basic_over_http");
    assert_eq!(found(&strict, &basic, None, false), "basic a b Authorization");
    assert_eq!(found(&lax, &basic, None, true), "basic a b Authorization");
    assert_eq!(found(&strict, &[("Authorization", "Bearer a.b.c")], None, true), "jwt a.b.c Authorization");
}

#[test]
fn a_key_is_taken_out_of_the_query_however_it_is_written() {
    for (query, public) in [
        ("key=abc", ""),
        ("a=1&key=abc&b=2", "a=1&b=2"),
        ("a=1&k%65y=abc", "a=1"),
        ("%6bey=abc&a=%20+x&&", "a=%20+x"),
        ("key", ""),
        ("keys=1&a=key", "keys=1&a=key"),
        ("", ""),
    ] {
        let stripped = without_parameter(query, "key");
        assert_eq!(stripped.trim_end_matches('&'), public, "{query}");
    }
    let rule = rule(&[ApiKey], |r| r.api_key.query = Some("key".to_owned()));
    assert_eq!(rule.public_query("key=abc&a=1"), "a=1");
}

#[test]
fn the_token_endpoint_reads_basic_the_same_way() {
    let read = |value: &str| basic_credentials(&http::HeaderValue::from_str(value).unwrap());
    let pair = read("bAsIc czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3").unwrap().unwrap();
    assert_eq!((pair.username(), pair.password()), ("s6BhdRkqt3", "7Fjfp0ZBr1KtDRbnfVdmIw"));
    assert!(read("Bearer abc").unwrap().is_none());
    assert!(read("Basically YTpi").unwrap().is_none());
    assert!(read("Basic").is_err() && read("Basic ").is_err() && read("Basic %%%").is_err());
    assert_eq!(format!("{pair:?}").matches("7Fjfp0").count(), 0);
}

#[test]
fn rules_that_cannot_be_meant_are_refused() {
    let refused = |change: fn(&mut RuleSettings)| {
        let mut settings = RuleSettings { accept: vec![ApiKey], ..RuleSettings::default() };
        change(&mut settings);
        Rule::new(settings).is_err()
    };
    assert!(!refused(|_| {}));
    assert!(refused(|r| r.subjects = vec!["a*b".to_owned()]));
    assert!(refused(|r| r.certificate_names = vec![String::new()]));
    assert!(refused(|r| r.realm = "a\"b".to_owned()));
    assert!(refused(|r| r.realm = "a\nb".to_owned()));
    assert!(refused(|r| r.api_key.headers = vec!["Authorization".to_owned()]));
    assert!(refused(|r| r.api_key.headers = vec!["a b".to_owned()]));
    assert!(refused(|r| r.api_key.query = Some("a&b".to_owned())));
    assert!(refused(|r| {
        r.api_key = ApiKeyPlacement { authorization: false, bearer: false, headers: vec![], query: None };
    }));
}

proptest! {
    #[test]
    fn no_request_makes_the_reader_panic(
        value in proptest::collection::vec(any::<u8>(), 0..80),
        scheme in "(Bearer |Basic |ApiKey |)",
        query in proptest::option::of(".{0,40}"),
        key in proptest::option::of("[ -~]{0,20}"),
    ) {
        let all = rule(&[Jwt, Oauth, Mtls, Basic, ApiKey], |r| r.api_key.query = Some("key".to_owned()));
        let value = [scheme.as_bytes(), &value].concat();
        let mut headers = http::HeaderMap::new();
        if let Ok(value) = http::HeaderValue::from_bytes(&value) {
            headers.append("authorization", value);
        }
        if let Some(Ok(value)) = key.map(|key| http::HeaderValue::from_str(&key)) {
            headers.append("x-api-key", value);
        }
        let address = "192.0.2.1".parse().unwrap();
        let request = RequestParts {
            method: &http::Method::GET, path: "/", query: query.as_deref(), headers: &headers,
            authority: "orders.example.com",
            client_address: address, secure: true,
        };
        let peer = Peer::new(address, None);
        let _ = extract(&request, &peer, &all);
        if let Some(query) = &query {
            let public = all.public_query(query);
            prop_assert!(!form_urlencoded::parse(public.as_bytes()).any(|(name, _)| name == "key"));
        }
    }
}
