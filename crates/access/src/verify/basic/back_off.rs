//! Back-off after wrong passwords: per account and address, and per address.
//!
//! Nothing here counts per account alone: somebody else's guesses never lock the owner out.

use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_model::Timestamp;
use quick_cache::sync::Cache;

/// Wrong passwords that cost nothing, before each next one doubles the wait.
const FREE_FOR_PAIR: u32 = 5;
const FREE_FOR_ADDRESS: u32 = 30;
/// The longest waits.
const LONGEST_FOR_PAIR: Duration = Duration::from_secs(300);
const LONGEST_FOR_ADDRESS: Duration = Duration::from_secs(60);
/// After so long without an attempt all is forgotten.
const FORGET: Duration = Duration::from_secs(900);
/// How many pairs and addresses are remembered; the least used go first.
const CAPACITY: usize = 32_768;

pub(crate) struct BackOff {
    hasher: RandomState,
    pairs: Cache<u64, Arc<Strikes>>,
    addresses: Cache<u64, Arc<Strikes>>,
}

#[derive(Default)]
struct Strikes(Mutex<Count>);

#[derive(Clone, Copy)]
struct Count {
    strikes: u32,
    last: Timestamp,
}

impl Default for Count {
    fn default() -> Self {
        Self { strikes: 0, last: Timestamp::EPOCH }
    }
}

/// An attempt that is under way. It counts as wrong until it turns out right.
pub(crate) struct Attempt {
    pair: Arc<Strikes>,
    address: Arc<Strikes>,
}

impl BackOff {
    pub(crate) fn new() -> Self {
        Self { hasher: RandomState::new(), pairs: Cache::new(CAPACITY), addresses: Cache::new(CAPACITY) }
    }

    /// Begins an attempt.
    ///
    /// # Errors
    /// How long to wait first.
    pub(crate) fn begin(&self, account: &str, address: IpAddr, now: Timestamp) -> Result<Attempt, Duration> {
        let address = network(address);
        let by_address = strikes(&self.addresses, self.hasher.hash_one(address));
        let by_pair = strikes(&self.pairs, self.hasher.hash_one((account, address)));
        by_address.wait(FREE_FOR_ADDRESS, LONGEST_FOR_ADDRESS, now)?;
        by_pair.wait(FREE_FOR_PAIR, LONGEST_FOR_PAIR, now)?;
        by_address.strike(now);
        by_pair.strike(now);
        Ok(Attempt { pair: by_pair, address: by_address })
    }
}

impl Attempt {
    /// It was the right password. The address keeps its other strikes: whoever knows one password may not use it to
    /// go on guessing others.
    pub(crate) fn was_right(self) {
        *self.pair.lock() = Count::default();
        self.forget();
    }

    /// It was not finished: nobody learnt anything.
    pub(crate) fn was_nothing(self) {
        let mut count = self.pair.lock();
        count.strikes = count.strikes.saturating_sub(1);
        drop(count);
        self.forget();
    }

    fn forget(&self) {
        let mut count = self.address.lock();
        count.strikes = count.strikes.saturating_sub(1);
    }
}

impl Strikes {
    fn lock(&self) -> std::sync::MutexGuard<'_, Count> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, free: u32, longest: Duration, now: Timestamp) -> Result<(), Duration> {
        let mut count = self.lock();
        if now.since(count.last) > FORGET {
            *count = Count::default();
        }
        let Some(doublings) = count.strikes.checked_sub(free) else { return Ok(()) };
        let wait = Duration::from_secs(1 << doublings.min(16)).min(longest);
        let waited = now.since(count.last);
        if waited >= wait { Ok(()) } else { Err(wait - waited) }
    }

    fn strike(&self, now: Timestamp) {
        let mut count = self.lock();
        count.strikes = count.strikes.saturating_add(1);
        count.last = now;
    }
}

fn strikes(cache: &Cache<u64, Arc<Strikes>>, key: u64) -> Arc<Strikes> {
    let made: Result<_, std::convert::Infallible> = cache.get_or_insert_with(&key, || Ok(Arc::default()));
    match made {
        Ok(strikes) => strikes,
    }
}

/// One household, one address: of IPv6 the network part counts.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_000_000 + second)
    }

    #[test]
    fn guessing_one_account_waits_longer_each_time_and_the_owner_elsewhere_does_not() {
        let back_off = BackOff::new();
        let (guesser, owner) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        for _ in 0..FREE_FOR_PAIR {
            assert!(back_off.begin("alice", guesser, at(0)).is_ok());
        }
        assert_eq!(back_off.begin("alice", guesser, at(0)).err(), Some(Duration::from_secs(1)));
        assert!(back_off.begin("alice", owner, at(0)).is_ok());
        assert!(back_off.begin("bob", guesser, at(0)).is_ok());
        assert!(back_off.begin("alice", guesser, at(1)).is_ok());
        assert_eq!(back_off.begin("alice", guesser, at(1)).err(), Some(Duration::from_secs(2)));
        assert!(back_off.begin("alice", guesser, at(3)).is_ok());
        // Forgotten after a quarter of an hour.
        assert!(back_off.begin("alice", guesser, at(3 + 901)).is_ok());
        assert!(back_off.begin("alice", guesser, at(3 + 901)).is_ok());
    }

    #[test]
    fn one_address_guessing_many_accounts_waits_too() {
        let back_off = BackOff::new();
        let guesser: IpAddr = "2001:db8::1".parse().unwrap();
        let neighbour: IpAddr = "2001:db8::ffff".parse().unwrap();
        for account in 0..FREE_FOR_ADDRESS {
            assert!(back_off.begin(&account.to_string(), guesser, at(0)).is_ok());
        }
        assert!(back_off.begin("another", neighbour, at(0)).is_err());
        assert!(back_off.begin("another", "2001:db8:0:1::1".parse().unwrap(), at(0)).is_ok());
        // A right password of one's own does not buy new guesses.
        back_off.begin("mine", guesser, at(1)).ok().unwrap().was_right();
        assert!(back_off.begin("another", guesser, at(1)).is_err());
    }

    #[test]
    fn a_right_password_clears_the_pair() {
        let back_off = BackOff::new();
        let address = "192.0.2.1".parse().unwrap();
        for _ in 0..FREE_FOR_PAIR - 1 {
            assert!(back_off.begin("alice", address, at(0)).is_ok());
        }
        back_off.begin("alice", address, at(0)).ok().unwrap().was_right();
        for _ in 0..FREE_FOR_PAIR {
            assert!(back_off.begin("alice", address, at(0)).is_ok());
        }
        assert!(back_off.begin("alice", address, at(0)).is_err());
    }
}
