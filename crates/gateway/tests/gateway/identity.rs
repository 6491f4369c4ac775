//! What the upstream learns about the caller, and nobody else can say.

use countersign_gateway::{GatewaySettings, IdentityOptions};
use countersign_jose::{Algorithm, Algorithms, jws};
use countersign_model::AddressList;

use crate::support::{Running, Upstream, keyed, open, route};

/// The verified payload of an identity token.
fn payload(token: &str, gateway: &Running) -> serde_json::Value {
    let parsed = jws::parse(token).unwrap();
    assert!(parsed.header.is_type("identity+jwt"));
    let bytes = parsed.verify(&gateway.verifier, Algorithms::from_iter([Algorithm::ES256])).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

async fn start() -> (Upstream, Running) {
    let upstream = Upstream::start().await;
    let mut kept = route("kept", "/kept", &upstream, keyed());
    kept.identity = IdentityOptions {
        keep_credential: true,
        plain: false,
        ..IdentityOptions::full("https://kept.example")
    };
    let routes =
        vec![route("keyed", "/", &upstream, keyed()), route("open", "/open", &upstream, open()), kept];
    let gateway = Running::start(routes).await;
    (upstream, gateway)
}

#[tokio::test]
async fn a_key_becomes_one_identity_and_stays_behind() {
    let (_upstream, gateway) = start().await;
    let places = [
        ("/x?a=1", format!("X-API-Key: {}\r\n", gateway.key)),
        ("/x?a=1", format!("Authorization: ApiKey {}\r\n", gateway.key)),
        (&*format!("/x?a=1&key={}", gateway.key), String::new()),
        (&*format!("/x?k%65y={}&a=1", gateway.key), String::new()),
    ];
    for (target, lines) in places {
        let answer = gateway.ask(target, &lines).await;
        assert_eq!(answer.target(), "/x?a=1");
        assert!(!answer.body.contains(&gateway.key), "{answer:?}");
        assert_eq!(answer.field("countersign-subject"), ["owner"]);
        assert_eq!(answer.field("countersign-issuer"), ["https://id.example"]);
        assert_eq!(answer.field("countersign-method"), ["api_key"]);
        assert_eq!(answer.field("countersign-scopes"), ["read write"]);
        let tokens = answer.field("countersign-identity");
        let claims = payload(&tokens[0], &gateway);
        assert_eq!(claims["sub"], "owner");
        assert_eq!(claims["iss"], "https://id.example");
        assert_eq!(claims["aud"], "https://service.example");
        assert_eq!(claims["method"], "api_key");
        assert_eq!(claims["scope"], "read write");
        assert!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap() <= 60);
    }
    let line = format!("X-API-Key: {}\r\n", gateway.key);
    let (one, two) = (gateway.ask("/x", &line).await, gateway.ask("/x", &line).await);
    assert_eq!(one.field("countersign-identity"), two.field("countersign-identity"), "remembered");
    let kept = gateway.ask("/kept", &line).await;
    assert_eq!(kept.field("x-api-key"), [&*gateway.key]);
    assert_eq!(kept.field("countersign-subject"), [""; 0]);
    assert_eq!(payload(&kept.field("countersign-identity")[0], &gateway)["aud"], "https://kept.example");
}

#[tokio::test]
async fn a_key_in_the_url_goes_nowhere_else() {
    let (_upstream, gateway) = start().await;
    let key = gateway.key.clone();
    let answer = gateway.ask(&format!("/x?key={key}"), "").await;
    assert!(answer.head.contains("referrer-policy: no-referrer"), "{answer:?}");
    assert!(answer.head.contains("cache-control: private"), "{answer:?}");
    let other = gateway.ask("/x", &format!("X-API-Key: {key}\r\n")).await;
    assert!(!other.head.contains("referrer-policy") && !other.head.contains("cache-control"), "{other:?}");
    // The page before was asked for with a key; this route takes none.
    for (said, heard) in [
        (format!("http://a.example/x?key={key}"), "http://a.example/x"),
        (format!("http://a.example/x?a=1&k%65y={key}&b=2#part"), "http://a.example/x?a=1&b=2#part"),
        ("http://a.example/x?a=1&keys=2".to_owned(), "http://a.example/x?a=1&keys=2"),
    ] {
        let answer = gateway.ask("/open", &format!("Referer: {said}\r\n")).await;
        assert_eq!(answer.field("referer"), [heard], "{said}");
    }
}

