//! A listening socket: accepts, does the TLS handshake beside the accept loop, limits and drains.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::limit::{ConnectionLimits, Guard};
use crate::server_tls::ServerTls;
use crate::stream::{ConnectionInfo, Stream};

/// How to listen.
#[derive(Clone, Debug)]
pub struct ListenerSettings {
    /// Where; port 0 takes a free one.
    pub address: SocketAddr,
    /// Whether several processes may share the port (`SO_REUSEPORT`).
    pub reuse_port: bool,
    /// How many connections the kernel queues.
    pub backlog: u32,
    /// How many connections may be open.
    pub limits: ConnectionLimits,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// How long open connections may go on once the listener is told to stop.
    pub drain_timeout: Duration,
}

impl ListenerSettings {
    /// The defaults for an address: backlog 1024, handshakes 10 s, drain 30 s.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            reuse_port: false,
            backlog: 1024,
            limits: ConnectionLimits::default(),
            handshake_timeout: Duration::from_secs(10),
            drain_timeout: Duration::from_secs(30),
        }
    }
}

/// Why a listener could not be bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody else listens there.
    #[error("port {} on {} is taken{}: stop that process or choose another port", .address.port(), .address.ip(),
        .holder.as_ref().map_or_else(String::new, |holder| format!(" by {holder}")))]
    InUse {
        /// The address asked for.
        address: SocketAddr,
        /// Who holds it, if that can be found: `nginx (process 812)`.
        holder: Option<String>,
    },
    /// The port needs a privilege.
    #[error(
        "not allowed to listen on {address}: choose a port above 1023 or give the process the capability"
    )]
    Forbidden {
        /// The address asked for.
        address: SocketAddr,
    },
    /// Anything else.
    #[error("can't listen on {address}")]
    Other {
        /// The address asked for.
        address: SocketAddr,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
}

/// A connection, ready to speak.
pub struct Accepted {
    /// The bytes.
    pub stream: Stream,
    /// Its ends.
    pub info: Arc<ConnectionInfo>,
    /// Cancelled when the listener drains: finish what is under way, take nothing new.
    pub draining: CancellationToken,
    /// Keep it as long as the connection lives.
    pub guard: Guard,
}

/// How a drain went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Drained {
    /// Connections that were still open at the deadline and were cut.
    pub cut: usize,
}

/// A bound listener.
pub struct Listener {
    _settings: ListenerSettings,
    local: SocketAddr,
    tls: Option<ServerTls>,
}

impl Listener {
    /// Binds; within a tokio runtime. Connections are queued from now on and served by [`Listener::serve`].
    ///
    /// # Errors
    /// [`BindError`], which says who holds a port that is taken.
    pub fn bind(_settings: ListenerSettings, _tls: Option<ServerTls>) -> Result<Self, BindError> {
        todo!()
    }

    /// Where it listens, with the port that was chosen.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Its TLS configuration, to replace it live; `None` for a plain listener.
    #[must_use]
    pub const fn tls(&self) -> Option<&ServerTls> {
        self.tls.as_ref()
    }

    /// Accepts until `shutdown` is cancelled, running `handler` for each connection in a task of its own; then
    /// cancels [`Accepted::draining`], waits for the handlers up to the drain time-out and cuts the rest.
    pub async fn serve<H, F>(self, _shutdown: CancellationToken, _handler: H) -> Drained
    where
        H: Fn(Accepted) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        todo!()
    }
}
