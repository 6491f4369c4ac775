//! Time that stands still until it is moved, and randomness that is the same in every run.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use countersign_model::{Clock, Env, Rng, Timestamp, TokenHash};

/// When every test begins, in seconds since the epoch.
pub(crate) const START: i64 = 1_800_000_000;

/// The clock and the dice of one test.
#[derive(Clone)]
pub(crate) struct Bench {
    clock: Arc<TestClock>,
    rng: Arc<SeededRng>,
}

struct TestClock(AtomicI64);

struct SeededRng {
    seed: u64,
    drawn: AtomicU64,
}

impl Bench {
    pub(crate) fn new(seed: u64) -> Self {
        let clock = Arc::new(TestClock(AtomicI64::new(Timestamp::from_seconds(START).micros())));
        Self { clock, rng: Arc::new(SeededRng { seed, drawn: AtomicU64::new(0) }) }
    }

    pub(crate) fn env(&self) -> Env {
        Env { clock: self.clock.clone(), rng: self.rng.clone() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, duration: Duration) {
        self.clock.0.fetch_add(i64::try_from(duration.as_micros()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

impl Rng for SeededRng {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(32) {
            let number = self.drawn.fetch_add(1, Ordering::SeqCst);
            let block = TokenHash::of(format!("{} {number}", self.seed).as_bytes());
            chunk.copy_from_slice(&block.as_bytes()[..chunk.len()]);
        }
    }
}
