//! Which route a request takes: host first, then the longest path prefix.

mod build;
mod table;

use std::fmt;

use countersign_access::Rule;

use crate::ProtectedResource;
use crate::proxy::{UpstreamConfig, UpstreamTimeouts};

pub use build::RouteError;
pub(crate) use build::build;
pub(crate) use table::{Route, RouteTable};

/// One route as an operator describes it.
#[derive(Clone)]
pub struct RouteConfig {
    /// Its name in logs, metrics, rules and API keys. Unique.
    pub name: String,
    /// The hosts it serves. Empty: every host that no other route names.
    pub hosts: Vec<HostPattern>,
    /// The paths it serves: this one and everything below it, on segment boundaries. `/api` serves `/api` and `/api/x`,
    /// never `/apis`.
    pub path_prefix: String,
    /// Takes the prefix away before forwarding.
    pub strip_prefix: bool,
    /// Where requests go.
    pub upstream: UpstreamConfig,
    /// Who may pass.
    pub rule: Rule,
    /// How long the upstream may take.
    pub timeouts: UpstreamTimeouts,
    /// How much one request may carry.
    pub limits: RequestLimits,
    /// Whether WebSocket connections (RFC 6455) pass.
    pub websocket: bool,
    /// What the upstream learns about the caller.
    pub identity: IdentityOptions,
    /// The resource it protects, whose metadata is published (RFC 9728).
    pub resource: Option<ProtectedResource>,
}

/// The hosts a route serves, compared without case, port and trailing dot.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum HostPattern {
    /// This host.
    Exact(String),
    /// Every host below this one: `example.com` stands for `*.example.com`, at any depth, not for itself.
    Below(String),
}

/// How much one request may carry.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RequestLimits {
    /// Bytes of the body; more is answered with 413.
    pub body: u64,
    /// Number of header lines.
    pub header_count: usize,
    /// Bytes of all header names and values.
    pub header_bytes: usize,
}

/// What an upstream learns about the caller.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct IdentityOptions {
    /// Sends the signed identity token in `Countersign-Identity`.
    pub token: bool,
    /// Sends `Countersign-Subject` and its siblings.
    pub plain: bool,
    /// The audience of the identity token: this upstream.
    pub audience: String,
    /// Leaves the credential in the request for the upstream.
    pub keep_credential: bool,
}

impl HostPattern {
    /// Reads `host` or `*.host`.
    ///
    /// # Errors
    /// When the text is no host name.
    pub fn parse(text: &str) -> Result<Self, RouteError> {
        let (below, host) = text.strip_prefix("*.").map_or((false, text), |host| (true, host));
        let plain = crate::hygiene::host_name(host.as_bytes())
            .filter(|name| {
                !name.is_empty() && !host.contains('*') && (!host.contains(':') || host.starts_with('['))
            })
            .ok_or_else(|| RouteError::Host(text.to_owned()))?
            .into_owned();
        Ok(if below { Self::Below(plain) } else { Self::Exact(plain) })
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => f.write_str(host),
            Self::Below(host) => write!(f, "*.{host}"),
        }
    }
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self { body: 10 * 1024 * 1024, header_count: 100, header_bytes: 32 * 1024 }
    }
}

impl IdentityOptions {
    /// Token and plain headers for this audience; the credential is removed.
    #[must_use]
    pub fn full(audience: impl Into<String>) -> Self {
        Self { token: true, plain: true, audience: audience.into(), keep_credential: false }
    }

    /// Nothing at all; the credential is removed.
    #[must_use]
    pub fn none() -> Self {
        Self { token: false, plain: false, audience: String::new(), keep_credential: false }
    }
}
