//! WebSocket connections pass, where the route says so.

use std::time::Duration;

use countersign_gateway::{GatewaySettings, UpstreamTimeouts};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Answered, PATIENCE, Running, Upstream, keyed, one_open_route, open, route};

const HANDSHAKE: &str = "GET /ws HTTP/1.1\r\nHost: a.example\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

async fn head(socket: &mut TcpStream) -> String {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        let length = tokio::time::timeout(PATIENCE, socket.read(&mut byte)).await.unwrap().unwrap();
        assert_eq!(length, 1, "{}", String::from_utf8_lossy(&read));
        read.push(byte[0]);
    }
    String::from_utf8_lossy(&read).to_ascii_lowercase()
}

#[tokio::test]
async fn bytes_pass_both_ways() {
    let (_upstream, gateway) = one_open_route().await;
    let mut socket = gateway.connect().await;
    socket.write_all(format!("{HANDSHAKE}\r\n").as_bytes()).await.unwrap();
    let head = head(&mut socket).await;
    assert!(head.starts_with("http/1.1 101") && head.contains("sec-websocket-accept: kept"), "{head}");
    for message in
        [&b"hello"[..], b"\x81\x05again\r\n\r\n", b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"]
    {
        socket.write_all(message).await.unwrap();
        let mut echo = vec![0; message.len()];
        tokio::time::timeout(PATIENCE, socket.read_exact(&mut echo)).await.unwrap().unwrap();
        assert_eq!(echo, message);
    }
}

/// A gateway that asks often, and a WebSocket by key through it.
async fn asked_often() -> (Upstream, Running, TcpStream) {
    let upstream = Upstream::start().await;
    let settings = GatewaySettings { recheck: Duration::from_millis(30), ..GatewaySettings::default() };
    let gateway = Running::start_with(vec![route("keyed", "/", &upstream, keyed())], settings).await;
    let mut socket = gateway.connect().await;
    socket.write_all(format!("{HANDSHAKE}X-API-Key: {}\r\n\r\n", gateway.key).as_bytes()).await.unwrap();
    assert!(head(&mut socket).await.starts_with("http/1.1 101"));
    (upstream, gateway, socket)
}

async fn echoes(socket: &mut TcpStream) {
    socket.write_all(b"still").await.unwrap();
    let mut echo = [0; 5];
    tokio::time::timeout(PATIENCE, socket.read_exact(&mut echo)).await.unwrap().unwrap();
}

async fn ends(mut socket: TcpStream) {
    let end = tokio::time::timeout(PATIENCE, socket.read(&mut [0; 8])).await.expect("ended");
    assert_eq!(end.unwrap_or(0), 0);
}

#[tokio::test]
async fn a_websocket_ends_when_its_credential_does() {
    let (_upstream, gateway, mut socket) = asked_often().await;
    // Asked many times, and allowed.
    tokio::time::sleep(Duration::from_millis(300)).await;
    echoes(&mut socket).await;
    gateway.revoke_key();
    ends(socket).await;
}

#[tokio::test]
async fn a_websocket_outlives_a_change_of_routes_that_still_allows_it_and_no_other() {
    let (upstream, gateway, mut socket) = asked_often().await;
    gateway.gateway.replace_routes(vec![route("renamed", "/ws", &upstream, keyed())]).unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    echoes(&mut socket).await;
    gateway.gateway.replace_routes(vec![]).unwrap();
    ends(socket).await;
}

#[tokio::test]
async fn a_handshake_with_a_body_is_an_ordinary_request() {
    let (_upstream, gateway) = one_open_route().await;
    for (framing, body) in
        [("Content-Length: 5", "hello"), ("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n")]
    {
        let text = format!("{}Connection: close\r\n{framing}\r\n\r\n{body}", HANDSHAKE.replace("/ws", "/x"));
        let answer = Answered::read(&gateway.raw(text).await);
        assert_eq!(answer.seen()["body"], "hello");
        assert_eq!(answer.field("upgrade"), [""; 0], "{answer:?}");
    }
}

#[tokio::test]
async fn silence_ends_a_websocket() {
    let upstream = Upstream::start().await;
    let mut config = route("open", "/", &upstream, open());
    config.timeouts = UpstreamTimeouts { idle: Duration::from_millis(100), ..UpstreamTimeouts::default() };
    let gateway = Running::start(vec![config]).await;
    let mut socket = gateway.connect().await;
    socket.write_all(format!("{HANDSHAKE}\r\n").as_bytes()).await.unwrap();
    head(&mut socket).await;
    let end = tokio::time::timeout(PATIENCE, socket.read(&mut [0; 8])).await.unwrap();
    assert_eq!(end.unwrap_or(0), 0);
}

#[tokio::test]
async fn a_websocket_needs_a_permit_and_the_routes_consent() {
    let upstream = Upstream::start().await;
    let mut closed = route("closed", "/", &upstream, open());
    closed.websocket = false;
    closed.path_prefix = "/closed".to_owned();
    let gateway = Running::start(vec![route("keyed", "/", &upstream, keyed()), closed]).await;
    let answer = gateway.raw(format!("{}Connection: close\r\n\r\n", HANDSHAKE)).await;
    assert_eq!(Answered::read(&answer).status, 401, "{answer}");
    let mut socket = gateway.connect().await;
    socket.write_all(format!("{HANDSHAKE}X-API-Key: {}\r\n\r\n", gateway.key).as_bytes()).await.unwrap();
    assert!(head(&mut socket).await.starts_with("http/1.1 101"));
    // Where it may not, the upgrade is not passed on: an ordinary request remains.
    let text = format!("{}Connection: close\r\n\r\n", HANDSHAKE.replace("/ws", "/closed"));
    let answer = Answered::read(&gateway.raw(text).await);
    assert_eq!(answer.field("upgrade"), [""; 0]);
    assert_eq!(answer.field("connection"), [""; 0]);
}
