//! Which addresses a fetched URL may lead to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use countersign_model::AddressList;

/// Where guarded fetches may connect: public addresses, and what the operator lists.
#[derive(Clone, Debug, Default)]
pub struct AddressPolicy {
    /// Private, loopback or otherwise special networks that are allowed all the same. Empty: none.
    pub allowed: AddressList,
    /// Whether plain `http` may be used towards the addresses in `allowed`. Never towards others.
    pub insecure_http: bool,
}

/// An address that a guarded fetch does not connect to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{address} is {kind}: allow its network in the configuration if that is meant")]
pub struct AddressRefused {
    /// The address.
    pub address: IpAddr,
    /// What kind of address it is, as words: `a loopback address`.
    pub kind: &'static str,
}

impl AddressPolicy {
    /// Whether a connection to the address may be made.
    ///
    /// # Errors
    /// [`AddressRefused`] when the address is not a public one and is not listed.
    pub fn check(&self, address: IpAddr) -> Result<(), AddressRefused> {
        let address = address.to_canonical();
        if self.allowed.contains(address) {
            return Ok(());
        }
        match special(address) {
            Some(kind) => Err(AddressRefused { address, kind }),
            None => Ok(()),
        }
    }

    /// Whether plain `http` may be spoken with the address.
    #[must_use]
    pub fn allows_http(&self, address: IpAddr) -> bool {
        self.insecure_http && self.allowed.contains(address)
    }
}

/// What makes an address no public one, or `None` when it is one.
fn special(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address),
    }
}

/// The IANA registry of special-purpose addresses (RFC 6890), all that is not globally reachable.
fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    match address.octets() {
        [0, ..] => Some("an address of 'this network'"),
        [127, ..] => Some("a loopback address"),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Some("a private address"),
        [100, 64..=127, ..] => Some("a carrier's shared address"),
        // Cloud machines keep their credentials at 169.254.169.254.
        [169, 254, ..] => Some("a link-local address"),
        [192, 0, 0, _] | [192, 88, 99, _] => Some("an address for protocol use"),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Some("an address for documentation"),
        [198, 18 | 19, ..] => Some("an address for benchmarks"),
        [224..=239, ..] => Some("a multicast address"),
        [240..=255, ..] => Some("a reserved address"),
        _ => None,
    }
}

/// Only global unicast (RFC 4291 §2.5.4, 2000::/3) passes, and translated addresses as what they lead to.
fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some("the unspecified address"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some("a loopback address"),
        // RFC 6052 §2.1: NAT64 leads to the IPv4 address in the last 32 bits.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => special_v4(embedded(high, low)),
        // RFC 3056 §2: 6to4 leads to the IPv4 address after the prefix.
        [0x2002, high, low, ..] => special_v4(embedded(high, low)),
        [0xfc00..=0xfdff, ..] => Some("a private address"),
        [0xfe80..=0xfeff, ..] => Some("a link-local address"),
        [0xff00..=0xffff, ..] => Some("a multicast address"),
        // RFC 2928 and what it holds: Teredo (RFC 4380) carries an IPv4 address that can't be judged.
        [0x2001, 0..=0x1ff, ..] => Some("an address for protocol use"),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Some("an address for documentation"),
        [0x2000..=0x3fff, ..] => None,
        _ => Some("a reserved address"),
    }
}

fn embedded(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> bool {
        AddressPolicy::default().check(text.parse().unwrap()).is_err()
    }

    #[test]
    fn only_public_addresses_pass() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.1.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.0.1",
            "198.51.100.1",
            "203.0.113.9",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:10::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "3fff::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "5f00::1",
            "4000::1",
        ] {
            assert!(refused(address), "{address}");
        }
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.0.1",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1",
            "2a00:1450::1",
            "64:ff9b::808:808",
            "2002:808:808::1",
            "::ffff:8.8.8.8",
            "2001:4860::8888",
        ] {
            assert!(!refused(address), "{address}");
        }
    }

    #[test]
    fn a_listed_network_is_allowed_and_only_there_plain_http() {
        let policy = AddressPolicy {
            allowed: AddressList::new(vec!["127.0.0.0/8".parse().unwrap()]),
            insecure_http: true,
        };
        let loopback = "::ffff:127.0.0.1".parse().unwrap();
        assert!(policy.check(loopback).is_ok() && policy.allows_http(loopback));
        assert!(policy.check("10.0.0.1".parse().unwrap()).is_err());
        assert!(!policy.allows_http("8.8.8.8".parse().unwrap()));
        assert!(!AddressPolicy { insecure_http: false, ..policy }.allows_http(loopback));
    }
}
