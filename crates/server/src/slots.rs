//! How many requests are worked on at once, and how many of them may come from one address.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::throttle::network;

/// Counters of addresses. Two addresses that share one share its part: nobody can choose whose, for the hash is keyed.
const COUNTERS: usize = 4_096;
/// One address gets this part of all slots: whoever opens requests and lets them stand leaves the rest to others.
const PART: usize = 4;

/// The slots, in a fixed piece of memory and without a lock.
pub(crate) struct Slots {
    all: AtomicUsize,
    most: usize,
    by_network: Box<[AtomicUsize]>,
    hasher: RandomState,
}

/// A request that is worked on; given back when dropped.
pub(crate) struct Slot<'a>([&'a AtomicUsize; 2]);

impl Slots {
    pub(crate) fn new(most: usize) -> Self {
        let by_network = std::iter::repeat_with(AtomicUsize::default).take(COUNTERS).collect();
        Self { all: AtomicUsize::new(0), most, by_network, hasher: RandomState::new() }
    }

    /// A slot for a request from this address (of IPv6, one /64); `None` when there is none left for it.
    pub(crate) fn take(&self, address: IpAddr) -> Option<Slot<'_>> {
        let place = usize::try_from(self.hasher.hash_one(network(address)) % COUNTERS as u64).ok()?;
        let mine = self.by_network.get(place)?;
        count(mine, (self.most / PART).max(1))?;
        if count(&self.all, self.most).is_none() {
            mine.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Slot([mine, &self.all]))
    }
}

fn count(counter: &AtomicUsize, most: usize) -> Option<()> {
    let more = |taken: usize| (taken < most).then_some(taken + 1);
    counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok().map(drop)
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        for counter in self.0 {
            counter.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_leaves_slots_to_the_others() {
        let slots = Slots::new(8);
        let [greedy, same_network, other]: [IpAddr; 3] =
            ["2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap(), "192.0.2.1".parse().unwrap()];
        let held: Vec<_> = [greedy, same_network].map(|address| slots.take(address).unwrap()).into();
        assert!(slots.take(greedy).is_none() && slots.take(same_network).is_none());
        assert!(slots.take(other).is_some());
        drop(held);
        assert!(slots.take(greedy).is_some());
    }

    #[test]
    fn no_more_than_all_at_once() {
        let slots = Slots::new(8);
        let addresses = (0..=u8::MAX).map(|last| IpAddr::from([192, 0, 2, last]));
        let held: Vec<_> = addresses.filter_map(|address| slots.take(address)).collect();
        assert_eq!(held.len(), 8);
        drop(held);
        assert!(slots.take(IpAddr::from([192, 0, 2, 1])).is_some());
    }
}
