//! The matrix of shapes.

use super::framing::Framing;
use super::headers::{clean_request, clean_response, clean_trailers, join_cookies};
use super::*;
use http::HeaderName;
use proptest::prelude::*;

fn ask(method: &str, uri: &str, hosts: &[&str]) -> Result<(String, String), Refusal> {
    let uri: Uri = uri.parse().unwrap();
    let mut headers = HeaderMap::new();
    for host in hosts {
        headers.append(header::HOST, host.parse().unwrap());
    }
    match target(&method.parse().unwrap(), &uri, Version::HTTP_11, &headers)? {
        Asked::Resource(target) => Ok((target.host.into_owned(), target.path_and_query.to_string())),
        Asked::Server => Ok((String::new(), "*".to_owned())),
    }
}

#[test]
fn hosts() {
    let ok = |host: &str| ask("GET", "/", &[host]).map(|(host, _)| host);
    assert_eq!(ok("Example.COM:8080").unwrap(), "example.com");
    assert_eq!(ok("example.com.").unwrap(), "example.com");
    assert_eq!(ok("[::1]:80").unwrap(), "[::1]");
    assert_eq!(ok("[0:0:0::0001]:80").unwrap(), "[::1]");
    assert_eq!(ok("[2001:DB8::A]").unwrap(), "[2001:db8::a]");
    for bad in [
        "a b",
        "a/b",
        "a@b",
        "a:b",
        "a:123456",
        "[::1",
        "[zz]",
        "..",
        ".a",
        "a..b",
        "a..",
        "a.%2e",
        "a,b",
        "é.example",
    ] {
        let value = http::HeaderValue::from_bytes(bad.as_bytes()).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, value);
        let uri = Uri::from_static("/");
        let found = target(&Method::GET, &uri, Version::HTTP_11, &headers).map(|_| ());
        assert_eq!(found, Err(Refusal::BadHost), "{bad}");
    }
    assert_eq!(ask("GET", "/", &["a", "a"]), Err(Refusal::DuplicateHost));
    assert_eq!(ask("GET", "/", &[]), Err(Refusal::MissingHost));
    assert_eq!(ask("GET", "/", &[""]), Err(Refusal::MissingHost));
    let nothing = HeaderMap::new();
    let uri = Uri::from_static("/");
    assert!(target(&Method::GET, &uri, Version::HTTP_10, &nothing).is_ok());
}

#[test]
fn forms_of_target() {
    assert_eq!(
        ask("GET", "http://A.example/x?y", &["a.example"]).unwrap(),
        ("a.example".into(), "/x?y".into())
    );
    assert_eq!(ask("GET", "http://a.example", &["a.example"]).unwrap().1, "/");
    assert_eq!(ask("GET", "http://b.example/x", &["a.example"]), Err(Refusal::HostMismatch));
    assert_eq!(ask("GET", "http://a.example:81/x", &["a.example"]), Err(Refusal::HostMismatch));
    assert_eq!(ask("GET", "http://a.example/x", &[]), Err(Refusal::MissingHost));
    assert_eq!(ask("GET", "http://u:p@a.example/x", &["a.example"]), Err(Refusal::UserInfo));
    assert_eq!(ask("GET", "ftp://a.example/x", &["a.example"]), Err(Refusal::TargetForm));
    assert_eq!(ask("GET", "a.example:80", &["a.example:80"]), Err(Refusal::TargetForm));
    assert_eq!(ask("CONNECT", "a.example:80", &["a.example:80"]), Err(Refusal::Method));
    assert_eq!(ask("TRACE", "/", &["a"]), Err(Refusal::Method));
    assert_eq!(ask("OPTIONS", "*", &["a"]).unwrap().1, "*");
    assert_eq!(ask("GET", "*", &["a"]), Err(Refusal::TargetForm));
}

