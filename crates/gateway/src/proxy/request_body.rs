//! A request's body on its way to the upstream: never held back, counted, and timed.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::deadline::Deadline;
use crate::hygiene::headers::clean_trailers;

/// Why a body ended before its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum BodyFault {
    /// The caller sent more than the route allows.
    #[error("the request body is larger than the route allows")]
    TooLarge,
    /// The caller sent nothing for too long.
    #[error("the caller stopped sending")]
    CallerStalled,
    /// The caller's connection broke.
    #[error("the caller's connection broke")]
    CallerGone,
    /// The upstream sent nothing for too long.
    #[error("the upstream stopped sending")]
    UpstreamStalled,
    /// The upstream's connection broke.
    #[error("the upstream's connection broke")]
    UpstreamGone,
}

/// What happened to a request's body, for whoever answers the request.
#[derive(Clone, Debug, Default)]
pub(crate) struct BodyFate(Option<Arc<AtomicU8>>);

const FATES: [BodyFault; 3] = [BodyFault::TooLarge, BodyFault::CallerStalled, BodyFault::CallerGone];

impl BodyFate {
    fn set(&self, fault: BodyFault) {
        let number = FATES.iter().position(|fate| *fate == fault).and_then(|at| u8::try_from(at + 1).ok());
        if let (Some(cell), Some(number)) = (&self.0, number) {
            cell.store(number, Ordering::Relaxed);
        }
    }

    /// The fault, if there was one.
    pub(crate) fn fault(&self) -> Option<BodyFault> {
        let number = usize::from(self.0.as_ref()?.load(Ordering::Relaxed));
        FATES.get(number.checked_sub(1)?).copied()
    }
}

/// A request's body on its way to the upstream.
pub(crate) struct RequestBody {
    inner: Option<Incoming>,
    left: u64,
    deadline: Option<Deadline>,
    fate: BodyFate,
}

impl RequestBody {
    /// No body.
    pub(crate) fn empty() -> Self {
        Self { inner: None, left: 0, deadline: None, fate: BodyFate::default() }
    }

    /// A body of at most `limit` bytes that never stands still longer than `stall`.
    pub(crate) fn new(inner: Incoming, limit: u64, stall: Duration, ticked: bool) -> Self {
        if inner.is_end_stream() {
            return Self::empty();
        }
        Self {
            inner: Some(inner),
            left: limit,
            deadline: Some(Deadline::new(Instant::now(), stall, ticked)),
            fate: BodyFate(Some(Arc::new(AtomicU8::new(0)))),
        }
    }

    /// Whether there is none, so that the request may be sent again.
    pub(crate) fn is_empty(&self) -> bool {
        self.inner.is_none()
    }

    /// Tells later what happened to it.
    pub(crate) fn fate(&self) -> BodyFate {
        self.fate.clone()
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        let this = self.get_mut();
        let Some(inner) = &mut this.inner else { return Poll::Ready(None) };
        let fault = match Pin::new(inner).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(deadline) = &mut this.deadline {
                    deadline.moved();
                }
                let length = frame.data_ref().map_or(0, |data| data.len() as u64);
                match this.left.checked_sub(length) {
                    Some(left) => {
                        this.left = left;
                        return Poll::Ready(Some(Ok(without_private_trailers(frame))));
                    }
                    None => BodyFault::TooLarge,
                }
            }
            Poll::Ready(Some(Err(_))) => BodyFault::CallerGone,
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Pending => match &mut this.deadline {
                Some(deadline) => {
                    ready!(deadline.poll(cx));
                    BodyFault::CallerStalled
                }
                None => return Poll::Pending,
            },
        };
        this.fate.set(fault);
        this.inner = None;
        Poll::Ready(Some(Err(fault)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

fn without_private_trailers(mut frame: Frame<Bytes>) -> Frame<Bytes> {
    if let Some(trailers) = frame.trailers_mut() {
        clean_trailers(trailers);
    }
    frame
}
