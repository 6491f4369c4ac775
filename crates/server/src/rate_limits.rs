//! How often clients may call, by client and by address.
//!
//! What goes well is limited so high that only something broken or hostile notices. What goes wrong is limited hard: the
//! counter of failed authentications is one of the claimed name *and* the address it was claimed from, so that nobody
//! keeps a client out by sending its name with a wrong secret from elsewhere. A request is charged to a client only once
//! it was answered, for the same reason. All counters are of this process and in a fixed piece of memory.

use std::net::IpAddr;
use std::time::Duration;

use countersign_model::Timestamp;
use countersign_oauth::{ClientCall, Error, claimed_client};

use crate::buckets::{Buckets, Key, Rate};
use crate::endpoints::Endpoint;
use crate::throttle::{Wait, network};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
/// How long a client that got in from an address is not held up by what others do there.
const KNOWN_FOR: Duration = Duration::from_secs(3_600);

/// How often clients may call. 0 is no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RateLimits {
    /// Requests of one client that are answered, in a second.
    pub requests_per_client_and_second: u32,
    /// Requests from one address (of IPv6, one /64), in a second, whatever becomes of them.
    pub requests_per_address_and_second: u32,
    /// Requests from one address in a minute that begin something a person then decides.
    pub authorization_requests_per_address_and_minute: u32,
    /// Failed authentications of one client from one address, in a minute.
    pub failures_per_client_and_minute: u32,
    /// Failed authentications from one address, in a minute.
    pub failures_per_address_and_minute: u32,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            requests_per_client_and_second: 10_000,
            requests_per_address_and_second: 10_000,
            authorization_requests_per_address_and_minute: 6_000,
            failures_per_client_and_minute: 30,
            failures_per_address_and_minute: 600,
        }
    }
}

/// The counters.
pub(crate) struct RateLimiter {
    buckets: Buckets,
    by_client: Option<Rate>,
    by_address: Option<Rate>,
    authorization: Option<Rate>,
    client_failures: Option<Rate>,
    address_failures: Option<Rate>,
}

/// Which limit a request met.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Limit {
    /// Requests of the client.
    Client,
    /// Requests from the address.
    Address,
    /// Failed authentications of the client from the address.
    ClientFailures,
    /// Failed authentications from the address.
    AddressFailures,
    /// Names that the client asked for and nobody has (CIBA §13, `unknown_user_id`).
    UnknownNames,
}

/// Why a request has to wait, and how long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TooMany {
    pub(crate) limit: Limit,
    pub(crate) wait: Duration,
}

/// A request that was let in and whose outcome will be counted.
pub(crate) struct Turn<'a> {
    limiter: &'a RateLimiter,
    address: IpAddr,
    client: Key,
    client_failures: Key,
    address_failures: Key,
    unknown_names: Key,
    known: Key,
    /// This client failed from this address not long ago.
    failed_before: bool,
    now: Timestamp,
}

impl Limit {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Address => "address",
            Self::ClientFailures => "client_failures",
            Self::AddressFailures => "address_failures",
            Self::UnknownNames => "unknown_names",
        }
    }

    /// The `error_description`: it tells nothing that the caller doesn't know.
    pub(crate) const fn description(self) -> &'static str {
        match self {
            Self::Client => "too many requests of this client: see Retry-After",
            Self::Address => "too many requests from this address: see Retry-After",
            Self::UnknownNames => "too many names that nobody has: see Retry-After",
            Self::ClientFailures | Self::AddressFailures => {
                "too many failed authentications from this address: see Retry-After"
            }
        }
    }
}

impl RateLimiter {
    pub(crate) fn new(limits: RateLimits) -> Self {
        Self {
            buckets: Buckets::new(),
            by_client: Rate::of(limits.requests_per_client_and_second, SECOND),
            by_address: Rate::of(limits.requests_per_address_and_second, SECOND),
            authorization: Rate::of(limits.authorization_requests_per_address_and_minute, MINUTE),
            client_failures: Rate::of(limits.failures_per_client_and_minute, MINUTE),
            address_failures: Rate::of(limits.failures_per_address_and_minute, MINUTE),
        }
    }

