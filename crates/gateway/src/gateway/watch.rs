//! Watches one caller's connection: what happens on it leaves marks here, and a coarse tick reads them.
//!
//! No request starts or stops a timer for it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
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
    /// Framing was refused inside a body: nothing is read any more.
    broken: AtomicBool,
    /// HTTP/2: requests that wait for the caller, and since when. Writes say nothing there: another stream, or the
    /// answer to a ping, moves while this one stands.
    streams: Option<Mutex<HashMap<u64, Instant>>>,
    /// The connection speaks no HTTP any more.
    upgraded: AtomicBool,
}

impl Watch {
    /// Nothing has happened yet.
    pub(crate) fn new(http2: bool) -> Self {
        Self {
            heads: AtomicU64::new(0),
            in_head: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            active: AtomicU32::new(0),
            waiting: AtomicU32::new(0),
            writes: AtomicU64::new(0),
            refused: AtomicU64::new(u64::MAX),
            broken: AtomicBool::new(false),
            streams: http2.then(Mutex::default),
            upgraded: AtomicBool::new(false),
        }
    }

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
    pub(crate) fn end(&self, request: u64) {
        self.active.fetch_sub(1, Relaxed);
        if let Some(mut streams) = self.streams() {
            streams.remove(&request);
        }
    }

    /// Whether this request waits for us or the upstream, or for the caller.
    pub(crate) fn waits(&self, request: u64, waits: bool) {
        if waits {
            self.waiting.fetch_add(1, Relaxed);
            if let Some(mut streams) = self.streams() {
                streams.remove(&request);
            }
        } else {
            self.waiting.fetch_sub(1, Relaxed);
            self.moved(request);
        }
    }

    /// The caller took a piece of this request's answer.
    pub(crate) fn moved(&self, request: u64) {
        if let Some(mut streams) = self.streams() {
            streams.insert(request, Instant::now());
        }
    }

    fn streams(&self) -> Option<MutexGuard<'_, HashMap<u64, Instant>>> {
        Some(self.streams.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Since when the one that waits longest for the caller does. `None` with HTTP/1, or when none does.
    fn longest_wait(&self) -> Option<Instant> {
        self.streams()?.values().min().copied()
    }

    pub(crate) fn break_off(&self) {
        self.broken.store(true, Relaxed);
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.broken.load(Relaxed)
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

/// What a connection is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// Nothing, between requests.
    Idle,
    /// A request's head is on its way.
    Head,
    /// It waits for us or the upstream.
    Served,
    /// A body is on its way.
    Stalled,
}

impl Phase {
    /// In one word, as the reason why a connection was cut in it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Head => "slow_head",
            Self::Served => "served",
            Self::Stalled => "stalled",
        }
    }
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

    /// With what the caller took too long.
    pub(crate) fn expired(&mut self, watch: &Watch, now: Instant) -> Option<Phase> {
        let active = watch.active.load(Relaxed);
        let (phase, mark, patience) = if active == 0 && watch.in_head.load(Relaxed) {
            (Phase::Head, watch.heads.load(Relaxed), self.timeouts.headers)
        } else if active == 0 {
            (Phase::Idle, watch.requests.load(Relaxed), self.timeouts.keep_alive)
        } else if watch.waiting.load(Relaxed) >= active {
            (Phase::Served, 0, Duration::MAX)
        } else if watch.streams.is_some() {
            let since = watch.longest_wait()?;
            let has_expired = now.saturating_duration_since(since) >= self.timeouts.stall;
            return has_expired.then_some(Phase::Stalled);
        } else {
            (Phase::Stalled, watch.writes.load(Relaxed), self.timeouts.stall)
        };
        if self.seen != (phase, mark) {
            self.seen = (phase, mark);
            self.since = now;
        }
        (now.saturating_duration_since(self.since) >= patience).then_some(phase)
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
        let watch = Watch::new(false);
        let mut watcher = Watcher::new(timeouts);
        let start = Instant::now();
        let mut at = |seconds: u32| watcher.expired(&watch, start + second * seconds).is_some();
        assert!(!at(9));
        watch.read();
        assert!(!at(10));
        watch.read();
        assert!(at(11));
        watch.begin();
        assert!(!at(100), "waiting for the upstream");
        watch.waits(0, false);
        assert!(!at(101));
        watch.wrote();
        assert!(!at(107) && at(112));
        watch.end(0);
        assert!(!at(113) && at(123));
    }

    #[test]
    fn a_stream_that_stands_is_found_while_another_moves() {
        let second = Duration::from_secs(1);
        let timeouts = CallerTimeouts { stall: second * 5, ..CallerTimeouts::default() };
        let watch = Watch::new(true);
        let mut watcher = Watcher::new(timeouts);
        let start = Instant::now();
        let (one, other) = (watch.begin(), watch.begin());
        assert_eq!(watcher.expired(&watch, start + second * 1_000), None, "both wait for the upstream");
        watch.waits(one, false);
        watch.wrote();
        watch.waits(other, false);
        watch.streams().unwrap().insert(other, start + second * 4);
        assert_eq!(watcher.expired(&watch, start + second * 4), None);
        assert_eq!(watcher.expired(&watch, start + second * 6), Some(Phase::Stalled));
        watch.waits(one, true);
        assert_eq!(watcher.expired(&watch, start + second * 6), None);
        watch.end(other);
        assert_eq!(watcher.expired(&watch, start + second * 100), None);
    }
}