#[test]
fn paths() {
    let same = [
        "/",
        "/a",
        "/a/",
        "/a/b.c",
        "/.well-known/x",
        "/...",
        "/a/..b",
        "/~x",
        "/a:b@c",
        "/%E2%82%AC",
        "/a%20b",
    ];
    for path in same {
        assert_eq!(normalise_path(path).as_deref(), Ok(path), "{path}");
    }
    let changed = [
        ("/%61dmin", "/admin"),
        ("/a%2Db%2d", "/a-b-"),
        ("/%e2%82%ac", "/%E2%82%AC"),
        ("/file%2Ejson", "/file.json"),
        ("/a|b", "/a%7Cb"),
        ("/100%25", "/100%25"),
        ("/100%25x", "/100%25x"),
    ];
    for (path, expected) in changed {
        assert_eq!(normalise_path(path).as_deref(), Ok(expected), "{path}");
    }
    let bad = [
        "/a%2fb",
        "/a%2Fb",
        "/a%5cb",
        "/a\\b",
        "/a%00b",
        "/a%0d%0ab",
        "/a%7f",
        "/a;b",
        "/..;/a",
        "/a%3bb",
        "/..%3B/a",
        "/%",
        "/%4",
        "/%zz",
        "/%252e%252e/",
        "/%252f",
        "/%c0%ae%c0%ae/",
        "/%ff",
        "/é",
        "/a b",
        "/a\tb",
        "/%u002e",
    ];
    for path in bad {
        assert_eq!(normalise_path(path), Err(Refusal::BadPath), "{path}");
    }
    for path in
        ["/.", "/..", "/./a", "/a/../b", "/%2e", "/%2e%2e/a", "/.%2e/a", "/a/%2E%2E", "/a/..", "/a/./"]
    {
        assert_eq!(normalise_path(path), Err(Refusal::DotSegment), "{path}");
    }
    for path in ["//", "//a", "/a//b", "/a//"] {
        assert_eq!(normalise_path(path), Err(Refusal::EmptySegment), "{path}");
    }
    assert_eq!(normalise_path("a"), Err(Refusal::TargetForm));
    assert_eq!(normalise_path("/Admin").as_deref(), Ok("/Admin"));
}

fn cleaned(lines: &[(&str, &str)], trusted: bool) -> Result<Vec<String>, Refusal> {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
    }
    clean_request(&Method::GET, Version::HTTP_11, &mut headers, trusted)?;
    Ok(headers.keys().map(|name| name.as_str().to_owned()).collect())
}

#[test]
fn private_fields_are_taken_off_in_every_spelling() {
    let gone = [
        "Countersign-Subject",
        "countersign_subject",
        "COUNTERSIGN-SUBJECT",
        "Countersign_Identity",
        "countersign-new",
        "X-Forwarded-For",
        "x_forwarded_for",
        "X-Forwarded_Host",
        "Forwarded",
        "X-Real-IP",
        "X-Request-Id",
        "x_request_id",
        "Client-Cert",
        "X-Forwarded-Client-Cert",
        "Keep-Alive",
        "Proxy-Authorization",
        "Proxy-Connection",
        "TE",
        "Upgrade",
        "content_length",
        "transfer_encoding",
        "X-Original-URL",
        "X-Rewrite-URL",
        "http2-settings",
        "proxy_authorization",
    ];
    for name in gone {
        assert_eq!(cleaned(&[(name, "x")], false), Ok(vec![]), "{name}");
    }
    for name in ["accept", "x_custom", "x-api-key", "authorization", "cookie", "counter", "via", "trailer"] {
        assert_eq!(cleaned(&[(name, "x")], false), Ok(vec![name.to_owned()]), "{name}");
    }
    for name in ["x-forwarded-for", "forwarded", "x-request-id"] {
        assert_eq!(cleaned(&[(name, "x")], true), Ok(vec![name.to_owned()]), "{name}");
    }
    for name in ["x_forwarded_for", "countersign-subject", "client-cert"] {
        assert_eq!(cleaned(&[(name, "x")], true), Ok(vec![]), "{name}");
    }
}

#[test]
fn connection_names_only_its_own() {
    assert_eq!(
        cleaned(&[("connection", "keep-alive, x-hop"), ("x-hop", "1"), ("x-end", "1")], false),
        Ok(vec!["x-end".into()])
    );
    for name in [
        "Authorization",
        "host",
        "content_length",
        "X-Forwarded-For",
        "countersign-subject",
        "Cookie",
        "a b",
        "x-request-id",
    ] {
        assert_eq!(cleaned(&[("connection", name)], false), Err(Refusal::Connection), "{name}");
    }
    assert_eq!(cleaned(&[("expect", "100-Continue")], false), Ok(vec![]));
    assert_eq!(cleaned(&[("expect", "a-miracle")], false), Err(Refusal::Expectation));
}

#[test]
fn upgrades_are_for_websocket() {
    let mut headers = HeaderMap::new();
    headers.insert("connection", "keep-alive, Upgrade".parse().unwrap());
    headers.insert("upgrade", "WebSocket".parse().unwrap());
    let asked = clean_request(&Method::GET, Version::HTTP_11, &mut headers, false).unwrap();
    assert!(asked.websocket && headers.is_empty());
    headers.insert("connection", "Upgrade, HTTP2-Settings".parse().unwrap());
    headers.insert("upgrade", "h2c".parse().unwrap());
    let asked = clean_request(&Method::GET, Version::HTTP_11, &mut headers, false).unwrap();
    assert!(!asked.websocket && headers.is_empty());
}