#[tokio::test]
async fn nobody_else_says_who_is_calling() {
    let (_upstream, gateway) = start().await;
    let names = [
        "Countersign-Subject",
        "countersign_subject",
        "COUNTERSIGN_SUBJECT",
        "Countersign-subject",
        "Countersign_Identity",
        "countersign-identity",
        "Countersign-Client",
        "Countersign-Anything",
        "Countersign.Subject",
        "Countersign~Subject",
        "Countersign!Identity",
        "X.Forwarded.For",
        "Content.Length",
        "Transfer~Encoding",
        "X-Forwarded-For",
        "X_Forwarded_For",
        "X-Real-IP",
        "Client-Cert",
        "X-Forwarded-Client-Cert",
        "X-Original-URL",
        "Forwarded",
        "X-Request-Id",
    ];
    let lines: String = names.iter().map(|name| format!("{name}: spoofed\r\n")).collect();
    let answer = gateway.ask("/open", &lines).await;
    assert!(!answer.body.contains("spoofed"), "{answer:?}");
    assert_eq!(answer.field("countersign-subject"), [""; 0]);
    assert_eq!(answer.field("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(answer.field("x-forwarded-proto"), ["http"]);
    assert_eq!(answer.field("x-forwarded-host"), ["a.example"]);
    let answer = gateway.ask("/x", &format!("{lines}X-API-Key: {}\r\n", gateway.key)).await;
    assert!(!answer.body.contains("spoofed"), "{answer:?}");
    assert_eq!(answer.field("countersign-subject"), ["owner"]);
}

#[tokio::test]
async fn denials_say_what_is_missing_and_no_more() {
    let (upstream, gateway) = start().await;
    let wrong = format!("{}x", gateway.key);
    let attempts = [
        String::new(),
        format!("X-API-Key: {wrong}\r\n"),
        format!("X-API-Key: {0}\r\nAuthorization: ApiKey {0}\r\n", gateway.key),
        format!("X-API-Key: {0}\r\nX-API-Key: {0}\r\n", gateway.key),
        "Authorization: Basic dTpw\r\n".to_owned(),
        "Countersign-Subject: owner\r\n".to_owned(),
    ];
    for lines in attempts {
        let answer = gateway.ask("/x", &lines).await;
        assert!(matches!(answer.status, 400 | 401), "{lines:?} {answer:?}");
        assert!(answer.head.contains("content-type: application/problem+json"), "{answer:?}");
        assert!(
            answer.head.contains("x-request-id: req_") && answer.body.contains("\"request_id\":\"req_"),
            "{answer:?}"
        );
        assert!(!answer.body.contains(&gateway.key), "{answer:?}");
    }
    assert_eq!(upstream.requests.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn trusted_proxies_are_believed() {
    let upstream = Upstream::start().await;
    let settings = GatewaySettings {
        trusted_proxies: AddressList::new(vec!["127.0.0.0/8".parse().unwrap()]),
        forwarded: true,
        ..GatewaySettings::default()
    };
    let gateway = Running::start_with(vec![route("open", "/", &upstream, open())], settings).await;
    let lines = "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: b.example\r\n\
                 X-Request-Id: given\r\nX_Forwarded_For: spoofed\r\nCountersign-Subject: spoofed\r\n";
    let answer = gateway.ask("/", lines).await;
    assert_eq!(answer.field("x-forwarded-for"), ["192.0.2.1, 127.0.0.1"]);
    assert_eq!(answer.field("x-forwarded-proto"), ["https"]);
    assert_eq!(answer.field("x-forwarded-host"), ["b.example"]);
    assert_eq!(answer.field("x-request-id"), ["given"]);
    assert_eq!(answer.field("forwarded"), ["for=127.0.0.1;proto=http"]);
    assert!(!answer.body.contains("spoofed"), "{answer:?}");
}
