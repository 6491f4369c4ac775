//! Where a request comes from, seen through proxies that are trusted.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::http::{Extensions, HeaderMap};
use countersign_model::AddressList;

/// The address of whoever sent the request, as far as it can be believed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

/// The other end of the connection; put into the request by the listener.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Remote(pub(crate) IpAddr);

impl ClientAddress {
    /// The connection's other end or, when that is a trusted proxy, the last address in `X-Forwarded-For` that is none.
    pub(crate) fn of(headers: &HeaderMap, extensions: &Extensions, trusted: &AddressList) -> Self {
        let remote = extensions.get::<Remote>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |remote| remote.0);
        let mut address = remote.to_canonical();
        if !trusted.contains(address) {
            return Self(address);
        }
        let values: Vec<&str> =
            headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
        for hop in values.iter().rev().flat_map(|value| value.rsplit(',')) {
            let Some(hop) = parse_hop(hop.trim()) else { break };
            address = hop;
            if !trusted.contains(hop) {
                break;
            }
        }
        Self(address)
    }
}

/// An address, with a port or without.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    hop.parse::<IpAddr>()
        .or_else(|_| hop.parse::<SocketAddr>().map(|address| address.ip()))
        .ok()
        .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(remote: &str, forwarded: &[&str]) -> String {
        let trusted = AddressList::new(vec!["10.0.0.0/8".parse().unwrap()]);
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let mut extensions = Extensions::new();
        extensions.insert(Remote(remote.parse().unwrap()));
        ClientAddress::of(&headers, &extensions, &trusted).0.to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(seen("192.0.2.1", &["203.0.113.9"]), "192.0.2.1");
        assert_eq!(seen("10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(seen("10.0.0.1", &["198.51.100.1, 203.0.113.9, 10.2.2.2"]), "203.0.113.9");
        assert_eq!(seen("10.0.0.1", &["198.51.100.1", "203.0.113.9:4711"]), "203.0.113.9");
        assert_eq!(seen("10.0.0.1", &["198.51.100.1, nonsense"]), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &[]), "10.0.0.1");
    }
}
