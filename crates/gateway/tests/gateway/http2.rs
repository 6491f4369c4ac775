//! HTTP/2 on either side.

use bytes::Bytes;
use countersign_gateway::{RequestLimits, UpstreamConfig, UpstreamProtocol};
use http::{HeaderMap, Request, Response, StatusCode, Version};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;

use crate::support::{PATIENCE, Running, Upstream, fields, open, route};

type Pieces = StreamBody<
    futures_util::stream::Iter<std::vec::IntoIter<Result<Frame<Bytes>, std::convert::Infallible>>>,
>;
type Sending = http_body_util::Either<Full<Bytes>, Pieces>;

async fn start(protocol: UpstreamProtocol) -> (Upstream, Running) {
    let upstream = Upstream::start().await;
    let mut config = route("open", "/", &upstream, open());
    config.upstream = UpstreamConfig { protocol, ..UpstreamConfig::http1(upstream.url()) };
    let gateway = Running::start(vec![config]).await;
    (upstream, gateway)
}

async fn connect(gateway: &Running) -> http2::SendRequest<Sending> {
    let io = TokioIo::new(gateway.connect().await);
    let (sender, driver) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(driver);
    sender
}

fn request(gateway: &Running, path: &str) -> http::request::Builder {
    Request::builder().version(Version::HTTP_2).uri(format!("http://{}{path}", gateway.address))
}

fn whole(text: &'static str) -> Sending {
    Sending::Left(Full::new(Bytes::from_static(text.as_bytes())))
}

async fn seen(response: Response<Incoming>) -> Value {
    assert_eq!(response.status(), StatusCode::OK);
    serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

#[tokio::test]
async fn either_version_on_either_side() {
    for (protocol, version) in [(UpstreamProtocol::Http1, "HTTP/1.1"), (UpstreamProtocol::Http2, "HTTP/2.0")]
    {
        let (upstream, gateway) = start(protocol).await;
        let mut sender = connect(&gateway).await;
        for _ in 0..3 {
            let built =
                request(&gateway, "/x?y=1").method("POST").header("cookie", "a=1").header("cookie", "b=2");
            let seen = seen(sender.send_request(built.body(whole("body")).unwrap()).await.unwrap()).await;
            assert_eq!(seen["version"], version);
            assert_eq!(seen["body"], "body");
            assert!(seen["target"].as_str().unwrap().ends_with("/x?y=1"), "{seen}");
            assert_eq!(fields(&seen["headers"], "cookie"), ["a=1; b=2"]);
            assert_eq!(fields(&seen["headers"], "via"), ["2.0 countersign"]);
            assert_eq!(fields(&seen["headers"], "x-forwarded-host"), [gateway.address.to_string()]);
            if protocol == UpstreamProtocol::Http1 {
                assert_eq!(fields(&seen["headers"], "host"), [gateway.address.to_string()]);
            }
        }
        let plain = gateway.ask("/x", "").await;
        assert_eq!(plain.seen()["version"], version);
        assert_eq!(upstream.connections.load(std::sync::atomic::Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn calls_with_trailers_pass() {
    for protocol in [UpstreamProtocol::Http1, UpstreamProtocol::Http2] {
        let (mut upstream, gateway) = start(protocol).await;
        let mut sender = connect(&gateway).await;
        let built = request(&gateway, "/fed")
            .method("POST")
            .header("te", "trailers")
            .header("content-type", "application/grpc");
        let response = sender.send_request(built.body(whole("message")).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let mut body = response.into_body();
        for piece in ["one", "two"] {
            upstream.send(Frame::data(Bytes::from(piece)));
            let frame = tokio::time::timeout(PATIENCE, body.frame()).await.unwrap().unwrap().unwrap();
            assert_eq!(frame.into_data().unwrap(), piece);
        }
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", "0".parse().unwrap());
        upstream.send(Frame::trailers(trailers.clone()));
        upstream.feed = None;
        let frame = tokio::time::timeout(PATIENCE, body.frame()).await.unwrap().unwrap().unwrap();
        assert_eq!(frame.into_trailers().unwrap(), trailers);
    }
}

#[tokio::test]
async fn trailers_of_a_request_carry_no_identity() {
    let (_upstream, gateway) = start(UpstreamProtocol::Http2).await;
    let mut sender = connect(&gateway).await;
    let mut trailers = HeaderMap::new();
    for name in ["x-checksum", "countersign-subject", "countersign_subject", "authorization"] {
        trailers.insert(name, "1".parse().unwrap());
    }
    let frames = vec![Ok(Frame::data(Bytes::from_static(b"data"))), Ok(Frame::trailers(trailers))];
    let body = Sending::Right(StreamBody::new(futures_util::stream::iter(frames)));
    let response =
        sender.send_request(request(&gateway, "/").method("POST").body(body).unwrap()).await.unwrap();
    let seen = seen(response).await;
    assert_eq!(seen["body"], "data");
    assert_eq!(seen["trailers"].to_string(), "[[\"x-checksum\",\"1\"]]");
}

#[tokio::test]
async fn shapes_are_refused_in_http2_too() {
    let (upstream, gateway) = start(UpstreamProtocol::Http1).await;
    let mut sender = connect(&gateway).await;
    for path in ["/a%2fb", "/a/../b", "//a", "/a;b", "/%2e%2e/"] {
        let response = sender.send_request(request(&gateway, path).body(whole("")).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{path}");
    }
    let other = request(&gateway, "/").header("host", "other.example").body(whole("")).unwrap();
    assert_eq!(sender.send_request(other).await.unwrap().status(), StatusCode::BAD_REQUEST);
    let spoofed = request(&gateway, "/").header("countersign_subject", "spoofed").body(whole("")).unwrap();
    let seen = seen(sender.send_request(spoofed).await.unwrap()).await;
    assert!(!seen.to_string().contains("spoofed"), "{seen}");
    assert_eq!(upstream.requests.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[tokio::test]
async fn bodies_have_a_limit_in_http2_too() {
    for protocol in [UpstreamProtocol::Http1, UpstreamProtocol::Http2] {
        let upstream = Upstream::start().await;
        let mut config = route("open", "/", &upstream, open());
        config.upstream.protocol = protocol;
        config.limits = RequestLimits { body: 3, ..RequestLimits::default() };
        let gateway = Running::start(vec![config]).await;
        let mut sender = connect(&gateway).await;
        let frames = vec![Ok(Frame::data(Bytes::from_static(b"four")))];
        let body = Sending::Right(StreamBody::new(futures_util::stream::iter(frames)));
        let sent =
            sender.send_request(request(&gateway, "/").method("POST").body(body).unwrap()).await.unwrap();
        assert_eq!(sent.status(), StatusCode::PAYLOAD_TOO_LARGE, "{protocol:?}");
    }
}
