//! An HTTP/1.1 connection in use, and its way back to the pool.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use hyper::body::Incoming;

use super::deadline::Deadline;
use super::h1::{Connection, SendFault};
use super::request_body::RequestBody;
use super::upstream::Endpoint;

/// A connection in use, and where it goes back to.
pub(crate) struct Lease {
    connection: Option<Connection>,
    endpoint: Arc<Endpoint>,
}

impl Lease {
    pub(crate) fn new(connection: Connection, endpoint: Arc<Endpoint>) -> Self {
        Self { connection: Some(connection), endpoint }
    }

    /// Sends a request and waits for the head of the answer. When that fails the connection is done with.
    pub(crate) async fn send(
        &mut self,
        request: Request<RequestBody>,
        deadline: &mut Deadline,
    ) -> Result<Response<Incoming>, SendFault> {
        let Some(connection) = &mut self.connection else { return Err(SendFault::Unsent(Box::new(request))) };
        let sent = connection.send(request, deadline).await;
        if sent.is_err() {
            self.connection = None;
        }
        sent
    }

    /// Drives the connection while nothing is asked of it.
    pub(crate) fn drive(&mut self, cx: &mut Context<'_>) {
        if let Some(connection) = &mut self.connection {
            connection.drive(cx);
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
        if polled.is_pending() && self.connection.is_some() {
            self.drive(cx);
            polled = Pin::new(&mut *body).poll_frame(&mut nobody);
        }
        if matches!(polled, Poll::Ready(None)) {
            self.give_back();
        }
        polled
    }

    /// Returns the connection to the pool when it can take another request.
    pub(crate) fn give_back(&mut self) {
        if let Some(mut connection) = self.connection.take()
            && connection.is_usable()
        {
            connection.rests_since = Instant::now();
            self.endpoint.rest(connection);
        }
    }
}
