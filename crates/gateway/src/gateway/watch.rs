//! Watches one caller's connection: what happens on it leaves marks here, and a coarse tick reads them.
//!
//! No request starts or stops a timer for it.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::CallerTimeouts;

/// The marks. Written by whoever moves bytes and serves requests.
#[derive(Debug)]
pub(crate) struct Watch {
    /// Heads of requests begun.
    heads: AtomicU64,
    in_head: AtomicBool,
    /// Requests begun.
    requests: AtomicU64,
    /// Requests not yet ended.
    active: AtomicU32,
    /// Those of them that wait for us or the upstream, not for the caller.
    waiting: AtomicU32,
    /// Writes that moved something.
    writes: AtomicU64,
    /// The number of the request whose framing was refused.
    refused: AtomicU64,
    /// The connection speaks no HTTP any more.
    upgraded: AtomicBool,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            heads: AtomicU64::new(0),
            in_head: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            active: AtomicU32::new(0),
            waiting: AtomicU32::new(0),
            writes: AtomicU64::new(0),
            refused: AtomicU64::new(u64::MAX),
            upgraded: AtomicBool::new(false),
        }
    }
}

impl Watch {
    /// Bytes came on an HTTP/1.1 connection: between requests they begin a head.
    pub(crate) fn read(&self) {
        if self.active.load(Relaxed) == 0 && !self.in_head.load(Relaxed) {
            self.in_head.store(true, Relaxed);
            self.heads.fetch_add(1, Relaxed);
        }
    }

    pub(crate) fn wrote(&self) {
        self.writes.fetch_add(1, Relaxed);
    }

    /// A request begins and waits for us; gives its number, counted from zero.
    pub(crate) fn begin(&self) -> u64 {
        self.in_head.store(false, Relaxed);
        self.active.fetch_add(1, Relaxed);
        self.waiting.fetch_add(1, Relaxed);
        self.requests.fetch_add(1, Relaxed)
    }

    /// It ends.
    pub(crate) fn end(&self) {
        self.active.fetch_sub(1, Relaxed);
    }

    pub(crate) fn waits(&self, waits: bool) {
        if waits {
            self.waiting.fetch_add(1, Relaxed);
        } else {
            self.waiting.fetch_sub(1, Relaxed);
        }
    }

    pub(crate) fn refuse(&self, request: u64) {
        self.refused.store(request, Relaxed);
    }

    pub(crate) fn refuses(&self, request: u64) -> bool {
        self.refused.load(Relaxed) == request
    }

    pub(crate) fn upgrade(&self) {
        self.upgraded.store(true, Relaxed);
    }

    pub(crate) fn is_upgraded(&self) -> bool {
        self.upgraded.load(Relaxed)
    }

    pub(crate) fn is_active(&self) -> bool {
        self.active.load(Relaxed) > 0 || self.in_head.load(Relaxed)
    }
}

/// Reads the marks at every tick.
#[derive(Debug)]
pub(crate) struct Watcher {
    timeouts: CallerTimeouts,
    seen: (Phase, u64),
    since: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Idle,
    Head,
    Served,
    Stalled,
}

impl Watcher {
    pub(crate) fn new(timeouts: CallerTimeouts) -> Self {
        Self { timeouts, seen: (Phase::Idle, 0), since: Instant::now() }
    }

    /// How often to look while something happens.
    pub(crate) fn tick(&self) -> Duration {
        let least = self.timeouts.headers.min(self.timeouts.keep_alive).min(self.timeouts.stall);
        (least / 4).clamp(Duration::from_millis(20), Duration::from_millis(500))
    }

    /// How often to look while nothing happens.
    pub(crate) fn slow_tick(&self) -> Duration {
        (self.timeouts.keep_alive / 4).max(self.tick())
    }

    /// Whether the caller took too long.
    pub(crate) fn has_expired(&mut self, watch: &Watch, now: Instant) -> bool {
        let active = watch.active.load(Relaxed);
        let (phase, mark, patience) = if active == 0 && watch.in_head.load(Relaxed) {
            (Phase::Head, watch.heads.load(Relaxed), self.timeouts.headers)
        } else if active == 0 {
            (Phase::Idle, watch.requests.load(Relaxed), self.timeouts.keep_alive)
        } else if watch.waiting.load(Relaxed) >= active {
            (Phase::Served, 0, Duration::MAX)
        } else {
            (Phase::Stalled, watch.writes.load(Relaxed), self.timeouts.stall)
        };
        if self.seen != (phase, mark) {
            self.seen = (phase, mark);
            self.since = now;
        }
        now.saturating_duration_since(self.since) >= patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_phase_has_its_patience() {
        let second = Duration::from_secs(1);
        let timeouts = CallerTimeouts {
            first_byte: second,
            headers: second,
            keep_alive: second * 10,
            stall: second * 5,
        };
        let watch = Watch::default();
        let mut watcher = Watcher::new(timeouts);
        let start = Instant::now();
        let mut at = |seconds: u32| watcher.has_expired(&watch, start + second * seconds);
        assert!(!at(9));
        watch.read();
        assert!(!at(10));
        watch.read();
        assert!(at(11));
        watch.begin();
        assert!(!at(100), "waiting for the upstream");
        watch.waits(false);
        assert!(!at(101));
        watch.wrote();
        assert!(!at(107) && at(112));
        watch.end();
        assert!(!at(113) && at(123));
    }
}
