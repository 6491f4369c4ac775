//! Nothing is held back, in either direction.

use bytes::Bytes;
use http_body::Frame;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{PATIENCE, one_open_route};

async fn read_until(socket: &mut TcpStream, end: &str) -> String {
    let mut read = Vec::new();
    let reading = async {
        let mut buffer = [0; 1024];
        while !String::from_utf8_lossy(&read).contains(end) {
            let length = socket.read(&mut buffer).await.unwrap();
            assert!(length > 0, "ended before {end:?}: {}", String::from_utf8_lossy(&read));
            read.extend_from_slice(&buffer[..length]);
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.unwrap_or_else(|_| panic!("{end:?} never came"));
    String::from_utf8_lossy(&read).into_owned()
}

#[tokio::test]
async fn pieces_of_an_answer_come_as_they_are_sent() {
    let (mut upstream, gateway) = one_open_route().await;
    let mut socket = gateway.connect().await;
    socket.write_all(b"GET /fed HTTP/1.1\r\nHost: a.example\r\nTE: trailers\r\n\r\n").await.unwrap();
    for piece in ["one", "two", "three"] {
        upstream.send(Frame::data(Bytes::from(piece)));
        read_until(&mut socket, piece).await;
    }
    let mut trailers = http::HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    upstream.send(Frame::trailers(trailers));
    upstream.feed = None;
    let end = read_until(&mut socket, "\r\n\r\n").await;
    assert!(end.contains("grpc-status: 0"), "{end}");
}

#[tokio::test]
async fn pieces_of_a_request_come_as_they_are_sent() {
    let (_upstream, gateway) = one_open_route().await;
    let mut socket = gateway.connect().await;
    let head = b"POST /mirror HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n";
    socket.write_all(head).await.unwrap();
    for piece in ["one", "two", "six"] {
        socket.write_all(format!("3\r\n{piece}\r\n").as_bytes()).await.unwrap();
        read_until(&mut socket, piece).await;
    }
    socket.write_all(b"0\r\n\r\n").await.unwrap();
    read_until(&mut socket, "0\r\n\r\n").await;
    // The connection goes on.
    socket.write_all(b"GET /next HTTP/1.1\r\nHost: a.example\r\n\r\n").await.unwrap();
    read_until(&mut socket, "/next").await;
}

#[tokio::test]
async fn an_answer_may_come_before_the_request_has() {
    let (_upstream, gateway) = one_open_route().await;
    let mut socket = gateway.connect().await;
    let head = b"POST /early HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1000000\r\n\r\nstart";
    socket.write_all(head).await.unwrap();
    let answer = read_until(&mut socket, "early").await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn large_answers_arrive_whole() {
    let (_upstream, gateway) = one_open_route().await;
    let answer = gateway.ask("/big", "").await;
    assert_eq!(answer.body.len(), 3_000_000);
    let head = gateway.raw("HEAD /big HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n").await;
    assert!(head.to_ascii_lowercase().contains("content-length: 3000000"), "{head}");
}
