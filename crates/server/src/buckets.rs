//! Many token buckets in a fixed piece of memory: what is counted may be as many addresses and names as callers can make
//! up, the table never grows.
//!
//! A bucket is the moment at which it will be full again (generic cell rate algorithm), in a table of small sets, each
//! under a lock of its own that is held for some nanoseconds; two requests meet at one only when they count the same
//! thing. When a set is full, whatever matters the shortest time gives way: who has been refused lately outlasts a flood
//! of new addresses.

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign_model::Timestamp;

use crate::throttle::Wait;

/// Sets in the table.
const SETS: usize = 4_096;
/// Buckets in a set: in all 32,768 of 16 bytes.
const WAYS: usize = 8;

/// The table.
pub(crate) struct Buckets {
    sets: Box<[Mutex<[Bucket; WAYS]>]>,
    /// Keyed afresh in each process: nobody can choose what shares a set with what.
    hasher: RandomState,
}

/// What a bucket is found by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Key(u64);

/// How fast a bucket refills.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Rate {
    refill: Duration,
    capacity: Duration,
}

#[derive(Clone, Copy)]
struct Bucket {
    key: Key,
    full_at: Timestamp,
}

/// Nobody's, and full since long ago: the first to give way.
const EMPTY: Bucket = Bucket { key: Key(0), full_at: Timestamp::from_micros(i64::MIN) };

impl Rate {
    /// So many in so long, all at once or one after the other. `None` where 0 stands for no limit.
    pub(crate) fn of(number: u32, window: Duration) -> Option<Self> {
        // The clock has microseconds: what refills faster is no limit that it could keep.
        let refill = window.checked_div(number)?.max(Duration::from_micros(1));
        Some(Self { refill, capacity: window })
    }
}

impl Buckets {
    pub(crate) fn new() -> Self {
        Self { sets: (0..SETS).map(|_| Mutex::new([EMPTY; WAYS])).collect(), hasher: RandomState::new() }
    }

    /// What this thing is counted under.
    pub(crate) fn key(&self, thing: impl Hash) -> Key {
        Key(self.hasher.hash_one(thing))
    }

    /// Takes one, if there is one.
    pub(crate) fn take(&self, key: Key, rate: Rate, now: Timestamp) -> Result<(), Wait> {
        let Some(mut set) = self.set(key) else { return Ok(()) };
        let owed = owed(&set, key, rate, now) + rate.refill;
        allowed(owed, rate)?;
        put(&mut set, Bucket { key, full_at: now.plus(owed) });
        Ok(())
    }

    /// Whether there would be one; `true` if some of its like have been taken lately.
    pub(crate) fn look(&self, key: Key, rate: Rate, now: Timestamp) -> Result<bool, Wait> {
        let Some(set) = self.set(key) else { return Ok(false) };
        let owed = owed(&set, key, rate, now);
        allowed(owed + rate.refill, rate).map(|()| !owed.is_zero())
    }

    /// Remembers it for so long from now.
    pub(crate) fn mark(&self, key: Key, lasts: Duration, now: Timestamp) {
        let Some(mut set) = self.set(key) else { return };
        put(&mut set, Bucket { key, full_at: now.plus(lasts) });
    }

    /// Whether it is remembered still.
    pub(crate) fn is_marked(&self, key: Key, now: Timestamp) -> bool {
        let Some(set) = self.set(key) else { return false };
        set.iter().any(|bucket| bucket.key == key && bucket.full_at > now)
    }

    /// Fills it up again.
    pub(crate) fn forget(&self, key: Key) {
        let Some(mut set) = self.set(key) else { return };
        for bucket in set.iter_mut().filter(|bucket| bucket.key == key) {
            *bucket = EMPTY;
        }
    }

    fn set(&self, key: Key) -> Option<MutexGuard<'_, [Bucket; WAYS]>> {
        let place = usize::try_from(key.0 % SETS as u64).ok()?;
        Some(self.sets.get(place)?.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// In its own place, or in that of what matters the shortest time.
fn put(set: &mut [Bucket; WAYS], new: Bucket) {
    let own = set.iter().position(|bucket| bucket.key == new.key);
    let place = own.or_else(|| (0..WAYS).min_by_key(|&way| set.get(way).map(|bucket| bucket.full_at)));
    if let Some(bucket) = place.and_then(|place| set.get_mut(place)) {
        *bucket = new;
    }
}

/// How long it takes until the bucket is full again. Never more than it holds, also when the clock was set back.
fn owed(set: &[Bucket; WAYS], key: Key, rate: Rate, now: Timestamp) -> Duration {
    let full_at = set.iter().find(|bucket| bucket.key == key).map_or(now, |bucket| bucket.full_at);
    full_at.since(now).min(rate.capacity)
}

fn allowed(owed: Duration, rate: Rate) -> Result<(), Wait> {
    match owed.saturating_sub(rate.capacity) {
        Duration::ZERO => Ok(()),
        wait => Err(Wait(wait)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_000_000 + seconds)
    }

    fn rate(number: u32) -> Rate {
        Rate::of(number, Duration::from_secs(60)).unwrap()
    }

    #[test]
    fn a_bucket_empties_and_refills() {
        let buckets = Buckets::new();
        let key = buckets.key("ada");
        assert_eq!(buckets.look(key, rate(3), at(0)), Ok(false));
        for _ in 0..3 {
            assert_eq!(buckets.take(key, rate(3), at(0)), Ok(()));
        }
        let wait = Err(Wait(Duration::from_secs(20)));
        assert_eq!(buckets.take(key, rate(3), at(0)), wait);
        assert_eq!(buckets.look(key, rate(3), at(0)), wait.map(|()| true));
        assert_eq!(buckets.take(key, rate(3), at(20)), Ok(()));
        assert!(buckets.look(key, rate(3), at(20)).is_err());
        buckets.forget(key);
        assert_eq!(buckets.look(key, rate(3), at(20)), Ok(false));
        assert_eq!(Rate::of(0, Duration::from_secs(60)), None);
        buckets.mark(key, Duration::from_secs(60), at(20));
        assert!(buckets.is_marked(key, at(79)) && !buckets.is_marked(key, at(80)));
        assert!(!buckets.is_marked(buckets.key("bob"), at(20)));
    }

    #[test]
    fn a_clock_that_was_set_back_keeps_nobody_out_for_longer() {
        let buckets = Buckets::new();
        let key = buckets.key("ada");
        for _ in 0..3 {
            assert_eq!(buckets.take(key, rate(3), at(86_400)), Ok(()));
        }
        assert_eq!(buckets.take(key, rate(3), at(0)), Err(Wait(Duration::from_secs(20))));
    }

    #[test]
    fn who_was_refused_outlasts_a_flood_of_others() {
        let buckets = Buckets::new();
        let guesser = buckets.key("guesser");
        let hard = rate(30);
        while buckets.take(guesser, hard, at(0)).is_ok() {}
        for n in 0..1_000_000_u32 {
            assert_eq!(buckets.take(buckets.key(n), rate(600_000), at(0)), Ok(()));
        }
        assert!(buckets.look(guesser, hard, at(1)).is_err());
    }
}
