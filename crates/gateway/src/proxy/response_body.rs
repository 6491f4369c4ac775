//! An answer's body on its way to the caller: never held back, and timed.

use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::deadline::Deadline;
use super::lease::Lease;
use super::request_body::BodyFault;

/// An answer's body on its way to the caller.
pub(crate) struct ResponseBody {
    source: Source,
    deadline: Option<Deadline>,
}

/// Where the pieces of a body come from.
pub(crate) enum Source {
    /// What is at hand.
    Whole(Bytes),
    /// From an HTTP/1.1 upstream; the connection is driven from here. The first piece may be at hand.
    Http1 { first: Option<Frame<Bytes>>, body: Incoming, lease: Lease },
    /// From an upstream whose connection has a task of its own.
    Driven(Incoming),
}

impl Source {
    /// Takes what has already arrived of a body: a short one is whole then, and the connection goes back at once.
    pub(crate) fn http1(mut lease: Lease, mut body: Incoming) -> Self {
        if body.is_end_stream() {
            lease.give_back();
            return Self::Whole(Bytes::new());
        }
        let known = body.size_hint().exact();
        let mut nobody = Context::from_waker(Waker::noop());
        // Else asking for the first piece would wake this very task once more.
        lease.drive(&mut nobody);
        let first = match lease.poll_body(&mut body, &mut nobody) {
            Poll::Ready(Some(Ok(frame))) => frame,
            Poll::Ready(Some(Err(_))) | Poll::Pending => {
                return Self::Http1 { first: None, body, lease };
            }
            Poll::Ready(None) => {
                lease.give_back();
                return Self::Whole(Bytes::new());
            }
        };
        match first.into_data() {
            Ok(data) if known == Some(data.len() as u64) => {
                lease.give_back();
                Self::Whole(data)
            }
            Ok(data) => Self::Http1 { first: Some(Frame::data(data)), body, lease },
            Err(frame) => Self::Http1 { first: Some(frame), body, lease },
        }
    }
}

impl ResponseBody {
    /// A body at hand.
    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self { source: Source::Whole(bytes), deadline: None }
    }

    /// A body from upstream that never stands still longer than `idle`.
    pub(crate) fn upstream(source: Source, idle: Duration, ticked: bool) -> Self {
        let deadline = match &source {
            Source::Whole(_) => None,
            Source::Http1 { .. } | Source::Driven(_) => Some(Deadline::new(Instant::now(), idle, ticked)),
        };
        Self { source, deadline }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        let this = self.get_mut();
        let polled = match &mut this.source {
            Source::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                return Poll::Ready(if bytes.is_empty() { None } else { Some(Ok(Frame::data(bytes))) });
            }
            Source::Http1 { first, body, lease } => match first.take() {
                Some(frame) => Poll::Ready(Some(Ok(frame))),
                None => lease.poll_body(body, cx),
            },
            Source::Driven(body) => Pin::new(body).poll_frame(cx),
        };
        let fault = match polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(deadline) = &mut this.deadline {
                    deadline.moved();
                }
                return Poll::Ready(Some(Ok(frame)));
            }
            Poll::Ready(None) => {
                this.source = Source::Whole(Bytes::new());
                return Poll::Ready(None);
            }
            Poll::Ready(Some(Err(_))) => BodyFault::UpstreamGone,
            Poll::Pending => match &mut this.deadline {
                Some(deadline) => {
                    ready!(deadline.poll(cx));
                    BodyFault::UpstreamStalled
                }
                None => return Poll::Pending,
            },
        };
        this.source = Source::Whole(Bytes::new());
        Poll::Ready(Some(Err(fault)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Whole(bytes) => bytes.is_empty(),
            Source::Http1 { first, body, .. } => first.is_none() && body.is_end_stream(),
            Source::Driven(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            // Taking the first piece lowered the rest's hint; the length is in the header then.
            Source::Http1 { first: Some(_), .. } => SizeHint::default(),
            Source::Http1 { first: None, body, .. } | Source::Driven(body) => body.size_hint(),
        }
    }
}
