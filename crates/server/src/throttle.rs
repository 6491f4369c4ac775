//! Back-off against guessing: passwords at the sign-in page, user codes at the device page.
//!
//! An account's owner in a browser of theirs has a counter apart (see `known_browser`). For everybody else there are two counters, both in bounded memory and both by the clock that is handed in. By account *and* address: a few free
//! tries, then waits that double; somebody who guesses from elsewhere never locks the owner out. (User codes are tried by
//! people who have signed in: there it is by account, wherever they are.) By address alone: a
//! bucket that refills slowly, against one machine that tries many accounts. An attempt counts when it begins and is
//! forgiven when it succeeds, so that many at the same instant gain nothing.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign_model::{Timestamp, TokenHash};

/// Wrong tries that cost nothing but themselves.
const FREE_TRIES: u32 = 4;
/// The first wait; each further wrong try doubles it.
const FIRST_WAIT: Duration = Duration::from_secs(2);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// After this long without a try, an account's tries are forgotten.
const FORGET: Duration = Duration::from_secs(1_800);
/// Tries one address may make at once.
const ADDRESS_BURST: u32 = 30;
/// One more is granted to an address this often.
const ADDRESS_REFILL: Duration = Duration::from_secs(4);
/// Entries in each table: with 64 bytes each a few megabytes at most.
const CAPACITY: usize = 32_768;

/// The counters.
pub(crate) struct Throttle {
    /// Whether tries on one account from different addresses are counted apart.
    by_address: bool,
    accounts: Mutex<HashMap<TokenHash, Tries>>,
    addresses: AddressPace,
}

/// How often one address may do something, whether it goes well or not.
pub(crate) struct AddressPace {
    refill: Duration,
    burst: Duration,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

#[derive(Clone, Copy)]
struct Tries {
    count: u32,
    last: Timestamp,
}

/// A bucket as the moment at which it will be full again (generic cell rate algorithm).
#[derive(Clone, Copy)]
struct Bucket {
    full_at: Timestamp,
}

/// Come back after this long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Wait(pub(crate) Duration);

/// One attempt that was let through and has been counted as wrong until [`Throttle::succeeded`] says otherwise.
#[derive(Clone, Copy)]
pub(crate) struct Attempt {
    account: TokenHash,
    /// `None`: the address was not asked.
    address: Option<IpAddr>,
}

impl Throttle {
    /// For tries on somebody's account, from wherever.
    pub(crate) fn new() -> Self {
        let addresses = AddressPace::new(ADDRESS_REFILL, ADDRESS_BURST);
        Self { by_address: true, accounts: Mutex::default(), addresses }
    }

    /// For tries that somebody makes who is signed in to the account.
    pub(crate) fn of_accounts() -> Self {
        Self { by_address: false, ..Self::new() }
    }

    /// Asks for an attempt on the account as it was typed.
    pub(crate) fn begin(&self, account: &str, address: IpAddr, now: Timestamp) -> Result<Attempt, Wait> {
        let address = network(address);
        let account = key(account, self.by_address.then_some(address));
        self.begin_as(account, Some(address), now)
    }

    /// Asks for an attempt from a browser that the account's owner has used before: what others try, even beside it at
    /// the same address, is no reason to keep it waiting.
    pub(crate) fn begin_known(&self, browser: &str, now: Timestamp) -> Result<Attempt, Wait> {
        self.begin_as(TokenHash::of(format!("known browser\0{browser}").as_bytes()), None, now)
    }

    fn begin_as(&self, account: TokenHash, address: Option<IpAddr>, now: Timestamp) -> Result<Attempt, Wait> {
        // The account first: a refused attempt there must not drain the address's bucket as well.
        let mut accounts = lock(&self.accounts);
        let tries = accounts.get(&account).copied().filter(|tries| now.since(tries.last) < FORGET);
        let count = tries.map_or(0, |tries| tries.count);
        if let Some(tries) = tries {
            let wait = wait_after(tries.count).saturating_sub(now.since(tries.last));
            if !wait.is_zero() {
                return Err(Wait(wait));
            }
        }
        if let Some(address) = address {
            self.addresses.take(address, now)?;
        }
        make_room(&mut accounts, now, |tries| tries.last.plus(FORGET));
        accounts.insert(account, Tries { count: count.saturating_add(1), last: now });
        Ok(Attempt { account, address })
    }

    /// The password was right: the account's tries are forgotten and the address gets its one back.
    pub(crate) fn succeeded(&self, attempt: Attempt) {
        lock(&self.accounts).remove(&attempt.account);
        self.addresses.refund(attempt.address);
    }

    /// The password was not looked at: this attempt never was.
    pub(crate) fn withdraw(&self, attempt: Attempt) {
        if let Some(tries) = lock(&self.accounts).get_mut(&attempt.account) {
            tries.count = tries.count.saturating_sub(1);
        }
        self.addresses.refund(attempt.address);
    }
}

impl AddressPace {
    /// One is granted every `refill`, and `burst` of them at once.
    pub(crate) fn new(refill: Duration, burst: u32) -> Self {
        Self { refill, burst: refill * burst.max(1), buckets: Mutex::default() }
    }

