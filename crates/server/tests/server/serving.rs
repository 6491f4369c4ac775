//! On a real socket.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use countersign_net::{CancellationToken, Listener, ListenerSettings};
use countersign_server::{Readiness, ServerLimits, management_router, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Answer, App};

struct Running {
    address: SocketAddr,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

fn run(router: Router, limits: ServerLimits) -> Running {
    let listener = Listener::bind(ListenerSettings::new("127.0.0.1:0".parse().unwrap()), None).unwrap();
    let (address, stop) = (listener.local_addr(), CancellationToken::new());
    let stopped = stop.clone();
    let task = tokio::spawn(async move {
        serve(listener, router, limits, stopped).await;
    });
    Running { address, stop, task }
}

async fn exchange(stream: &mut TcpStream, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = vec![0; 16 * 1024];
    let length = stream.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[tokio::test]
async fn answers_on_a_kept_connection_and_ends_when_told() {
    let app = App::new().await;
    let running = run(app.router.clone(), ServerLimits::default());
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    for _ in 0..3 {
        let answer = exchange(&mut stream, "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(
            answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("{\"status\":\"alive\"}"),
            "{answer}"
        );
    }
    running.stop.cancel();
    running.task.await.unwrap();
    assert_eq!(stream.read(&mut [0; 16]).await.unwrap(), 0, "an idle connection is closed");
    assert!(TcpStream::connect(running.address).await.is_err());
}

#[tokio::test]
async fn a_request_under_way_is_answered_before_the_end() {
    let (entered, begun) = tokio::sync::oneshot::channel::<()>();
    let entered = Arc::new(std::sync::Mutex::new(Some(entered)));
    let release = CancellationToken::new();
    let waiting = release.clone();
    let router = Router::new().route(
        "/slow",
        get(move || {
            let (entered, waiting) = (entered.clone(), waiting.clone());
            async move {
                if let Some(entered) = entered.lock().unwrap().take() {
                    let _ = entered.send(());
                }
                waiting.cancelled().await;
                "done"
            }
        }),
    );
    let running = run(router, ServerLimits::default());
    let address = running.address;
    let client = tokio::spawn(async move {
        let mut stream = TcpStream::connect(address).await.unwrap();
        exchange(&mut stream, "GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await
    });
    begun.await.unwrap();
    running.stop.cancel();
    release.cancel();
    let answer = client.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("done"), "{answer}");
    running.task.await.unwrap();
}

#[tokio::test]
async fn a_header_that_never_ends_is_not_waited_for() {
    let app = App::new().await;
    let limits = ServerLimits { header_timeout: Duration::from_millis(200), ..ServerLimits::default() };
    let running = run(app.router.clone(), limits);
    let mut silent = TcpStream::connect(running.address).await.unwrap();
    let mut slow = TcpStream::connect(running.address).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nx-a: ").await.unwrap();
    for stream in [&mut silent, &mut slow] {
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "the connection was closed");
    }
    running.stop.cancel();
}

#[tokio::test]
async fn health_says_which_part_fails_and_why_only_in_the_log() {
    let app = App::new().await;
    let ready = Answer::of(app.send(Request::get("/readyz").body(Body::empty()).unwrap()).await).await;
    assert_eq!((ready.status, ready.text("status")), (200, "ready"));
    assert_eq!(ready.json["parts"]["store"], "ok");

    let failing = Readiness::default()
        .with("keys", Arc::new(|| Box::pin(async { Err("the secret reason".to_owned()) })));
    let router = management_router(failing, Some(Arc::new(|| "metric 1\n".to_owned())));
    let ask = |path: &str| {
        let request = Request::get(path).body(Body::empty()).unwrap();
        tower::ServiceExt::oneshot(router.clone(), request)
    };
    let not_ready = Answer::of(ask("/readyz").await.unwrap()).await;
    assert_eq!((not_ready.status, &not_ready.json["parts"]["keys"]), (503, &"failing".into()));
    assert!(!not_ready.json.to_string().contains("secret reason"));
    assert_eq!(ask("/healthz").await.unwrap().status(), 200);
    assert_eq!(crate::support::read(ask("/metrics").await.unwrap()).await, "metric 1\n");
}

#[tokio::test]
async fn more_requests_than_slots_are_turned_away() {
    let settings = countersign_server::ServerSettings {
        limits: ServerLimits { concurrent_requests: 0, ..ServerLimits::default() },
        ..Default::default()
    };
    let app = App::at("https://auth.example", settings).await;
    let answer = Answer::of(app.send(Request::get("/").body(Body::empty()).unwrap()).await).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "1"));
}
