//! Credentials of a request, wherever they may be. The input: a query, then header fields, a line each.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;

use countersign_access::extract::extract;
use countersign_access::{ApiKeyPlacement, Peer, RequestParts, Rule, RuleSettings, basic_credentials};
use countersign_model::Method as Means;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A route that takes everything everywhere.
static RULE: LazyLock<Rule> = LazyLock::new(|| {
    Rule::new(RuleSettings {
        name: "all".to_owned(),
        accept: vec![Means::Jwt, Means::Oauth, Means::Mtls, Means::Basic, Means::ApiKey],
        audience: Some("api".to_owned()),
        api_key: ApiKeyPlacement {
            authorization: true,
            bearer: true,
            headers: vec!["X-API-Key".to_owned()],
            query: Some("api_key".to_owned()),
        },
        ..RuleSettings::default()
    })
    .unwrap()
});

/// Two credentials never make one, and a key leaves the URL.
pub(crate) fn authorization(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let query = lines.next().and_then(|line| std::str::from_utf8(line).ok()).unwrap_or_default();
    let mut headers = HeaderMap::new();
    for line in lines.take(64) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = line.split_at(colon);
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value[1..].trim_ascii()))
        {
            headers.append(name, value);
        }
    }
    let request = RequestParts {
        method: &Method::GET,
        authority: "orders.example.com",
        path: "/",
        query: Some(query),
        headers: &headers,
        client_address: HERE,
        secure: true,
    };
    let in_query = |text: &str| {
        url::form_urlencoded::parse(text.as_bytes()).filter(|(name, _)| name == "api_key").count()
    };
    let credentials = headers.get_all(AUTHORIZATION).iter().count()
        + headers.get_all("x-api-key").iter().count()
        + in_query(query);
    let peer = Peer::new(HERE, None);
    match extract(&request, &peer, &RULE) {
        Ok(found) => {
            assert!(credentials <= 1, "one credential was chosen among {credentials}");
            assert_eq!(found.credential.is_some(), credentials == 1);
        }
        Err(reason) => assert_ne!(credentials, 0, "{reason:?} without a credential"),
    }
    assert_eq!(in_query(&RULE.public_query(query)), 0, "a key stays in the URL");
    for value in headers.get_all(AUTHORIZATION) {
        if let Ok(Some(pair)) = basic_credentials(value) {
            assert!(!pair.username().contains(':'));
        }
    }
}
