//! Which addresses a fetched URL may lead to.

use std::net::IpAddr;

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
    pub fn check(&self, _address: IpAddr) -> Result<(), AddressRefused> {
        todo!()
    }
}
