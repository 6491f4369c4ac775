//! `[limits]`.

use countersign_server::RateLimits;

use super::super::raw::RawLimits;

/// Every number is possible.
pub(super) fn limits(raw: RawLimits) -> RateLimits {
    let usual = RateLimits::default();
    RateLimits {
        requests_per_client_and_second: raw
            .requests_per_client_and_second
            .unwrap_or(usual.requests_per_client_and_second),
        requests_per_address_and_second: raw
            .requests_per_address_and_second
            .unwrap_or(usual.requests_per_address_and_second),
        authorization_requests_per_address_and_minute: raw
            .authorization_requests_per_address_and_minute
            .unwrap_or(usual.authorization_requests_per_address_and_minute),
        failures_per_client_and_minute: raw
            .failures_per_client_and_minute
            .unwrap_or(usual.failures_per_client_and_minute),
        failures_per_address_and_minute: raw
            .failures_per_address_and_minute
            .unwrap_or(usual.failures_per_address_and_minute),
    }
}
