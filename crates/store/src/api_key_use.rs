//! Last use of API keys.
use std::net::IpAddr;
use countersign_model::{ApiKeyId, Timestamp};

/// When, from where and how an API key was last used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApiKeyUse {
    /// When.
    pub at: Timestamp,
    /// From where.
    pub address: IpAddr,
    /// On which route.
    pub route: String,
}
impl crate::Store {
    /// Notes that a key was used. Never waits: uses are gathered in memory and written every few seconds.
    pub fn note_api_key_use(&self, _key: &ApiKeyId, _at: Timestamp, _address: IpAddr, _route: &str) { todo!() }
}