#[test]
fn responses_trailers_and_cookies() {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("connection", "x-hop, content-type"),
        ("x-hop", "1"),
        ("keep-alive", "x"),
        ("content-type", "a/b"),
        ("server", "s"),
    ] {
        headers.insert(name, value.parse().unwrap());
    }
    clean_response(&mut headers);
    assert_eq!(headers.len(), 2);

    let mut trailers = HeaderMap::new();
    for name in ["grpc-status", "content-length", "authorization", "countersign_subject", "host"] {
        trailers.insert(name, "0".parse().unwrap());
    }
    clean_trailers(&mut trailers);
    assert_eq!(trailers.keys().collect::<Vec<_>>(), ["grpc-status"]);

    let mut headers = HeaderMap::new();
    headers.append("cookie", "a=1".parse().unwrap());
    headers.append("cookie", "b=2".parse().unwrap());
    join_cookies(&mut headers);
    assert_eq!(headers.get_all("cookie").iter().collect::<Vec<_>>(), ["a=1; b=2"]);
}

/// Whether a stream is refused, fed whole and byte by byte; both must say the same.
fn framing_refuses(text: &str) -> Option<u64> {
    let verdict = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut framing = Framing::default();
        let mut sound = true;
        for piece in pieces {
            sound &= framing.feed(piece);
        }
        framing.refused().map(|request| (request, sound))
    };
    let whole = verdict(&mut std::iter::once(text.as_bytes()));
    let bytewise = verdict(&mut text.as_bytes().chunks(1));
    assert_eq!(whole, bytewise, "{text:?}");
    whole.map(|(request, _)| request)
}

#[test]
fn framing() {
    let sound = [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab\ncdGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nx: y\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    ];
    for text in sound {
        assert_eq!(framing_refuses(text), None, "{text:?}");
    }
    let fields = [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5, 5",
        "Content-Length: +5",
        "Content-Length: 0x5",
        "Content-Length:",
        "Content-Length: 99999999999999999999",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding : chunked",
        "Content-Length : 5",
        "X: a\n b: c",
        "X: a\r\n folded",
        "X: a\r\n\tfolded",
        "X: a\rb",
        "X: a\0b",
        ": empty",
        "no colon",
        "X\x0b: a",
    ];
    for field in fields {
        let text = format!("POST / HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n");
        assert_eq!(framing_refuses(&text), Some(0), "{field:?}");
        let second = format!("GET / HTTP/1.1\r\nHost: a\r\n\r\n{text}");
        assert_eq!(framing_refuses(&second), Some(1), "{field:?}");
    }
    for line in [
        "GET  / HTTP/1.1",
        "GET /a b HTTP/1.1",
        "GET /#x HTTP/1.1",
        "GET / HTTP/2.0",
        "GET /",
        "G(T / HTTP/1.1",
    ] {
        assert_eq!(framing_refuses(&format!("{line}\r\nHost: a\r\n\r\n")), Some(0), "{line:?}");
    }
    assert_eq!(framing_refuses("GET / HTTP/1.1\nHost: a\n\n"), Some(0));
    assert_eq!(framing_refuses("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), Some(0));
    for chunk in [
        "5\nabcde\r\n",
        "0x5\r\nabcde\r\n",
        "5 a\r\nabcde\r\n",
        "\r\n",
        "-1\r\n",
        "5;a\rb\r\n",
        "fffffffffffffffff\r\n",
    ] {
        let text = format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\n");
        assert_eq!(framing_refuses(&text), Some(0), "{chunk:?}");
    }
}

proptest! {
    #[test]
    fn normalising_twice_changes_nothing(path in "/[ -~]{0,40}") {
        if let Ok(once) = normalise_path(&path) {
            let twice = normalise_path(&once);
            prop_assert_eq!(twice.as_deref(), Ok(&*once));
            prop_assert!(!once.contains("//") && !once.contains("/../") && once.is_ascii());
        }
    }

    #[test]
    fn framing_takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0_usize..200) {
        let mut whole = Framing::default();
        whole.feed(&bytes);
        let mut split = Framing::default();
        let at = at.min(bytes.len());
        split.feed(&bytes[..at]);
        split.feed(&bytes[at..]);
        prop_assert_eq!(whole.refused(), split.refused());
    }
}
