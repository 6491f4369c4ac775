//! Binding a listener, so that a failure names the key of the configuration that asked for it.

use std::error::Error;
use std::fmt;
use std::net::SocketAddr;

use countersign_net::{BindError, Listener, ListenerSettings, ServerTls};

/// A listener that could not be bound, and which.
#[derive(Debug)]
pub(crate) struct NotListening {
    key: &'static str,
    error: BindError,
}

impl NotListening {
    /// For a listener that is bound elsewhere.
    pub(crate) fn new(key: &'static str, error: BindError) -> Self {
        Self { key, error }
    }

    /// The key of the configuration that names the address.
    pub(crate) fn key(&self) -> &'static str {
        self.key
    }

    /// The address that could not be had.
    pub(crate) fn address(&self) -> SocketAddr {
        self.error.address()
    }
}

impl fmt::Display for NotListening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.error)
    }
}

impl Error for NotListening {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

/// Binds a listener.
pub(super) fn listen(
    key: &'static str,
    settings: ListenerSettings,
    tls: Option<ServerTls>,
) -> Result<Listener, NotListening> {
    Listener::bind(settings, tls).map_err(|error| NotListening { key, error })
}
