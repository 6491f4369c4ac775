//! `[limits]`: how often clients may call.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How often clients may call the authorization server. Each process counts for itself; 0 is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RawLimits {
    /// Requests of one client that are answered, in a second. Default: 10000.
    pub requests_per_client_and_second: Option<u32>,
    /// Requests of clients from one address (of IPv6, one /64), in a second. Default: 10000.
    pub requests_per_address_and_second: Option<u32>,
    /// Authorization requests, pushed ones and those of devices from one address, in a minute. Default: 6000.
    pub authorization_requests_per_address_and_minute: Option<u32>,
    /// Failed authentications of one client from one address, in a minute. Default: 30.
    pub failures_per_client_and_minute: Option<u32>,
    /// Failed authentications of clients from one address, in a minute. Default: 600.
    pub failures_per_address_and_minute: Option<u32>,
}
