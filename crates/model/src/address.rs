//! Lists of network addresses.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// Networks in CIDR form. Empty means everywhere.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AddressList(Vec<IpNet>);

impl AddressList {
    /// A list of networks.
    #[must_use]
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether nothing is listed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the address is in one of the networks, or the list is empty. An IPv4 address mapped into IPv6 counts
    /// as the IPv4 address it is (RFC 4291 §2.5.5.2).
    #[must_use]
    pub fn admits(&self, address: IpAddr) -> bool {
        self.0.is_empty() || self.contains(address)
    }

    /// Whether the address is in one of the networks; never for an empty list.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_addresses_are_the_addresses_they_map() {
        let list = AddressList::new(vec!["10.0.0.0/8".parse().unwrap()]);
        assert!(list.admits("::ffff:10.1.2.3".parse().unwrap()));
        assert!(!list.admits("11.0.0.1".parse().unwrap()));
        assert!(AddressList::default().admits("11.0.0.1".parse().unwrap()));
        assert!(!AddressList::default().contains("11.0.0.1".parse().unwrap()));
    }
}
