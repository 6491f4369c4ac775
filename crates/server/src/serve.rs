//! A router on a listener.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use countersign_access::{Peer, PeerCertificate, UnvouchedCertificate};
use countersign_net::{Accepted, CancellationToken, ConnectionInfo, Drained, HttpVersion, Listener};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tower::Service as _;

use crate::client_address::Remote;
use crate::settings::ServerLimits;

/// Largest header of a request (RFC 6585 §5): a query of 16 KiB and cookies of neighbours fit.
const MAX_HEADER: usize = 48 * 1024;
/// Most header lines of a request.
const MAX_HEADERS: usize = 100;
/// Requests at the same time on one HTTP/2 connection.
const MAX_STREAMS: u32 = 128;
/// A silent HTTP/2 connection is asked whether it still lives.
const PING_INTERVAL: Duration = Duration::from_secs(30);

/// Serves the router until `shutdown` is cancelled, then lets open connections finish.
pub async fn serve(
    listener: Listener,
    router: Router,
    limits: ServerLimits,
    shutdown: CancellationToken,
) -> Drained {
    listener
        .serve(shutdown, move |accepted| {
            let router = router.clone();
            async move { connection(accepted, router, limits.header_timeout).await }
        })
        .await
}

/// One connection, from its first byte to its end.
async fn connection(accepted: Accepted, router: Router, header_timeout: Duration) {
    let Accepted { mut stream, info, draining, guard } = accepted;
    let outcome = tokio::select! {
        // A connection that never said anything has nothing to finish.
        () = draining.cancelled() => return,
        version = stream.http_version(header_timeout) => version,
    };
    let ended = match outcome {
        Ok(HttpVersion::Http1) => http1(TokioIo::new(stream), &info, router, header_timeout, draining).await,
        Ok(HttpVersion::Http2) => http2(TokioIo::new(stream), &info, router, draining).await,
        Err(error) => {
            tracing::debug!(remote = %info.remote, %error, "a connection said nothing");
            return;
        }
    };
    if let Err(error) = ended {
        tracing::debug!(remote = %info.remote, %error, "a connection ended early");
    }
    drop(guard);
}

async fn http1(
    io: TokioIo<countersign_net::Stream>,
    info: &Arc<ConnectionInfo>,
    router: Router,
    header_timeout: Duration,
    draining: CancellationToken,
) -> hyper::Result<()> {
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_buf_size(MAX_HEADER)
        .max_headers(MAX_HEADERS)
        .half_close(false);
    let connection = builder.serve_connection(io, service(info, router));
    tokio::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return ended,
        () = draining.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}

async fn http2(
    io: TokioIo<countersign_net::Stream>,
    info: &Arc<ConnectionInfo>,
    router: Router,
    draining: CancellationToken,
) -> hyper::Result<()> {
    let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(u32::try_from(MAX_HEADER).unwrap_or(u32::MAX));
    let connection = builder.serve_connection(io, service(info, router));
    tokio::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return ended,
        () = draining.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}

/// The router, told where each request comes from.
fn service(
    info: &Arc<ConnectionInfo>,
    router: Router,
) -> impl hyper::service::Service<
    Request<Incoming>,
    Response = axum::response::Response,
    Error = std::convert::Infallible,
    Future: Send,
> + use<> {
    let remote = Remote(info.remote.ip());
    let peer = Arc::new(peer(info));
    let info = Arc::clone(info);
    hyper::service::service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(remote);
        request.extensions_mut().insert(Arc::clone(&info));
        request.extensions_mut().insert(Arc::clone(&peer));
        let mut router = router.clone();
        async move { router.call(request).await }
    })
}

/// The other end, with the certificate that TLS has verified, or with the one that nobody vouches for: read once a
/// connection.
fn peer(info: &ConnectionInfo) -> Peer {
    let address = info.remote.ip();
    if let Some(leaf) = info.tls.as_ref().and_then(|tls| tls.unvouched.as_ref()) {
        return match UnvouchedCertificate::from_der(leaf.dangerous_unverified_der()) {
            Ok(certificate) => Peer::with_unvouched(address, Arc::new(certificate)),
            Err(error) => {
                tracing::debug!(remote = %info.remote, %error, "a client certificate can't be used");
                Peer::new(address, None)
            }
        };
    }
    let certificate = info.tls.as_ref().and_then(|tls| {
        let leaf = tls.client_certificates.first()?;
        PeerCertificate::from_der(leaf, tls.vouched_by.iter().map(AsRef::as_ref))
            .inspect_err(
                |error| tracing::debug!(remote = %info.remote, %error, "a client certificate can't be used"),
            )
            .ok()
    });
    Peer::new(address, certificate.map(Arc::new))
}
