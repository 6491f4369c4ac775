//! Serves one connection: finds out which HTTP it speaks, watches it, drains it.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker, ready};
use std::time::{Duration, Instant};

use countersign_net::{Accepted, CancellationToken, HttpVersion, Stream};
use futures_util::task::AtomicWaker;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::answer_body::AnswerBody;
use super::caller::Caller;
use super::exchange::Exchange;
use super::watch::{Phase, Watch, Watcher};
use super::{Gateway, log};
use crate::GatewaySettings;
use crate::hygiene::Refusal;
use crate::hygiene::framing::Framing;
use crate::meters::Outcome;

pub(super) async fn serve(gateway: Arc<Gateway>, accepted: Accepted) {
    let Accepted { mut stream, info, draining, guard: _guard } = accepted;
    let first_byte = gateway.settings.timeouts.first_byte;
    let version = tokio::select! {
        version = stream.http_version(first_byte) => version,
        () = draining.cancelled() => return,
    };
    let Ok(version) = version else { return };
    let http2 = version == HttpVersion::Http2;
    let watch = Arc::new(Watch::new(http2));
    let Some(caller) = Caller::new(Arc::clone(&gateway), &info, http2, Arc::clone(&watch)) else { return };
    let caller = Arc::new(caller);
    let end = match version {
        HttpVersion::Http1 => serve_http1(&gateway.settings, &caller, watch, stream, &draining).await,
        HttpVersion::Http2 => serve_http2(&gateway.settings, &caller, watch, stream, &draining).await,
    };
    explain(&caller, &end);
    if let Some(tunnel) = caller.take_tunnel() {
        tunnel.run().await;
    }
}

/// How a connection ended.
enum End {
    /// One side closed it.
    Closed,
    /// It could not go on.
    Failed(hyper::Error),
    /// The caller took too long with this.
    Cut(Phase),
}

/// Counts and tells what no request could tell of itself.
fn explain(caller: &Caller, end: &End) {
    let client = caller.peer.address();
    let refusal = match end {
        _ if caller.watch.is_broken() => Refusal::Framing,
        End::Failed(error) if error.is_parse_too_large() => Refusal::TooManyHeaders,
        End::Failed(error) if error.is_parse() => Refusal::Unreadable,
        End::Cut(phase) => return log::cut(*phase, client),
        End::Closed | End::Failed(_) => return,
    };
    caller.gateway.meters.count(None, Outcome::Refused);
    log::refused(refusal, client, None);
}

async fn serve_http1(
    settings: &GatewaySettings,
    caller: &Arc<Caller>,
    watch: Arc<Watch>,
    stream: Stream,
    draining: &CancellationToken,
) -> End {
    let io = TokioIo::new(Watched { stream, framing: Some(Framing::default()), watch: Arc::clone(&watch) });
    let mut builder = http1::Builder::new();
    builder.half_close(false).header_read_timeout(None).max_buf_size(settings.limits.header_bytes.max(8192));
    if settings.limits.header_count > 100 {
        builder.max_headers(settings.limits.header_count);
    }
    let served = Arc::clone(caller);
    let service = service_fn(move |request| answered(Arc::clone(&served), request));
    let connection = pin!(builder.serve_connection(io, service).with_upgrades());
    drive(
        connection,
        |connection| connection.graceful_shutdown(),
        &watch,
        Watcher::new(settings.timeouts),
        draining,
    )
    .await
}

async fn serve_http2(
    settings: &GatewaySettings,
    caller: &Arc<Caller>,
    watch: Arc<Watch>,
    stream: Stream,
    draining: &CancellationToken,
) -> End {
    let io = TokioIo::new(Watched { stream, framing: None, watch: Arc::clone(&watch) });
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(settings.limits.h2_streams)
        .max_header_list_size(u32::try_from(settings.limits.header_bytes).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(settings.limits.h2_resets)
        .max_local_error_reset_streams(settings.limits.h2_resets)
        .max_send_buf_size(64 * 1024)
        .initial_stream_window_size(256 * 1024)
        .initial_connection_window_size(1024 * 1024)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10));
    let served = Arc::clone(caller);
    let service = service_fn(move |request| answered(Arc::clone(&served), request));
    let connection = pin!(builder.serve_connection(io, service));
    drive(
        connection,
        |connection| connection.graceful_shutdown(),
        &watch,
        Watcher::new(settings.timeouts),
        draining,
    )
    .await
}

/// The answer to one request. Its body carries the exchange to its end.
async fn answered(
    caller: Arc<Caller>,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Infallible> {
    let (response, exchange) = Exchange::serve(caller, request).await;
    Ok(response.map(|body| AnswerBody::new(body, exchange)))
}

/// Polls the connection; the tick and the drain only when they rang.
async fn drive<C: Future<Output = hyper::Result<()>>>(
    mut connection: Pin<&mut C>,
    drain: impl Fn(Pin<&mut C>),
    watch: &Watch,
    mut watcher: Watcher,
    draining: &CancellationToken,
) -> End {
    let bell = Arc::new(Bell { rung: AtomicBool::new(true), task: AtomicWaker::new() });
    let bell_waker = Waker::from(Arc::clone(&bell));
    let mut tick = pin!(tokio::time::sleep(watcher.tick()));
    let mut slow = false;
    let mut drained = Some(Box::pin(draining.cancelled()));
    std::future::poll_fn(|cx| {
        bell.task.register(cx.waker());
        if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
            return Poll::Ready(ended.map_or_else(End::Failed, |()| End::Closed));
        }
        if slow && watch.is_active() {
            slow = false;
            next_tick(tick.as_mut(), watcher.tick());
            bell.rung.store(true, Ordering::Release);
        }
        if bell.rung.swap(false, Ordering::AcqRel) {
            let mut ringing = Context::from_waker(&bell_waker);
            if drained.as_mut().is_some_and(|drained| drained.as_mut().poll(&mut ringing).is_ready()) {
                drained = None;
                drain(connection.as_mut());
                cx.waker().wake_by_ref();
            }
            while tick.as_mut().poll(&mut ringing).is_ready() {
                if let Some(phase) = watcher.expired(watch, Instant::now()) {
                    return Poll::Ready(End::Cut(phase));
                }
                slow = !watch.is_active();
                next_tick(tick.as_mut(), if slow { watcher.slow_tick() } else { watcher.tick() });
            }
        }
        Poll::Pending
    })
    .await
}

fn next_tick(tick: Pin<&mut Sleep>, period: Duration) {
    tick.reset(tokio::time::Instant::now() + period);
}

/// Wakes the connection's task and remembers that it was not the connection that did.
struct Bell {
    rung: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.task.wake();
    }
}

/// The caller's bytes, watched, and read for their framing.
struct Watched {
    stream: Stream,
    /// Only HTTP/1 has framing that can be ambiguous.
    framing: Option<Framing>,
    watch: Arc<Watch>,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let Self { framing, watch, .. } = &mut *self;
        let Some(reader) = framing else { return Poll::Ready(Ok(())) };
        let arrived = buf.filled().get(before..).unwrap_or_default();
        if arrived.is_empty() {
            return Poll::Ready(Ok(()));
        }
        if watch.is_upgraded() {
            *framing = None;
            return Poll::Ready(Ok(()));
        }
        watch.read();
        let sound = reader.feed(arrived);
        if let Some(request) = reader.refused() {
            watch.refuse(request);
        }
        if sound {
            return Poll::Ready(Ok(()));
        }
        watch.break_off();
        Poll::Ready(Err(io::ErrorKind::InvalidData.into()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.watch.wrote();
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, pieces))?;
        self.watch.wrote();
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
