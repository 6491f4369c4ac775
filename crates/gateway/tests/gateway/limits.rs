//! How much and how long.

use std::sync::atomic::Ordering;
use std::time::Duration;

use countersign_gateway::{CallerTimeouts, GatewaySettings, RequestLimits, UpstreamTimeouts};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{Answered, PATIENCE, Running, Upstream, one_open_route, open, route};

fn hasty() -> GatewaySettings {
    let short = Duration::from_millis(300);
    GatewaySettings {
        timeouts: CallerTimeouts { first_byte: short, headers: short, keep_alive: short, stall: short },
        ..GatewaySettings::default()
    }
}

#[tokio::test]
async fn bodies_have_a_limit() {
    let upstream = Upstream::start().await;
    let mut small = route("small", "/", &upstream, open());
    small.limits = RequestLimits { body: 10, ..RequestLimits::default() };
    let gateway = Running::start(vec![small]).await;
    let head = "POST / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n";
    let said = gateway.raw(format!("{head}Content-Length: 11\r\n\r\n12345678901")).await;
    assert_eq!(Answered::read(&said).status, 413, "{said}");
    assert_eq!(upstream.requests.load(Ordering::SeqCst), 0);
    let streamed =
        gateway.raw(format!("{head}Transfer-Encoding: chunked\r\n\r\nb\r\n12345678901\r\n0\r\n\r\n")).await;
    assert_eq!(Answered::read(&streamed).status, 413, "{streamed}");
    let fits =
        gateway.raw(format!("{head}Transfer-Encoding: chunked\r\n\r\na\r\n1234567890\r\n0\r\n\r\n")).await;
    assert_eq!(Answered::read(&fits).seen()["body"], "1234567890");
}

#[tokio::test]
async fn headers_have_limits() {
    let upstream = Upstream::start().await;
    let mut small = route("small", "/", &upstream, open());
    small.limits = RequestLimits { header_count: 10, header_bytes: 1000, ..RequestLimits::default() };
    let gateway = Running::start(vec![small]).await;
    assert_eq!(gateway.ask("/", &"X: 1\r\n".repeat(7)).await.status, 200);
    assert_eq!(gateway.ask("/", &"X: 1\r\n".repeat(9)).await.status, 431);
    assert_eq!(gateway.ask("/", &format!("X: {}\r\n", "x".repeat(1000))).await.status, 431);
    assert_eq!(gateway.ask("/", &format!("X: {}\r\n", "x".repeat(100_000))).await.status, 431);
    assert_eq!(gateway.ask("/", &"X: 1\r\n".repeat(200)).await.status, 431);
}

#[tokio::test]
async fn slow_callers_are_cut() {
    let upstream = Upstream::start().await;
    let gateway = Running::start_with(vec![route("open", "/", &upstream, open())], hasty()).await;
    // Nothing at all; half a head; a head that never ends; nothing after an answer; half a body.
    for start in
        ["", "GET / HT", "GET / HTTP/1.1\r\nHost: a.example\r\n", "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"]
    {
        gateway.raw(start).await;
    }
    let answer = gateway.raw("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 10\r\n\r\n123").await;
    assert_eq!(Answered::read(&answer).status, 408, "{answer}");
    // A drop every now and then is no head either.
    let mut socket = gateway.connect().await;
    socket.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    let dripping = async {
        let mut line = 0;
        while socket.write_all(format!("X-{line}: 1\r\n").as_bytes()).await.is_ok() {
            line += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, dripping).await.expect("cut");
}

#[tokio::test]
async fn a_caller_that_does_not_read_is_cut() {
    let upstream = Upstream::start().await;
    let gateway = Running::start_with(vec![route("open", "/", &upstream, open())], hasty()).await;
    let mut socket = gateway.connect().await;
    let wanted = "GET /big HTTP/1.1\r\nHost: a.example\r\n\r\n".repeat(10);
    socket.write_all(wanted.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut read = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut read)).await.expect("cut");
    assert!(read.len() < 30_000_000, "{}", read.len());
}

#[tokio::test]
async fn slow_upstreams_are_given_up() {
    let upstream = Upstream::start().await;
    let short = Duration::from_millis(200);
    let mut config = route("open", "/", &upstream, open());
    config.timeouts = UpstreamTimeouts { connect: short, response: short, idle: short };
    let gateway = Running::start_with(vec![config], hasty()).await;
    let answer = gateway.ask("/hang", "").await;
    assert_eq!(answer.status, 504, "{answer:?}");
    assert!(answer.body.contains("req_"), "{answer:?}");
    // The head comes, the body never does.
    let answer = gateway.raw("GET /fed HTTP/1.1\r\nHost: a.example\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200") && !answer.contains("\r\n0\r\n"), "{answer}");
}

#[tokio::test]
async fn a_thousand_at_once() {
    let (upstream, gateway) = one_open_route().await;
    let gateway = std::sync::Arc::new(gateway);
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..1000 {
        let gateway = std::sync::Arc::clone(&gateway);
        asked.spawn(async move { gateway.ask("/slow", "").await.status });
    }
    while let Some(status) = asked.join_next().await {
        assert_eq!(status.unwrap(), 200);
    }
    assert_eq!(upstream.requests.load(Ordering::SeqCst), 1000);
    assert!(upstream.connections.load(Ordering::SeqCst) <= 1000);
}

#[tokio::test]
async fn stopping_lets_requests_finish() {
    let (_upstream, gateway) = one_open_route().await;
    let mut idle = gateway.connect().await;
    let mut busy = gateway.connect().await;
    busy.write_all(b"GET /slow HTTP/1.1\r\nHost: a.example\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    gateway.stop().await;
    let mut read = String::new();
    busy.read_to_string(&mut read).await.unwrap();
    assert!(read.starts_with("HTTP/1.1 200") && read.ends_with("slow"), "{read}");
    assert_eq!(idle.read(&mut [0; 8]).await.unwrap_or(0), 0);
}
