//! HTTP/1.1 connections to upstreams, driven by the task that uses them.
//!
//! A pooled connection has no task of its own: the request that holds it polls it, so nothing is woken or scheduled
//! twice for one request. While it rests nobody polls it; whether the upstream has closed it shows at the next use, and
//! at the sweep.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use countersign_net::Stream;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::deadline::Deadline;
use super::request_body::RequestBody;

/// A rest too short to ask the socket.
const SHORT_REST: Duration = Duration::from_millis(10);

/// One connection.
pub(crate) struct Connection {
    sender: http1::SendRequest<RequestBody>,
    driver: Box<http1::Connection<TokioIo<Stream>, RequestBody>>,
    ended: bool,
    /// Since when it rests.
    pub(crate) rests_since: Instant,
}

/// Why sending failed.
pub(crate) enum SendFault {
    /// Nothing of it left: it may be sent on another connection.
    Unsent(Box<Request<RequestBody>>),
    /// It broke before an answer.
    Broken,
    /// The deadline passed.
    TimedOut,
}

impl Connection {
    /// Begins to speak HTTP/1.1 on a fresh connection.
    pub(crate) async fn handshake(stream: Stream) -> hyper::Result<Self> {
        let (sender, driver) =
            http1::Builder::new().max_buf_size(128 * 1024).handshake(TokioIo::new(stream)).await?;
        let mut connection =
            Self { sender, driver: Box::new(driver), ended: false, rests_since: Instant::now() };
        connection.drive(&mut Context::from_waker(Waker::noop()));
        Ok(connection)
    }

    /// Lets it do what can be done now.
    pub(crate) fn drive(&mut self, cx: &mut Context<'_>) {
        if !self.ended && Pin::new(&mut *self.driver).poll(cx).is_ready() {
            self.ended = true;
        }
    }

    /// Whether it can take a request after a rest. What closed in the shortest of rests shows when it is used.
    pub(crate) fn is_usable_after(&mut self, rest: Duration) -> bool {
        if rest < SHORT_REST { !self.ended && self.sender.is_ready() } else { self.is_usable() }
    }

    /// Whether it can take a request. Polls without anybody to wake, so that what was left behind in it wakes nobody.
    pub(crate) fn is_usable(&mut self) -> bool {
        self.drive(&mut Context::from_waker(Waker::noop()));
        !self.ended && self.sender.is_ready()
    }

    /// Hands it to a task of its own, for upgrades.
    pub(crate) fn into_task(self) -> http1::SendRequest<RequestBody> {
        let Self { sender, driver, .. } = self;
        tokio::spawn(async move { drop((*driver).with_upgrades().await) });
        sender
    }

    /// Sends a request and waits for the head of the answer.
    pub(crate) async fn send(
        &mut self,
        request: Request<RequestBody>,
        deadline: &mut Deadline,
    ) -> Result<Response<Incoming>, SendFault> {
        let Self { sender, driver, ended, .. } = self;
        let mut answer = std::pin::pin!(sender.try_send_request(request));
        let sent = std::future::poll_fn(|cx| {
            // The answer comes out of the driver, so whatever wakes the driver is enough.
            if !*ended && Pin::new(&mut **driver).poll(cx).is_ready() {
                *ended = true;
            }
            match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(answer) => Poll::Ready(Some(answer)),
                Poll::Pending => deadline.poll(cx).map(|()| None),
            }
        });
        match sent.await {
            Some(Ok(response)) => Ok(response),
            Some(Err(mut error)) => Err(error
                .take_message()
                .map_or(SendFault::Broken, |request| SendFault::Unsent(Box::new(request)))),
            None => Err(SendFault::TimedOut),
        }
    }
}
