//! An answer's body with the exchange that it ends.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::exchange::Exchange;
use crate::proxy::{BodyFault, ResponseBody};

/// Tells the exchange how the body fares. When the body goes, the exchange is over.
pub(crate) struct AnswerBody {
    body: ResponseBody,
    /// Declared last: what the body holds is back in its place when the end is counted.
    exchange: Exchange,
}

impl AnswerBody {
    pub(crate) fn new(body: ResponseBody, exchange: Exchange) -> Self {
        Self { body, exchange }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        let Self { body, exchange } = self.get_mut();
        let polled = Pin::new(body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(_))) => exchange.waiting_for_upstream(false),
            Poll::Ready(Some(Err(fault))) => exchange.body_fault(*fault),
            Poll::Ready(None) => {}
            Poll::Pending => exchange.waiting_for_upstream(true),
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
