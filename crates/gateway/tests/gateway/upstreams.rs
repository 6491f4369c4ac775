//! Upstreams that die, and connections to them.

use std::sync::atomic::Ordering;

use countersign_gateway::UpstreamConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::{Answered, Running, Upstream, one_open_route, open, route};

#[tokio::test]
async fn connections_are_kept_and_shared() {
    let (upstream, gateway) = one_open_route().await;
    for _ in 0..5 {
        assert_eq!(gateway.ask("/", "").await.status, 200);
    }
    assert_eq!(upstream.connections.load(Ordering::SeqCst), 1);
    assert_eq!(upstream.requests.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn a_dead_upstream_is_502() {
    let (upstream, gateway) = one_open_route().await;
    assert_eq!(gateway.ask("/", "").await.status, 200);
    upstream.stop();
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let answer = gateway.ask("/", "").await;
    assert_eq!(answer.status, 502, "{answer:?}");
    assert!(answer.head.contains("application/problem+json") && answer.body.contains("req_"), "{answer:?}");
    assert!(!answer.body.contains(&upstream.address.to_string()), "{answer:?}");
}

/// A server that answers the first request on a connection and ends it at the second, unanswered.
async fn forgetful() -> (std::net::SocketAddr, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = std::sync::Arc::clone(&seen);
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let counted = std::sync::Arc::clone(&counted);
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                if socket.read(&mut buffer).await.unwrap_or(0) > 0 {
                    counted.fetch_add(1, Ordering::SeqCst);
                    socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
                }
                if socket.read(&mut buffer).await.unwrap_or(0) > 0 {
                    counted.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    (address, seen)
}

#[tokio::test]
async fn a_stale_connection_is_retried_once_when_that_is_safe() {
    let (address, seen) = forgetful().await;
    let placeholder = Upstream::start().await;
    let mut config = route("open", "/", &placeholder, open());
    config.upstream = UpstreamConfig::http1(format!("http://{address}"));
    let gateway = Running::start(vec![config]).await;
    assert_eq!(gateway.ask("/", "").await.status, 200);
    assert_eq!(gateway.ask("/", "").await.status, 200);
    assert_eq!(seen.load(Ordering::SeqCst), 3, "the second was sent twice");
    let post = "POST / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\nContent-Length: N\r\n\r\n";
    let answer = gateway.raw(post.replace('N', "0")).await;
    assert_eq!(Answered::read(&answer).status, 502, "never twice: {answer}");
    assert_eq!(seen.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn nonsense_from_upstream_is_502() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answers: [&[u8]; 5] = [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nX : y\r\n\r\n",
        b"",
    ];
    tokio::spawn(async move {
        for answer in answers {
            let (mut socket, _) = listener.accept().await.unwrap();
            let _ = socket.read(&mut [0; 4096]).await;
            socket.write_all(answer).await.unwrap();
        }
    });
    let placeholder = Upstream::start().await;
    let mut config = route("open", "/", &placeholder, open());
    config.upstream = UpstreamConfig::http1(format!("http://{address}"));
    let gateway = Running::start(vec![config]).await;
    for answer in answers {
        assert_eq!(gateway.ask("/", "").await.status, 502, "{}", String::from_utf8_lossy(answer));
    }
}

#[tokio::test]
async fn several_servers_take_turns() {
    let (one, two) = (Upstream::start().await, Upstream::start().await);
    let mut config = route("open", "/", &one, open());
    config.upstream.addresses.push(two.url());
    let gateway = Running::start(vec![config]).await;
    for _ in 0..6 {
        assert_eq!(gateway.ask("/", "").await.status, 200);
    }
    assert_eq!((one.requests.load(Ordering::SeqCst), two.requests.load(Ordering::SeqCst)), (3, 3));
    one.stop();
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    for _ in 0..4 {
        assert_eq!(gateway.ask("/", "").await.status, 200, "the other one serves");
    }
}
