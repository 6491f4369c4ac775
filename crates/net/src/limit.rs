//! How many connections may be open, in all and from one address.

/// Limits on open connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConnectionLimits {
    /// In all: further ones wait in the kernel's queue.
    pub total: usize,
    /// From one address (for IPv6, from one /64): further ones are closed at once.
    pub per_address: usize,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self { total: 10_000, per_address: 10_000 }
    }
}

/// Holds a connection's place in the limits; dropped when the connection ends.
#[derive(Debug)]
pub struct Guard {
    _private: (),
}
