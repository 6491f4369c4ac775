//! What the operator decides about this surface, already checked.

use std::collections::BTreeMap;
use std::time::Duration;

use countersign_model::{AddressList, Scope};

/// Checked settings of the server. Protocol settings are the engine's own.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// The issuer as a URL without a trailing slash: `https://auth.example`, with a path if there is one. Pages and
    /// endpoints are served below that path; cookies are `Secure` unless it is plain http (loopback only).
    pub issuer: String,
    /// How long a sign-in lasts, whatever happens.
    pub session_lifetime: Duration,
    /// What a scope lets an application do, in plain words, as the consent page completes "it can:".
    pub scope_words: BTreeMap<Scope, String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: AddressList,
    /// Limits and time-outs.
    pub limits: ServerLimits,
}

impl ServerSettings {
    /// Settings with every default for this issuer.
    #[must_use]
    pub fn new(issuer: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into().trim_end_matches('/').to_owned(),
            session_lifetime: Duration::from_secs(12 * 3_600),
            scope_words: BTreeMap::new(),
            trusted_proxies: AddressList::default(),
            limits: ServerLimits::default(),
        }
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
