//! Shapes that two parsers could read differently never reach an upstream.

use std::sync::atomic::Ordering;

use crate::support::{Answered, one_open_route};

#[tokio::test]
async fn ambiguous_framing_is_refused_and_the_connection_closed() {
    let (upstream, gateway) = one_open_route().await;
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n";
    let heads = [
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
        "Content-Length: 4\r\nContent-Length: 4",
        "Content-Length: 4\r\nContent-Length: 5",
        "Content-Length: 4, 4",
        "Content-Length: +4",
        "Content-Length: 04",
        "Content-Length: 0x4",
        "Content-Length: 4\r\nContent-Length : 0",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding:\x0bchunked",
        "X: a\r\nTransfer-Encoding\r\n : chunked",
        "X: a\r\n folded",
        "X: a\nTransfer-Encoding: chunked",
        "X: a\rb",
    ];
    for head in heads {
        let text = format!("POST / HTTP/1.1\r\nHost: a.example\r\n{head}\r\n\r\n0\r\n\r\n{smuggled}");
        let answer = gateway.raw(&text).await;
        let read = Answered::read(&answer);
        assert_eq!(read.status, 400, "{head:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "nothing follows: {head:?}: {answer}");
    }
    assert_eq!(upstream.requests.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn bad_chunks_end_the_connection() {
    let (_upstream, gateway) = one_open_route().await;
    for chunk in [
        "5\nabcde\r\n",
        "5;a\nabcde\r\n",
        "5;a\rb\r\nabcde\r\n",
        "0x5\r\nabcde\r\n",
        "5 x\r\nabcde\r\n",
        "g\r\n",
    ] {
        let head = "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n";
        let answer = gateway.raw(format!("{head}{chunk}0\r\n\r\n")).await;
        assert!(!answer.starts_with("HTTP/1.1 200"), "{chunk:?}: {answer}");
        assert!(answer.matches("HTTP/1.1 ").count() <= 1, "{chunk:?}: {answer}");
    }
}

#[tokio::test]
async fn sound_chunks_with_extensions_pass_without_them() {
    let (_upstream, gateway) = one_open_route().await;
    let text = "POST /x HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
                3;name=value\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let answer = Answered::read(&gateway.raw(text).await);
    assert_eq!(answer.seen()["body"], "abcde");
    assert_eq!(answer.field("transfer-encoding"), ["chunked"]);
}

#[tokio::test]
async fn hosts_must_be_one_and_agree() {
    let (upstream, gateway) = one_open_route().await;
    let bad = [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a.example\r\nHost: a.example\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a.example, b.example\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: u@a.example\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a.example..\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a.example:80:80\r\n\r\n",
        "GET http://b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n",
        "GET http://u:p@a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: a.example\r\n\r\n",
        "GET a.example:80 HTTP/1.1\r\nHost: a.example:80\r\n\r\n",
        "GET /#fragment HTTP/1.1\r\nHost: a.example\r\n\r\n",
    ];
    for text in bad {
        let text = text.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
        let answer = gateway.raw(&text).await;
        assert_eq!(Answered::read(&answer).status, 400, "{text:?}: {answer}");
    }
    for method in ["CONNECT a.example:80", "TRACE /"] {
        let answer = gateway
            .raw(format!("{method} HTTP/1.1\r\nHost: a.example:80\r\nConnection: close\r\n\r\n"))
            .await;
        assert_eq!(Answered::read(&answer).status, 405, "{method}: {answer}");
    }
    assert_eq!(upstream.requests.load(Ordering::SeqCst), 0);

    let text = "GET http://a.example/x?y=1 HTTP/1.1\r\nHost: A.example\r\nConnection: close\r\n\r\n";
    assert_eq!(Answered::read(&gateway.raw(text).await).target(), "/x?y=1");
    let answer = gateway.raw("OPTIONS * HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n").await;
    assert_eq!(Answered::read(&answer).status, 204);
    assert_eq!(upstream.requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn pipelined_requests_are_answered_up_to_the_bad_one() {
    let (upstream, gateway) = one_open_route().await;
    let good = "GET /good HTTP/1.1\r\nHost: a.example\r\n\r\n";
    let bad = "POST /bad HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let answer = gateway.raw(format!("{good}{good}{bad}{good}")).await;
    let statuses: Vec<_> = answer.matches("HTTP/1.1 ").collect();
    assert_eq!(statuses.len(), 3, "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 2);
    assert_eq!(answer.matches("HTTP/1.1 400").count(), 1);
    assert_eq!(upstream.requests.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn paths_that_servers_read_differently_are_refused() {
    let (upstream, gateway) = one_open_route().await;
    let bad = [
        "/a%2fb",
        "/a%2Fb",
        "/a%5cb",
        "/a\\b",
        "/a%00",
        "/a%0ab",
        "/a;b",
        "/..;/a",
        "/..%3b/a",
        "/a%3Bb",
        "/a/../b",
        "/./a",
        "/%2e%2e/a",
        "/.%2E/a",
        "//a",
        "/a//b",
        "/%",
        "/%zz",
        "/%252e%252e/a",
        "/%c0%ae%c0%ae/a",
        "/%ff",
    ];
    for path in bad {
        let answer = gateway.ask(path, "").await;
        assert_eq!(answer.status, 400, "{path}: {answer:?}");
        assert!(
            answer.head.contains("application/problem+json") && answer.body.contains("request_id"),
            "{answer:?}"
        );
    }
    assert_eq!(upstream.requests.load(Ordering::SeqCst), 0);
    for (path, seen) in
        [("/%61dmin", "/admin"), ("/a%20b", "/a%20b"), ("/%e2%82%ac?x=%2F..", "/%E2%82%AC?x=%2F..")]
    {
        assert_eq!(gateway.ask(path, "").await.target(), seen);
    }
}

#[tokio::test]
async fn hop_by_hop_fields_stay_on_their_hop() {
    let (_upstream, gateway) = one_open_route().await;
    let lines = "Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nProxy-Authorization: Basic eDp5\r\n\
                 TE: trailers, deflate\r\nX-Hop: 1\r\nConnection: x-hop\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\nX-End: 1\r\n";
    let answer = gateway.ask("/", lines).await;
    for name in
        ["keep-alive", "proxy-connection", "proxy-authorization", "x-hop", "upgrade", "http2-settings"]
    {
        assert_eq!(answer.field(name), [""; 0], "{name}");
    }
    assert_eq!(answer.field("te"), ["trailers"]);
    assert_eq!(answer.field("connection"), ["te"]);
    assert_eq!(answer.field("x-end"), ["1"]);
    assert_eq!(answer.field("via"), ["1.1 countersign"]);
    for name in ["Authorization", "Host", "Countersign-Subject", "X-Forwarded-For", "Content-Length"] {
        assert_eq!(gateway.ask("/", &format!("Connection: {name}\r\n")).await.status, 400, "{name}");
    }
    let answer = gateway.ask("/hop", "").await;
    assert!(answer.head.contains("x-end: 1") && answer.head.contains("server: behind"), "{answer:?}");
    assert!(!answer.head.contains("x-hop") && !answer.head.contains("keep-alive"), "{answer:?}");
}

#[tokio::test]
async fn expectations() {
    let (_upstream, gateway) = one_open_route().await;
    assert_eq!(gateway.ask("/", "Expect: a-miracle\r\n").await.status, 417);
    let text = "POST / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok";
    let answer = gateway.raw(text).await;
    let answer = Answered::read(answer.strip_prefix("HTTP/1.1 100 Continue\r\n\r\n").unwrap());
    assert_eq!(answer.seen()["body"], "ok");
    assert_eq!(answer.field("expect"), [""; 0]);
    let text = "OPTIONS / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\nMax-Forwards: many\r\n\r\n";
    assert_eq!(Answered::read(&gateway.raw(text.replace("many", "0")).await).status, 204);
    assert_eq!(Answered::read(&gateway.raw(text.replace("many", "3")).await).field("max-forwards"), ["2"]);
}
