//! What an operator chooses for the whole gateway.

use std::time::Duration;

use countersign_model::AddressList;

/// Settings of one gateway; [`Default`] needs no reading.
#[derive(Clone, Debug)]
pub struct GatewaySettings {
    /// Peers whose `Forwarded`, `X-Forwarded-*` and `X-Request-Id` are believed. Empty: nobody's.
    pub trusted_proxies: AddressList,
    /// How much one connection may send and hold.
    pub limits: CallerLimits,
    /// How long a caller may take.
    pub timeouts: CallerTimeouts,
    /// Longest idle time of a pooled upstream connection.
    pub pool_idle: Duration,
    /// Sends `Forwarded` (RFC 7239) beside `X-Forwarded-*`.
    pub forwarded: bool,
    /// How often it is asked whether an open WebSocket would still be allowed.
    pub recheck: Duration,
    /// Whether requests over TLS of a trusted proxy in front (`X-Forwarded-Proto: https`) count as secure.
    pub trust_forwarded_proto: bool,
}

/// Limits of one caller's connection. How many connections there may be is the listener's to say.
#[derive(Clone, Copy, Debug)]
pub struct CallerLimits {
    /// Bytes of a request's line and headers together. At least 8,192.
    pub header_bytes: usize,
    /// Number of header lines.
    pub header_count: usize,
    /// HTTP/2: streams open at the same time (RFC 9113 §5.1.2).
    pub h2_streams: u32,
    /// HTTP/2: streams the caller may reset before their answer until the connection is ended (the "rapid reset" flood).
    pub h2_resets: usize,
}

/// How long one caller's connection may take.
#[derive(Clone, Copy, Debug)]
pub struct CallerTimeouts {
    /// From the accepted connection to its first byte.
    pub first_byte: Duration,
    /// From the first byte of a request to the end of its headers.
    pub headers: Duration,
    /// Between two requests on a kept connection.
    pub keep_alive: Duration,
    /// Without progress of a body in either direction.
    pub stall: Duration,
}

impl Default for GatewaySettings {
    fn default() -> Self {
        Self {
            trusted_proxies: AddressList::default(),
            limits: CallerLimits::default(),
            timeouts: CallerTimeouts::default(),
            pool_idle: Duration::from_secs(50),
            forwarded: false,
            recheck: Duration::from_secs(5),
            trust_forwarded_proto: true,
        }
    }
}

impl Default for CallerLimits {
    fn default() -> Self {
        Self { header_bytes: 32 * 1024, header_count: 100, h2_streams: 100, h2_resets: 100 }
    }
}

impl Default for CallerTimeouts {
    fn default() -> Self {
        Self {
            first_byte: Duration::from_secs(10),
            headers: Duration::from_secs(10),
            keep_alive: Duration::from_secs(75),
            stall: Duration::from_secs(30),
        }
    }
}
