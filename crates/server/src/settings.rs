//! What the operator decides about this surface, already checked. The issuer, the endpoints' addresses and every
//! lifetime are settings of the engine.

use std::collections::BTreeMap;
use std::time::Duration;

use countersign_model::{AddressList, Scope};

use crate::rate_limits::RateLimits;
use crate::throttle::AddressPace;

/// Checked settings of the server.
#[derive(Clone, Debug, Default)]
pub struct ServerSettings {
    /// What a scope lets an application do, in plain words, as the consent page completes "it can:".
    pub scope_words: BTreeMap<Scope, String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: AddressList,
    /// Limits and time-outs.
    pub limits: ServerLimits,
    /// How often clients may call.
    pub rates: RateLimits,
    /// Whether GitHub's addresses are served, for clients written for them.
    pub github: bool,
    /// How long browsers shall insist on https (RFC 6797 §6.1.1); zero: as long as they like.
    pub strict_transport_security: Duration,
    /// How many clients may be registered from one address in an hour.
    pub registrations_per_hour: RegistrationsPerHour,
}

/// How many clients may be registered from one address in an hour, whether they are taken or not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RegistrationsPerHour(pub u32);

impl RegistrationsPerHour {
    /// A third of an hour's at once, and then one after the other.
    pub(crate) fn pace(self) -> AddressPace {
        let hourly = self.0.max(1);
        AddressPace::new(Duration::from_secs(3_600) / hourly, hourly / 3)
    }
}

impl Default for RegistrationsPerHour {
    fn default() -> Self {
        Self(60)
    }
}

/// Limits and time-outs of the server's listeners.
#[derive(Clone, Copy, Debug)]
pub struct ServerLimits {
    /// Requests worked on at the same time; more are answered 503 with `Retry-After`.
    pub concurrent_requests: usize,
    /// From the first byte of a request to the last of its header.
    pub header_timeout: Duration,
    /// From the end of the header to the answer, the body included.
    pub request_timeout: Duration,
    /// How long connections may finish after the server was told to stop.
    pub drain_timeout: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            concurrent_requests: 1_024,
            header_timeout: Duration::from_secs(15),
            request_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(20),
        }
    }
}
