//! Memory against replayed proofs (RFC 9449 §11.1), of one process: bounded, and each proof is taken once whoever
//! comes at the same instant.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use countersign_model::{Timestamp, TokenHash};

use super::proof::{AHEAD, OLDEST};

/// Parts with a lock of their own.
const SHARDS: usize = 16;

/// Proofs that were used and are not too old yet.
pub(crate) struct ProofMemory {
    shards: [Mutex<Generations>; SHARDS],
    /// The most proofs of one part.
    most: usize,
}

/// What becomes of a proof.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Seen {
    /// It is new, and remembered from now on.
    New,
    /// It was used before.
    Before,
    /// There is no room: it can't be known.
    Full,
}

/// A proof stays in one of the two for as long as it could be used again: a period is the longest that one can.
#[derive(Default)]
struct Generations {
    period: i64,
    current: HashSet<TokenHash>,
    previous: HashSet<TokenHash>,
}

impl ProofMemory {
    /// Room for this many proofs.
    pub(crate) fn new(most: usize) -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()), most: (most / SHARDS).max(1) }
    }

    /// Takes a proof, once. Nothing is forgotten to make room: what can't be remembered is not taken.
    pub(crate) fn take(&self, id: &TokenHash, now: Timestamp) -> Seen {
        let first = id.as_bytes().first().copied().unwrap_or_default();
        let Some(shard) = self.shards.get(usize::from(first) % SHARDS) else { return Seen::Full };
        let mut generations = shard.lock().unwrap_or_else(PoisonError::into_inner);
        generations.turn(period(now));
        if generations.previous.contains(id) || generations.current.contains(id) {
            return Seen::Before;
        }
        if generations.previous.len() + generations.current.len() >= self.most {
            return Seen::Full;
        }
        generations.current.insert(*id);
        Seen::New
    }
}

impl Generations {
    /// Forgets what is older than a whole period. A clock that goes back forgets nothing.
    fn turn(&mut self, period: i64) {
        if period <= self.period {
            return;
        }
        let current = std::mem::take(&mut self.current);
        self.previous = if period == self.period + 1 { current } else { HashSet::new() };
        self.period = period;
    }
}

/// A proof that was made just as far ahead as it may is too old after this long.
fn period(now: Timestamp) -> i64 {
    let length = i64::try_from((OLDEST + AHEAD).as_secs()).unwrap_or(i64::MAX);
    now.seconds().div_euclid(length)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(70 * 1_000_000 + seconds)
    }

    #[test]
    fn a_proof_is_remembered_for_as_long_as_it_could_be_used() {
        for started in [0, 1, 35, 69] {
            let memory = ProofMemory::new(1_000);
            let id = TokenHash::of(b"one");
            assert_eq!(memory.take(&id, at(started)), Seen::New);
            for later in [0, 1, 60, 69] {
                assert_eq!(memory.take(&id, at(started + later)), Seen::Before, "{started} {later}");
            }
            assert_eq!(memory.take(&id, at(started - 5)), Seen::Before, "a clock that was set back");
            assert_eq!(memory.take(&id, at(started + 141)), Seen::New);
        }
    }

    #[test]
    fn a_full_memory_takes_nothing_rather_than_forget() {
        let memory = ProofMemory::new(SHARDS);
        let ids: Vec<TokenHash> = (0..200_u32).map(|n| TokenHash::of(&n.to_be_bytes())).collect();
        let seen: Vec<Seen> = ids.iter().map(|id| memory.take(id, at(0))).collect();
        assert_eq!(seen.iter().filter(|seen| **seen == Seen::New).count(), SHARDS);
        for (id, seen) in ids.iter().zip(seen) {
            let expected = if seen == Seen::New { Seen::Before } else { Seen::Full };
            assert_eq!(memory.take(id, at(1)), expected);
        }
        assert_eq!(memory.take(&ids[0], at(500)), Seen::New, "there is room again");
    }

    #[test]
    fn of_many_at_once_one_takes_it() {
        let memory = Arc::new(ProofMemory::new(100_000));
        let won = Arc::new(AtomicUsize::new(0));
        let barrier = Arc::new(std::sync::Barrier::new(8));
        let threads = (0..8).map(|_| {
            let (memory, won, barrier) = (Arc::clone(&memory), Arc::clone(&won), Arc::clone(&barrier));
            std::thread::spawn(move || {
                barrier.wait();
                for n in 0..1_000_u32 {
                    if memory.take(&TokenHash::of(&n.to_be_bytes()), at(0)) == Seen::New {
                        won.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        });
        for thread in threads.collect::<Vec<_>>() {
            thread.join().unwrap();
        }
        assert_eq!(won.load(Ordering::Relaxed), 1_000);
    }
}