    /// Takes one.
    pub(crate) fn take(&self, address: IpAddr, now: Timestamp) -> Result<(), Wait> {
        let address = network(address);
        let mut buckets = lock(&self.buckets);
        let full_at = buckets.get(&address).map_or(now, |bucket| bucket.full_at.max(now)).plus(self.refill);
        let wait = full_at.since(now).saturating_sub(self.burst);
        if !wait.is_zero() {
            return Err(Wait(wait));
        }
        make_room(&mut buckets, now, |bucket| bucket.full_at);
        buckets.insert(address, Bucket { full_at });
        Ok(())
    }

    /// Gives one back.
    fn refund(&self, address: Option<IpAddr>) {
        let Some(address) = address else { return };
        if let Some(bucket) = lock(&self.buckets).get_mut(&address) {
            bucket.full_at = bucket.full_at.minus(self.refill);
        }
    }
}

/// How long to wait after so many wrong tries.
fn wait_after(count: u32) -> Duration {
    match count.checked_sub(FREE_TRIES) {
        None => Duration::ZERO,
        Some(beyond) => {
            FIRST_WAIT.saturating_mul(1_u32.checked_shl(beyond).unwrap_or(u32::MAX)).min(LONGEST_WAIT)
        }
    }
}

/// The account and the address as one key that reveals neither, whatever was typed as account.
fn key(account: &str, address: Option<IpAddr>) -> TokenHash {
    let address = address.map_or_else(String::new, |address| address.to_string());
    TokenHash::of(format!("{address}\0{}", account.to_lowercase()).as_bytes())
}

/// A person's IPv6 network is a /64; every address in it is theirs to take (RFC 6177).
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) & !u128::from(u64::MAX))),
    }
}

/// Throws out what no longer matters when the table is full; if everything matters still, the quarter that matters
/// the shortest time.
fn make_room<K: Copy + Eq + std::hash::Hash, V: Copy>(
    table: &mut HashMap<K, V>,
    now: Timestamp,
    ends: impl Fn(&V) -> Timestamp,
) {
    if table.len() < CAPACITY {
        return;
    }
    table.retain(|_, value| ends(value) > now);
    if table.len() < CAPACITY {
        return;
    }
    let mut moments: Vec<Timestamp> = table.values().map(&ends).collect();
    let (_, cut, _) = moments.select_nth_unstable(CAPACITY / 4);
    let cut = *cut;
    table.retain(|_, value| ends(value) > cut);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const ELSEWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_000_000 + seconds)
    }

    #[test]
    fn waits_double_and_end() {
        let throttle = Throttle::new();
        for _ in 0..FREE_TRIES {
            assert!(throttle.begin("ada", HOME, at(0)).is_ok());
        }
        assert_eq!(throttle.begin("Ada", HOME, at(0)).err(), Some(Wait(FIRST_WAIT)));
        assert!(throttle.begin("ada", HOME, at(2)).is_ok());
        assert_eq!(throttle.begin("ada", HOME, at(3)).err(), Some(Wait(Duration::from_secs(3))));
        assert_eq!(wait_after(200), LONGEST_WAIT);
        assert!(throttle.begin("ada", HOME, at(2 + 1_800)).is_ok());
    }

    #[test]
    fn guessing_from_elsewhere_does_not_lock_the_owner_out() {
        let throttle = Throttle::new();
        for _ in 0..20 {
            let _ = throttle.begin("ada", ELSEWHERE, at(0));
        }
        assert!(throttle.begin("ada", ELSEWHERE, at(0)).is_err());
        assert!(throttle.begin("ada", HOME, at(0)).is_ok());
    }

    #[test]
    fn who_is_signed_in_gains_nothing_by_moving_about_or_by_hitting() {
        let throttle = Throttle::of_accounts();
        let mut tried = 0;
        for n in 0..200 {
            let elsewhere = IpAddr::V4(std::net::Ipv4Addr::from(n));
            // Every second try hits a code of one's own.
            match (throttle.begin("ada", elsewhere, at(0)), n % 2) {
                (Ok(attempt), 0) => throttle.withdraw(attempt),
                (Ok(_), _) => tried += 1,
                (Err(_), _) => {}
            }
        }
        assert_eq!(tried, FREE_TRIES);
    }

    #[test]
    fn success_forgives() {
        let throttle = Throttle::new();
        for _ in 0..200 {
            let attempt = throttle.begin("ada", HOME, at(0)).unwrap();
            throttle.succeeded(attempt);
        }
    }

    #[test]
    fn one_address_can_not_try_many_accounts() {
        let throttle = Throttle::new();
        let tried = (0..1_000).filter(|n| throttle.begin(&format!("user{n}"), HOME, at(0)).is_ok()).count();
        assert_eq!(tried, ADDRESS_BURST as usize);
        assert!(throttle.begin("another", HOME, at(4)).is_ok());
    }

    #[test]
    fn a_whole_network_counts_as_one_address() {
        let [one, two, other] =
            ["2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1"].map(|text| network(text.parse().unwrap()));
        assert!(one == two && one != other);
        assert_eq!(network("::ffff:192.0.2.1".parse().unwrap()), HOME);
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = Throttle::new();
        for n in 0..u32::try_from(CAPACITY).unwrap() + 10 {
            let _ = throttle.begin("ada", IpAddr::V4(n.into()), at(i64::from(n) / 100));
        }
        assert!(
            lock(&throttle.accounts).len() <= CAPACITY && lock(&throttle.addresses.buckets).len() <= CAPACITY
        );
    }
}
