//! HTTP/1.1 connections to upstreams, driven by the task that uses them.
//!
//! A pooled connection has no task of its own: the request that holds it polls it, so nothing is woken or scheduled
//! twice for one request. While it rests nobody polls it; whether the upstream has closed it shows at the next use, and
//! at the sweep.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use countersign_net::Stream;
use http::{Request, Response};
use http_body::{Body, Frame};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::body::{RequestBody, Source};
use super::deadline::Deadline;
use super::upstream::Endpoint;

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

/// A connection in use, and where it goes back to.
pub(crate) struct Lease {
    connection: Option<Connection>,
    endpoint: Arc<Endpoint>,
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

    fn drive(&mut self, cx: &mut Context<'_>) {
        if !self.ended && Pin::new(&mut *self.driver).poll(cx).is_ready() {
            self.ended = true;
        }
    }

    /// Whether it can take a request after a rest. What closed in the shortest of rests shows when it is used.
    pub(crate) fn is_usable_after(&mut self, rest: Duration) -> bool {
        if rest < SHORT_REST { !self.ended && self.sender.is_ready() } else { self.is_usable() }
    }

    /// Whether it can take a request. Polls without anybody to wake, so that what was left behind in it wakes nobody.
    fn is_usable(&mut self) -> bool {
        self.drive(&mut Context::from_waker(Waker::noop()));
        !self.ended && self.sender.is_ready()
    }

    /// Hands it to a task of its own, for upgrades.
    pub(crate) fn into_task(self) -> http1::SendRequest<RequestBody> {
        let Self { sender, driver, .. } = self;
        tokio::spawn(async move { drop((*driver).with_upgrades().await) });
        sender
    }
}

impl Lease {
    pub(crate) fn new(connection: Connection, endpoint: Arc<Endpoint>) -> Self {
        Self { connection: Some(connection), endpoint }
    }

    /// Sends a request and waits for the head of the answer.
    pub(crate) async fn send(
        &mut self,
        request: Request<RequestBody>,
        deadline: &mut Deadline,
    ) -> Result<Response<Incoming>, SendFault> {
        let Some(connection) = &mut self.connection else { return Err(SendFault::Unsent(Box::new(request))) };
        let mut answer = std::pin::pin!(connection.sender.try_send_request(request));
        let sent = std::future::poll_fn(|cx| {
            // The answer comes out of the driver, so whatever wakes the driver is enough.
            if !connection.ended && Pin::new(&mut *connection.driver).poll(cx).is_ready() {
                connection.ended = true;
            }
            match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(answer) => Poll::Ready(Some(answer)),
                Poll::Pending => deadline.poll(cx).map(|()| None),
            }
        })
        .await;
        match sent {
            Some(Ok(response)) => Ok(response),
            Some(Err(mut error)) => {
                self.connection = None;
                Err(error
                    .take_message()
                    .map_or(SendFault::Broken, |request| SendFault::Unsent(Box::new(request))))
            }
            None => {
                self.connection = None;
                Err(SendFault::TimedOut)
            }
        }
    }

    /// Takes what has already arrived of a body: a short one is whole then, and the connection goes back at once.
    pub(crate) fn into_source(mut self, mut body: Incoming) -> Source {
        if body.is_end_stream() {
            self.give_back();
            return Source::Whole(Bytes::new());
        }
        let known = body.size_hint().exact();
        let mut nobody = Context::from_waker(Waker::noop());
        // Else asking for the first piece would wake this very task once more.
        if let Some(connection) = &mut self.connection {
            connection.drive(&mut nobody);
        }
        let first = match self.poll_body(&mut body, &mut nobody) {
            Poll::Ready(Some(Ok(frame))) => frame,
            Poll::Ready(Some(Err(_))) | Poll::Pending => {
                return Source::Http1 { first: None, body, lease: self };
            }
            Poll::Ready(None) => {
                self.give_back();
                return Source::Whole(Bytes::new());
            }
        };
        match first.into_data() {
            Ok(data) if known == Some(data.len() as u64) => {
                self.give_back();
                Source::Whole(data)
            }
            Ok(data) => Source::Http1 { first: Some(Frame::data(data)), body, lease: self },
            Err(frame) => Source::Http1 { first: Some(frame), body, lease: self },
        }
    }

    /// Drives the connection and takes the next piece of the body. At its end the connection goes back.
    pub(crate) fn poll_body(
        &mut self,
        body: &mut Incoming,
        cx: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let mut nobody = Context::from_waker(Waker::noop());
        // Asking first lets the driver know that somebody wants the next piece.
        let mut polled = Pin::new(&mut *body).poll_frame(&mut nobody);
        if polled.is_pending()
            && let Some(connection) = &mut self.connection
        {
            connection.drive(cx);
            polled = Pin::new(&mut *body).poll_frame(&mut nobody);
        }
        if matches!(polled, Poll::Ready(None)) {
            self.give_back();
        }
        polled
    }

    /// Returns the connection to the pool when it can take another request.
    fn give_back(&mut self) {
        if let Some(mut connection) = self.connection.take()
            && connection.is_usable()
        {
            connection.rests_since = Instant::now();
            self.endpoint.rest(connection);
        }
    }
}