    /// Lets in what comes from this address, before anything of it is read.
    pub(crate) fn admit(&self, endpoint: Endpoint, address: IpAddr, now: Timestamp) -> Result<(), TooMany> {
        let begins = begins_something(endpoint);
        let rate = if begins { self.authorization } else { self.by_address };
        let Some(rate) = rate else { return Ok(()) };
        let key = self.buckets.key(("address", begins, network(address)));
        self.buckets.take(key, rate, now).map_err(|wait| refused(endpoint, Limit::Address, wait))
    }

    /// Lets in what this client, or somebody who takes its name, asks for.
    pub(crate) fn begin(
        &self,
        endpoint: Endpoint,
        address: IpAddr,
        call: &ClientCall<'_>,
        now: Timestamp,
    ) -> Result<Turn<'_>, TooMany> {
        let network = network(address);
        let name = claimed_client(call).unwrap_or_default();
        let turn = Turn {
            limiter: self,
            address,
            client: self.buckets.key(("client", &name)),
            client_failures: self.buckets.key(("failures", &name, network)),
            address_failures: self.buckets.key(("failures", network)),
            unknown_names: self.buckets.key(("names", &name)),
            known: self.buckets.key(("known", &name, network)),
            failed_before: false,
            now,
        };
        let look = |key, rate: Option<Rate>, limit| match rate {
            None => Ok(false),
            Some(rate) => self.buckets.look(key, rate, now).map_err(|wait| refused(endpoint, limit, wait)),
        };
        // Many clients may share an address: whoever got in from there lately doesn't wait for the guesses of a neighbour,
        // and has only the guesses at its own secret counted against it.
        if !self.buckets.is_marked(turn.known, now) {
            look(turn.address_failures, self.address_failures, Limit::AddressFailures)?;
        }
        let failed_before = look(turn.client_failures, self.client_failures, Limit::ClientFailures)?;
        look(turn.client, self.by_client, Limit::Client)?;
        // Who learns which names there are learns it slowly; the client's other requests go on.
        if matches!(endpoint, Endpoint::BackchannelAuthentication) {
            look(turn.unknown_names, self.client_failures, Limit::UnknownNames)?;
        }
        Ok(Turn { failed_before, ..turn })
    }
}

impl Turn<'_> {
    /// Counts how the request ended.
    pub(crate) fn ended<T>(&self, answer: &Result<T, Error>) {
        let buckets = &self.limiter.buckets;
        // What is spent already is as good as charged.
        let charge =
            |key, rate: Option<Rate>| rate.is_none_or(|rate| buckets.take(key, rate, self.now).is_ok());
        match answer {
            Ok(_) => {
                charge(self.client, self.limiter.by_client);
                buckets.mark(self.known, KNOWN_FOR, self.now);
                if self.failed_before {
                    buckets.forget(self.client_failures);
                }
            }
            Err(Error::InvalidClient { .. }) => {
                charge(self.client_failures, self.limiter.client_failures);
                charge(self.address_failures, self.limiter.address_failures);
                self.tell();
            }
            Err(Error::UnknownPerson) => {
                charge(self.unknown_names, self.limiter.client_failures);
            }
            // The client is who it says, or nothing was said that could be guessed.
            Err(_) => {}
        }
    }

    /// One line when the waiting begins.
    fn tell(&self) {
        let Some(rate) = self.limiter.client_failures else { return };
        if let Err(Wait(_)) = self.limiter.buckets.look(self.client_failures, rate, self.now) {
            let address = self.address;
            tracing::warn!(target: "countersign::audit", event = "client_delayed", %address, "failed authentications of a client delayed");
        }
    }
}

/// What a person is asked about later, or what waits in the store until somebody comes.
const fn begins_something(endpoint: Endpoint) -> bool {
    matches!(
        endpoint,
        Endpoint::Authorize
            | Endpoint::Par
            | Endpoint::DeviceAuthorization
            | Endpoint::BackchannelAuthentication
            | Endpoint::GithubAuthorize
            | Endpoint::GithubDeviceCode
    )
}

fn refused(endpoint: Endpoint, limit: Limit, Wait(wait): Wait) -> TooMany {
    metrics::counter!(
        "countersign_rate_limited_total", "endpoint" => endpoint.as_str(), "limit" => limit.as_str()
    )
    .increment(1);
    TooMany { limit, wait }
}
