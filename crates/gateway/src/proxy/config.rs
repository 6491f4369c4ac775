//! The servers behind a route as an operator describes them.

use std::time::Duration;

use countersign_net::ClientTls;

/// A set of equal servers behind a route, asked in turn.
#[derive(Clone)]
pub struct UpstreamConfig {
    /// `http://host:port` or `https://host:port`, without path. At least one.
    pub addresses: Vec<String>,
    /// What to speak to them.
    pub protocol: UpstreamProtocol,
    /// How to reach those with `https`; needed when there is one.
    pub tls: Option<ClientTls>,
    /// Which `Host` they see.
    pub host: UpstreamHost,
    /// Idle connections kept to each address.
    pub idle_connections: usize,
}

/// What is spoken to an upstream.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum UpstreamProtocol {
    /// HTTP/1.1 (RFC 9112).
    Http1,
    /// HTTP/2 (RFC 9113): by ALPN over TLS, with prior knowledge without.
    Http2,
}

/// Which `Host` an upstream sees.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum UpstreamHost {
    /// The one the caller asked for.
    Preserve,
    /// The upstream's own.
    Upstream,
}

/// How long an upstream may take.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct UpstreamTimeouts {
    /// To accept a connection, TLS included.
    pub connect: Duration,
    /// From the request sent to the headers of the answer.
    pub response: Duration,
    /// Between two pieces of a body, and on a WebSocket without traffic.
    pub idle: Duration,
}

impl UpstreamConfig {
    /// One HTTP/1.1 server that sees the caller's `Host`.
    #[must_use]
    pub fn http1(address: impl Into<String>) -> Self {
        Self {
            addresses: vec![address.into()],
            protocol: UpstreamProtocol::Http1,
            tls: None,
            host: UpstreamHost::Preserve,
            idle_connections: 256,
        }
    }
}

impl Default for UpstreamTimeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            response: Duration::from_secs(60),
            idle: Duration::from_secs(120),
        }
    }
}
