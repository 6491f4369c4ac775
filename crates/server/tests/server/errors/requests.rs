//! How a request is written, how often it comes, and a server that is busy: the same everywhere, whatever is asked for.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request, header};
use axum::response::Response;
use countersign_server::{
    MetricsText, RateLimits, Readiness, ServerLimits, ServerSettings, management_router,
};
use tower::ServiceExt as _;

use super::addresses::{self, ADDRESSES, Address, Kind};
use super::others::send;
use super::scene::{everything, github, only};
use crate::support::{Answer, App, ISSUER, basic, read};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
const LARGE: usize = 64 * 1024 + 1;

/// What is wrong, where it is laid down, and the status.
struct Fault(&'static str, &'static str, u16, fn(Request<Body>) -> Request<Body>);

/// Of forms, wherever one is taken.
const FORMS: &[Fault] = &[
    Fault("no media type", "RFC 6749 §3.2", 400, without_type),
    Fault("another media type", "RFC 6749 §3.2", 400, |request| typed(request, "text/plain")),
    Fault("another charset", "RFC 6749 appendix B", 400, |request| {
        typed(request, "application/x-www-form-urlencoded; charset=iso-8859-1")
    }),
    Fault("a content encoding", "RFC 9110 §8.4", 400, |request| only(request, "content-encoding", "gzip")),
    Fault("larger than it may be", "RFC 9110 §15.5.14", 413, |request| {
        only(of(request, "x".repeat(LARGE)), "content-length", "65537")
    }),
    Fault("larger than it may be, in pieces", "RFC 9110 §15.5.14", 413, |request| {
        of(request, in_pieces("x".repeat(LARGE).into_bytes(), true))
    }),
    Fault("cut off", "RFC 9112 §8", 400, |request| of(request, in_pieces(b"scope=a".to_vec(), false))),
    Fault("half an escape", "RFC 6749 appendix B", 400, |request| of(request, "a=%4")),
    Fault("an escape that is none", "RFC 6749 appendix B", 400, |request| of(request, "a=%zz")),
    Fault("no UTF-8", "RFC 6749 appendix B", 400, |request| of(request, "a=%ff")),
    Fault("a control character", "RFC 6749 appendix A", 400, |request| of(request, "a=%00")),
    Fault("97 parameters", "RFC 9110 §15.5.1", 400, |request| {
        of(request, (0..97).map(|n| format!("p{n}=1&")).collect::<String>())
    }),
];

/// Of clients' forms.
const OF_CLIENTS: &[Fault] = &[Fault("parameters in the address", "RFC 6749 §2.3.1", 400, |mut request| {
    *request.uri_mut() = format!("{}?client_secret=x", request.uri()).parse().unwrap();
    request
})];

/// Of JSON, where parameters may come so.
const OBJECTS: &[Fault] = &[
    Fault("no JSON", "RFC 8259 §2", 400, |request| json(request, "{")),
    Fault("no object", "RFC 8259 §4", 400, |request| json(request, "[]")),
    Fault("a member twice", "RFC 6749 §3.2", 400, |request| {
        json(request, "{\"a\":\"1\",\"\\u0061\":\"1\"}")
    }),
    Fault("an object inside", "RFC 8259 §4", 400, |request| json(request, "{\"a\":{}}")),
    Fault("larger than it may be", "RFC 9110 §15.5.14", 413, |request| {
        json(request, format!("{{\"a\":\"{}\"}}", "x".repeat(LARGE)))
    }),
];

/// Of registrations, whose document is read by the engine once it is there (RFC 7591 §3.2.2).
const DOCUMENTS: &[Fault] = &[
    Fault("no media type", "RFC 7591 §3.1", 400, without_type),
    Fault("another media type", "RFC 7591 §3.1", 400, |request| typed(request, FORM)),
    Fault("a content encoding", "RFC 9110 §8.4", 400, |request| only(request, "content-encoding", "gzip")),
    Fault("larger than it may be", "RFC 9110 §15.5.14", 413, |request| json(request, "x".repeat(LARGE))),
    Fault("cut off", "RFC 9112 §8", 400, |request| of(request, in_pieces(b"{}".to_vec(), false))),
];

