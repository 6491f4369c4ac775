//! A real hyper server that tells what it received.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// A server that echoes.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    pub(crate) connections: Arc<AtomicUsize>,
    pub(crate) requests: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
    /// Pieces sent to whoever asks for `/fed`; its end when it is taken.
    pub(crate) feed: Option<mpsc::UnboundedSender<Frame<Bytes>>>,
}

struct Feed(mpsc::UnboundedReceiver<Frame<Bytes>>);

impl Body for Feed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|frame| frame.map(Ok))
    }
}

impl Upstream {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, requests) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (feed, fed) = mpsc::unbounded_channel();
        let fed = Arc::new(std::sync::Mutex::new(Some(fed)));
        let (connected, requested) = (Arc::clone(&connections), Arc::clone(&requests));
        let task = tokio::spawn(async move {
            let mut served = tokio::task::JoinSet::new();
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                connected.fetch_add(1, Ordering::SeqCst);
                let (requested, fed) = (Arc::clone(&requested), Arc::clone(&fed));
                served.spawn(async move {
                    let service = service_fn(move |request| {
                        requested.fetch_add(1, Ordering::SeqCst);
                        let fed = Arc::clone(&fed);
                        async move { answer(request, fed).await }
                    });
                    let builder = auto::Builder::new(TokioExecutor::new());
                    drop(builder.serve_connection_with_upgrades(TokioIo::new(socket), service).await);
                });
            }
        });
        Self { address, connections, requests, task, feed: Some(feed) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sends a piece to whoever asks for `/fed`.
    pub(crate) fn send(&self, frame: Frame<Bytes>) {
        self.feed.as_ref().unwrap().send(frame).unwrap();
    }

    pub(crate) fn stop(&self) {
        self.task.abort();
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Fed = Arc<std::sync::Mutex<Option<mpsc::UnboundedReceiver<Frame<Bytes>>>>>;
type Answer = http_body_util::combinators::BoxBody<Bytes, hyper::Error>;

fn whole(text: impl Into<Bytes>) -> Answer {
    http_body_util::Full::new(text.into()).map_err(|never| match never {}).boxed()
}

async fn answer(mut request: Request<Incoming>, fed: Fed) -> Result<Response<Answer>, hyper::Error> {
    let path = request.uri().path().to_owned();
    match path.as_str() {
        "/fed" => {
            let feed = Feed(fed.lock().unwrap().take().unwrap());
            let mut response = Response::new(feed.map_err(|never| match never {}).boxed());
            response.headers_mut().insert(header::TRAILER, "grpc-status".parse().unwrap());
            Ok(response)
        }
        "/hang" => std::future::pending().await,
        // The answer comes before the request's body has.
        "/early" => {
            Ok(Response::builder().status(StatusCode::PAYLOAD_TOO_LARGE).body(whole("early")).unwrap())
        }
        // Each piece goes back as it comes.
        "/mirror" => Ok(Response::new(request.into_body().boxed())),
        "/ws" => {
            let upgrade = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                let mut io = TokioIo::new(upgrade.await.unwrap());
                let mut buffer = [0; 1024];
                while let Ok(length @ 1..) = io.read(&mut buffer).await {
                    io.write_all(&buffer[..length]).await.unwrap();
                }
            });
            Ok(Response::builder()
                .status(StatusCode::SWITCHING_PROTOCOLS)
                .header(header::CONNECTION, "Upgrade")
                .header(header::UPGRADE, "websocket")
                .header("sec-websocket-accept", "kept")
                .body(whole(""))
                .unwrap())
        }
        "/hop" => Ok(Response::builder()
            .header(header::CONNECTION, "x-hop")
            .header("x-hop", "1")
            .header("keep-alive", "timeout=5")
            .header("x-end", "1")
            .header("server", "behind")
            .body(whole("hop"))
            .unwrap()),
        "/big" => Ok(Response::new(whole(vec![b'x'; 3_000_000]))),
        "/slow" => {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Ok(Response::new(whole("slow")))
        }
        _ => echo(request).await,
    }
}

async fn echo(request: Request<Incoming>) -> Result<Response<Answer>, hyper::Error> {
    let (head, body) = request.into_parts();
    let collected = body.collect().await?;
    let trailers = collected.trailers().cloned().unwrap_or_default();
    let body = collected.to_bytes();
    let list = |headers: &HeaderMap| {
        headers
            .iter()
            .map(|(name, value)| {
                serde_json::json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())])
            })
            .collect::<Vec<_>>()
    };
    let seen = serde_json::json!({
        "method": head.method.as_str(),
        "target": head.uri.to_string(),
        "version": format!("{:?}", head.version),
        "headers": list(&head.headers),
        "trailers": list(&trailers),
        "body": String::from_utf8_lossy(&body),
    });
    Ok(Response::builder()
        .header(header::CONTENT_TYPE, "application/json")
        .body(whole(seen.to_string()))
        .unwrap())
}
