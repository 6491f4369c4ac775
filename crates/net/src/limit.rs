//! How many connections may be open, in all and from one address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_model::AddressList;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::meters::Meters;

/// Limits on open connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConnectionLimits {
    /// In all: further ones wait in the kernel's queue.
    pub total: usize,
    /// From one address (for IPv6, from one /64): further ones are closed at once.
    pub per_address: usize,
}

impl Default for ConnectionLimits {
    /// 10,000 in all; a quarter of them from one address, so that none can take them all.
    fn default() -> Self {
        Self { total: 10_000, per_address: 2_500 }
    }
}

/// The count of open connections. Clones share it.
#[derive(Clone, Debug)]
pub struct Load {
    places: Arc<Semaphore>,
    by_address: Arc<Mutex<HashMap<IpAddr, usize>>>,
    limits: ConnectionLimits,
    shared_addresses: AddressList,
    meters: Meters,
}

impl Load {
    pub(crate) fn new(limits: ConnectionLimits, shared_addresses: AddressList, meters: Meters) -> Self {
        let limits = ConnectionLimits { total: limits.total.clamp(1, Semaphore::MAX_PERMITS), ..limits };
        Self {
            places: Arc::new(Semaphore::new(limits.total)),
            by_address: Arc::new(Mutex::new(HashMap::new())),
            limits,
            shared_addresses,
            meters,
        }
    }

    /// How many connections are open, handshakes under way and the one awaited included.
    #[must_use]
    pub fn open(&self) -> usize {
        self.limits.total.saturating_sub(self.places.available_permits())
    }

    /// Waits for a place; `None` only if the semaphore were closed, which nobody does.
    pub(crate) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).acquire_owned().await.ok()
    }

    /// Counts a connection, or refuses it when its address has enough. The table can't outgrow the places.
    pub(crate) fn admit(&self, place: OwnedSemaphorePermit, address: IpAddr) -> Option<Guard> {
        let network = network(address);
        let mut by_address = lock(&self.by_address);
        let count = by_address.entry(network).or_default();
        if *count >= self.limits.per_address && !self.shared_addresses.contains(address) {
            return None;
        }
        *count += 1;
        drop(by_address);
        self.meters.opened();
        let (by_address, meters) = (Arc::clone(&self.by_address), self.meters.clone());
        Some(Guard { network, by_address, meters, _place: place })
    }
}

/// Holds a connection's place in the limits; dropped when the connection ends.
#[derive(Debug)]
pub struct Guard {
    network: IpAddr,
    by_address: Arc<Mutex<HashMap<IpAddr, usize>>>,
    meters: Meters,
    _place: OwnedSemaphorePermit,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.meters.closed();
        let mut by_address = lock(&self.by_address);
        if let Some(count) = by_address.get_mut(&self.network) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                by_address.remove(&self.network);
            }
        }
    }
}

/// The counts stay right even if a thread died holding them: every change is one step.
fn lock(table: &Mutex<HashMap<IpAddr, usize>>) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One customer commonly has a whole /64 of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_address_gets_its_share_and_gives_it_back() {
        let shared = AddressList::new(vec!["192.0.2.0/24".parse().unwrap()]);
        let load = Load::new(ConnectionLimits { total: 3, per_address: 1 }, shared, Meters::new("test"));
        let first = load.admit(load.place().await.unwrap(), "2001:db8::1".parse().unwrap()).unwrap();
        assert!(load.admit(load.place().await.unwrap(), "2001:db8::2".parse().unwrap()).is_none());
        let other = load.admit(load.place().await.unwrap(), "2001:db8:0:1::1".parse().unwrap()).unwrap();
        assert_eq!(load.open(), 2);
        drop(first);
        assert!(load.admit(load.place().await.unwrap(), "2001:db8::2".parse().unwrap()).is_some());
        drop(other);
        let balancer = "192.0.2.1".parse().unwrap();
        let one = load.admit(load.place().await.unwrap(), balancer).unwrap();
        let two = load.admit(load.place().await.unwrap(), balancer).unwrap();
        drop((one, two));
        assert_eq!((load.open(), lock(&load.by_address).len()), (0, 0));
    }
}