fn of(mut request: Request<Body>, body: impl Into<Body>) -> Request<Body> {
    *request.body_mut() = body.into();
    request
}

fn typed(request: Request<Body>, media: &'static str) -> Request<Body> {
    only(request, "content-type", media)
}

fn without_type(mut request: Request<Body>) -> Request<Body> {
    request.headers_mut().remove(header::CONTENT_TYPE);
    request
}

fn json(request: Request<Body>, body: impl Into<Body>) -> Request<Body> {
    of(typed(request, JSON), body)
}

/// Without a length that could be looked at beforehand; an end that never comes is a connection that was lost.
fn in_pieces(body: Vec<u8>, ends: bool) -> Body {
    let pieces = body.chunks(1_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect::<Vec<_>>();
    let lost = (!ends).then(|| Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)));
    Body::from_stream(futures_util::stream::iter(pieces.into_iter().chain(lost)))
}

async fn app() -> App {
    let app = App::with(ISSUER, github(), everything).await;
    app.client("web").await;
    app
}

/// What came back, as its kind has it: status, code where there is one, and that nobody may keep it.
async fn said(address: &Address, response: Response) -> (u16, String, String) {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = read(response).await;
    let document: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
    let code = match address.kind {
        Kind::Client | Kind::Github | Kind::Registration => document["error"].as_str().unwrap_or_default(),
        // RFC 9457: words, and the status once more.
        Kind::Api | Kind::Resource => {
            let words = document["message"].as_str().or_else(|| document["detail"].as_str());
            assert!(words.is_some_and(|words| !words.is_empty()), "{address:?}: {body}");
            let again = document["status"].as_u64().map(|status| status.to_string());
            let again = again.or_else(|| document["status"].as_str().map(str::to_owned));
            assert_eq!(again, Some(status.to_string()), "{address:?}: {body}");
            ""
        }
        Kind::Authorization | Kind::Form | Kind::Page | Kind::Document => {
            assert!(body.contains("<title>"), "{address:?}: {body}");
            ""
        }
    };
    (status, code.to_owned(), field(&headers, "cache-control"))
}

