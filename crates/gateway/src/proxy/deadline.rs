//! Deadlines that cost a clock reading, not a timer.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::Sleep;

/// A moment by which something must have moved.
///
/// On an HTTP/1.1 connection the connection's own coarse tick polls whatever waits in it, so comparing with the clock
/// is enough. Elsewhere a timer is made at the first wait.
#[derive(Debug)]
pub(crate) struct Deadline {
    at: Instant,
    patience: Duration,
    ticked: bool,
    /// It was just set: the first wait needs no clock.
    fresh: bool,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    /// In `patience` from now. `ticked` says that a tick polls the waiting task.
    pub(crate) fn new(now: Instant, patience: Duration, ticked: bool) -> Self {
        Self { at: now + patience, patience, ticked, fresh: true, timer: None }
    }

    /// Starts again, because something moved.
    pub(crate) fn moved(&mut self) {
        self.at = Instant::now() + self.patience;
    }

    /// Ready when the moment has passed.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.ticked {
            if std::mem::take(&mut self.fresh) {
                return Poll::Pending;
            }
            return if Instant::now() >= self.at { Poll::Ready(()) } else { Poll::Pending };
        }
        let at = tokio::time::Instant::from_std(self.at);
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        while timer.as_mut().poll(cx).is_ready() {
            if timer.deadline() >= at {
                return Poll::Ready(());
            }
            timer.as_mut().reset(at);
        }
        Poll::Pending
    }
}
