//! A WebSocket after its handshake: bytes both ways until an end, a long silence, the end of the credential, or of what
//! allowed it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Two connections that become one.
pub(crate) struct Tunnel {
    caller: OnUpgrade,
    upstream: OnUpgrade,
    idle: Duration,
    life: Option<Duration>,
    denied: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Tunnel {
    pub(crate) fn new(caller: OnUpgrade, upstream: OnUpgrade, idle: Duration) -> Self {
        Self { caller, upstream, idle, life: None, denied: Box::pin(std::future::pending()) }
    }

    /// Ends when this does: it would not be allowed any more.
    pub(crate) fn ends_with(&mut self, denied: impl Future<Output = ()> + Send + 'static) {
        self.denied = Box::pin(denied);
    }

    /// Ends after this long whatever happens: the credential that opened it is void then.
    pub(crate) fn ends_after(&mut self, life: Duration) {
        self.life = Some(life);
    }

    /// Runs to the end.
    pub(crate) async fn run(self) {
        let (Ok(caller), Ok(upstream)) = tokio::join!(self.caller, self.upstream) else { return };
        let moved = Arc::new(AtomicU64::new(0));
        let mut caller = Counted { inner: TokioIo::new(caller), moved: Arc::clone(&moved) };
        let mut upstream = Counted { inner: TokioIo::new(upstream), moved: Arc::clone(&moved) };
        let silence = async {
            let mut seen = moved.load(Ordering::Relaxed);
            loop {
                tokio::time::sleep(self.idle).await;
                let now = moved.load(Ordering::Relaxed);
                if now == seen {
                    return;
                }
                seen = now;
            }
        };
        let end_of_life = async {
            match self.life {
                Some(life) => tokio::time::sleep(life).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = tokio::io::copy_bidirectional(&mut caller, &mut upstream) => {}
            () = silence => {}
            () = end_of_life => {}
            () = self.denied => {}
        }
    }
}

/// A connection that says when something moved on it.
struct Counted {
    inner: TokioIo<Upgraded>,
    moved: Arc<AtomicU64>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        if polled.is_ready() {
            self.moved.fetch_add(1, Ordering::Relaxed);
        }
        polled
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