fn field(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

/// A request as the address takes it, by this method.
fn request(address: &Address, method: &Method) -> Request<Body> {
    let authorization = basic("web");
    let accept = if is_for_people(address) { "text/html" } else { JSON };
    let mut request = address.form(&[("authorization", &authorization)], &[]);
    *request.method_mut() = method.clone();
    let request = only(request, "accept", accept);
    if address.kind == Kind::Registration { json(request, "{}") } else { request }
}

fn is_for_people(address: &Address) -> bool {
    matches!(address.kind, Kind::Authorization | Kind::Form | Kind::Page)
}

#[tokio::test]
async fn what_can_not_be_read_is_refused_in_the_words_of_its_kind() {
    let app = app().await;
    let mut wrong = Vec::new();
    let rows = |kind: Kind| -> (Vec<&[Fault]>, &str) {
        match kind {
            Kind::Client => (vec![FORMS, OF_CLIENTS], "invalid_request"),
            Kind::Github => (vec![FORMS, OF_CLIENTS, OBJECTS], "invalid_request"),
            Kind::Api => (vec![FORMS, OF_CLIENTS, OBJECTS], ""),
            Kind::Authorization | Kind::Form => (vec![FORMS], ""),
            Kind::Registration => (vec![DOCUMENTS], "invalid_client_metadata"),
            Kind::Resource | Kind::Page | Kind::Document => (Vec::new(), ""),
        }
    };
    for address in ADDRESSES {
        let (faults, code) = rows(address.kind);
        for method in address.methods().filter(|method| *method != Method::GET) {
            // RFC 7592 §2.3: nothing is read of what comes with it.
            if address.kind == Kind::Registration && method == Method::DELETE {
                continue;
            }
            for Fault(fault, section, status, change) in faults.iter().copied().flatten() {
                let response = app.send(change(request(address, &method))).await;
                let expected = (*status, code.to_owned(), "no-store".to_owned());
                let got = said(address, response).await;
                if got != expected {
                    let path = address.path;
                    wrong.push(format!(
                        "{method} {path}: {fault} ({section})\n  wanted {expected:?}\n  got    {got:?}"
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// RFC 9110 §15.5.6: with what is taken. A page for people, a problem document (RFC 9457) for programs.
#[tokio::test]
async fn another_method_is_refused_with_those_that_are_taken() {
    let app = app().await;
    let allowed = |text: &str| {
        let mut names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
        names.sort_unstable();
        names
    };
    for address in ADDRESSES {
        let response = app.send(request(address, &Method::from_bytes(b"PROPFIND").unwrap())).await;
        let headers = response.headers().clone();
        let told = (response.status().as_u16(), field(&headers, "cache-control"));
        assert_eq!(told, (405, "no-store".to_owned()), "{address:?}");
        assert_eq!(allowed(&field(&headers, "allow")), allowed(address.allow), "{address:?}");
        let media =
            if is_for_people(address) { "text/html; charset=utf-8" } else { "application/problem+json" };
        assert_eq!(field(&headers, "content-type"), media, "{address:?}");
    }
}

/// The same where there are no pages at all.
#[tokio::test]
async fn the_management_listener_answers_in_problem_documents() {
    let metrics: MetricsText = Arc::new(String::new);
    let router = management_router(Readiness::default(), Some(metrics));
    for (method, path, status) in [
        (Method::POST, "/healthz", 405),
        (Method::POST, "/readyz", 405),
        (Method::POST, "/metrics", 405),
        (Method::GET, "/nowhere", 404),
    ] {
        let request = Request::builder().method(method).uri(path).header("accept", "text/html");
        let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(field(response.headers(), "content-type"), "application/problem+json", "{path}");
        assert_eq!(field(response.headers(), "allow"), if status == 405 { "GET,HEAD" } else { "" }, "{path}");
    }
}

/// RFC 9110 §15.6.4.
#[tokio::test]
async fn a_busy_server_says_when_to_come_back() {
    let limits = ServerLimits { concurrent_requests: 0, ..ServerLimits::default() };
    let app = App::with(ISSUER, ServerSettings { limits, ..github() }, everything).await;
    // Whether it lives is told even then.
    let is_health = |address: &&Address| matches!(address.path, "/healthz" | "/readyz");
    for address in ADDRESSES.iter().filter(|address| !is_health(address)) {
        for method in address.methods() {
            let response = app.send(request(address, &method)).await;
            let headers = response.headers();
            let told =
                (response.status().as_u16(), field(headers, "retry-after"), field(headers, "cache-control"));
            assert_eq!(told, (503, "1".to_owned(), "no-store".to_owned()), "{address:?}");
        }
    }
    for address in ADDRESSES.iter().filter(is_health) {
        assert_eq!(app.send(request(address, &Method::GET)).await.status(), 200, "{address:?}");
    }
}

/// What one limit leaves of a second request.
async fn second(
    rates: RateLimits,
    address: &Address,
    fields: &[(&'static str, &str)],
) -> (Address, Response) {
    let app = App::with(ISSUER, ServerSettings { rates, ..github() }, everything).await;
    app.client("web").await;
    let address = Address { ..*address };
    let first = address.post(&app, fields, &[]).await;
    assert_ne!(first.status, 429, "{first:?}");
    let response = app.send(address.form(fields, &[])).await;
    (address, response)
}

/// RFC 6585 §4. RFC 6749 §5.2 has no word for it; `temporarily_unavailable` (§4.1.2.1) says what is meant.
#[tokio::test]
async fn who_comes_too_often_is_told_when_to_come_back() {
    let (none, wrong, right) = (RateLimits::default(), "Basic d2ViOngK", basic("web"));
    let by_address = RateLimits {
        requests_per_address_and_second: 1,
        authorization_requests_per_address_and_minute: 1,
        ..none
    };
    let by_failures = RateLimits { failures_per_client_and_minute: 1, ..none };
    let by_failures_here = RateLimits { failures_per_address_and_minute: 1, ..none };
    for address in addresses::of_clients() {
        for (rates, authorization) in
            [(by_address, right.as_str()), (by_failures, wrong), (by_failures_here, wrong)]
        {
            let fields = [("authorization", authorization)];
            let (address, response) = second(rates, address, &fields).await;
            let wait = field(response.headers(), "retry-after");
            assert!(wait.parse::<u64>().is_ok_and(|wait| wait > 0), "{address:?}: {wait}");
            let code = if address.kind == Kind::Api { "" } else { "temporarily_unavailable" };
            let expected = (429, code.to_owned(), "no-store".to_owned());
            assert_eq!(said(&address, response).await, expected, "{rates:?}");
        }
    }
    // What is answered counts for the client, wherever it asks.
    let by_client = RateLimits { requests_per_client_and_second: 1, ..none };
    let app = App::with(ISSUER, ServerSettings { rates: by_client, ..github() }, everything).await;
    app.client("web").await;
    let token = [("token", "x")];
    assert_eq!(addresses::named("/introspect").of(&app, "web", &token).await.status, 200);
    for address in addresses::of_clients() {
        let again = address.of(&app, "web", &token).await;
        assert_eq!((again.status, again.header("retry-after")), (429, "1"), "{address:?}");
    }
}

/// The same where something else is counted than what clients are.
#[tokio::test]
async fn registrations_and_pages_have_their_own_pace() {
    let rates = RateLimits {
        requests_per_address_and_second: 1,
        authorization_requests_per_address_and_minute: 1,
        ..RateLimits::default()
    };
    let settings = ServerSettings {
        rates,
        registrations_per_hour: countersign_server::RegistrationsPerHour(3),
        ..github()
    };
    for (address, method) in addresses::of(&[Kind::Authorization, Kind::Resource])
        .flat_map(|address| address.methods().map(move |method| (address, method)))
    {
        // Userinfo and its like are as often as the token is good for.
        if address.kind == Kind::Resource && !address.path.starts_with("/api/approvals") {
            continue;
        }
        let app = App::with(ISSUER, settings.clone(), everything).await;
        assert_ne!(app.send(request(address, &method)).await.status(), 429);
        let response = app.send(request(address, &method)).await;
        let wait = field(response.headers(), "retry-after");
        assert!(wait.parse::<u64>().is_ok_and(|wait| wait > 0), "{address:?}: {wait}");
        assert_eq!(response.status(), 429, "{address:?}");
    }
    let app = App::with(ISSUER, settings, everything).await;
    let ask = async || send(&app, Method::POST, "/register", None, "{}").await;
    assert_eq!(ask().await.status, 400);
    let Answer { status, json, .. } = ask().await;
    assert_eq!((status, json["error"].as_str()), (429, Some("temporarily_unavailable")));
    assert_eq!(ask().await.header("retry-after"), "1200");
}

/// RFC 3986 §2.5: a name in an address that is no text is nobody's.
#[tokio::test]
async fn a_name_that_is_no_text_is_nobodys() {
    let app = app().await;
    for address in ADDRESSES.iter().filter(|address| address.path.contains('{')) {
        for method in address.methods() {
            let mut request = request(address, &method);
            *request.uri_mut() = address.concrete("%ff").parse().unwrap();
            let response = app.send(request).await;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let body = read(response).await;
            // Who must say first who they are learns nothing before.
            let expected: &[u16] = match address.kind {
                Kind::Registration | Kind::Api | Kind::Resource => &[401],
                _ => &[404, 303],
            };
            assert!(expected.contains(&status), "{method} {address:?}: {status} {body}");
            let media = field(&headers, "content-type");
            assert!(status == 303 || !media.starts_with("text/plain"), "{method} {address:?}: {media}");
        }
    }
}
