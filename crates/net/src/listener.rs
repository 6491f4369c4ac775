//! A listening socket: accepts, does the TLS handshake beside the accept loop, limits and drains.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use countersign_model::AddressList;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::limit::{ConnectionLimits, Guard, Load};
use crate::meters::{Meters, NotServed};
use crate::port_holder::port_holder;
use crate::server_tls::ServerTls;
use crate::stream::{ConnectionInfo, Stream, TlsInfo};

/// How to listen.
#[derive(Clone, Debug)]
pub struct ListenerSettings {
    /// Its name in metrics and logs.
    pub surface: &'static str,
    /// Where; port 0 takes a free one.
    pub address: SocketAddr,
    /// Whether several processes may share the port (`SO_REUSEPORT`).
    pub reuse_port: bool,
    /// How many connections the kernel queues.
    pub backlog: u32,
    /// How many connections may be open.
    pub limits: ConnectionLimits,
    /// Addresses that many callers share, such as a load balancer's: no limit for each of them.
    pub shared_addresses: AddressList,
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
            surface: "other",
            address,
            reuse_port: false,
            backlog: 1024,
            limits: ConnectionLimits::default(),
            shared_addresses: AddressList::default(),
            handshake_timeout: Duration::from_secs(10),
            drain_timeout: Duration::from_secs(30),
        }
    }
}

/// Why a listener could not be bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody else listens there.
    #[error("port {} on {} is taken{} or choose another port", .address.port(), .address.ip(),
        .holder.as_ref().map_or_else(
            || ": stop whoever listens there (root's `ss -ltnp` names them)".to_owned(),
            |holder| format!(" by {holder}: stop that process"),
        ))]
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

impl BindError {
    /// Why the system did not let us listen on the address.
    #[must_use]
    pub fn new(address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::InUse { address, holder: port_holder(address.port()) },
            io::ErrorKind::PermissionDenied => Self::Forbidden { address },
            _ => Self::Other { address, source },
        }
    }

    /// The address asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        match self {
            Self::InUse { address, .. } | Self::Forbidden { address } | Self::Other { address, .. } => {
                *address
            }
        }
    }
}

/// A connection, ready to speak.
#[derive(Debug)]
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
#[derive(Debug)]
pub struct Listener {
    settings: ListenerSettings,
    socket: TcpListener,
    local: SocketAddr,
    tls: Option<ServerTls>,
    load: Load,
    meters: Meters,
}

impl Listener {
    /// Binds; within a tokio runtime. Connections are queued from now on and served by [`Listener::serve`].
    ///
    /// # Errors
    /// [`BindError`], which says who holds a port that is taken.
    pub fn bind(settings: ListenerSettings, tls: Option<ServerTls>) -> Result<Self, BindError> {
        let address = settings.address;
        let (socket, local) = open(&settings).map_err(|source| BindError::new(address, source))?;
        let meters = Meters::new(settings.surface);
        let load = Load::new(settings.limits, settings.shared_addresses.clone(), meters.clone());
        Ok(Self { settings, socket, local, tls, load, meters })
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

    /// The count of its open connections, for metrics.
    #[must_use]
    pub fn load(&self) -> Load {
        self.load.clone()
    }

    /// Accepts until `shutdown` is cancelled, running `handler` for each connection in a task of its own; then
    /// cancels [`Accepted::draining`], waits for the handlers up to the drain time-out and cuts the rest.
    pub async fn serve<H, F>(self, shutdown: CancellationToken, handler: H) -> Drained
    where
        H: Fn(Accepted) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        // A set rather than a token watched by every connection: nothing is shared while requests flow.
        let mut tasks = JoinSet::new();
        let draining = CancellationToken::new();
        let mut accepting = Accepting {
            socket: &self.socket,
            load: &self.load,
            meters: &self.meters,
            pause: Pause::default(),
        };
        while let Some(Some((socket, remote, guard))) = shutdown.run_until_cancelled(accepting.next()).await {
            let arrival = Arrival {
                socket,
                remote,
                guard,
                tls: self.tls.clone(),
                handshake_timeout: self.settings.handshake_timeout,
                meters: self.meters.clone(),
                draining: draining.clone(),
            };
            let handler = handler.clone();
            tasks.spawn(async move {
                if let Some(accepted) = arrival.establish().await {
                    handler(accepted).await;
                }
            });
            while tasks.try_join_next().is_some() {}
        }
        drop(self.socket);
        draining.cancel();
        let finish = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(self.settings.drain_timeout, finish).await.is_ok() {
            return Drained { cut: 0 };
        }
        let cut = tasks.len();
        tasks.shutdown().await;
        Drained { cut }
    }
}

/// Binds and listens.
fn open(settings: &ListenerSettings) -> io::Result<(TcpListener, SocketAddr)> {
    let socket = Socket::new(Domain::for_address(settings.address), Type::STREAM, Some(Protocol::TCP))?;
    // Without it a restart has to wait for the connections of the last run to time out.
    socket.set_reuse_address(true)?;
    #[cfg(unix)]
    if settings.reuse_port {
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&settings.address.into())?;
    socket.listen(i32::try_from(settings.backlog).unwrap_or(i32::MAX))?;
    let listener = TcpListener::from_std(socket.into())?;
    let local = listener.local_addr()?;
    Ok((listener, local))
}

/// The accept loop's state.
struct Accepting<'l> {
    socket: &'l TcpListener,
    load: &'l Load,
    meters: &'l Meters,
    pause: Pause,
}

impl Accepting<'_> {
    /// The next connection that has a place; `None` when there can be no more.
    async fn next(&mut self) -> Option<(TcpStream, SocketAddr, Guard)> {
        loop {
            let place = self.load.place().await?;
            match self.socket.accept().await {
                Ok((socket, remote)) => {
                    self.pause = Pause::default();
                    let remote = SocketAddr::new(remote.ip().to_canonical(), remote.port());
                    match self.load.admit(place, remote.ip()) {
                        Some(guard) => return Some((socket, remote, guard)),
                        None => self.meters.not_served(NotServed::AddressLimit, remote.ip(), None),
                    }
                }
                Err(error) if concerns_one_connection(&error) => {}
                Err(error) => self.pause.wait(&error).await,
            }
        }
    }
}

/// The peer went away before it was accepted: its matter, not ours.
fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}

/// How long to wait after accepting failed for want of descriptors or memory: accepting again at once would spin.
#[derive(Default)]
struct Pause {
    failures: u32,
}

impl Pause {
    async fn wait(&mut self, error: &io::Error) {
        let pause = Duration::from_millis(5_u64 << self.failures.min(8)).min(Duration::from_secs(1));
        // Once for each doubling is enough for the log.
        if self.failures.is_power_of_two() || self.failures == 0 {
            tracing::warn!(%error, ?pause, "connections can't be accepted; raise the limit of open files?");
        }
        self.failures = self.failures.saturating_add(1);
        tokio::time::sleep(pause).await;
    }
}

/// A connection that was accepted but has not spoken.
struct Arrival {
    socket: TcpStream,
    remote: SocketAddr,
    guard: Guard,
    tls: Option<ServerTls>,
    handshake_timeout: Duration,
    meters: Meters,
    draining: CancellationToken,
}

impl Arrival {
    /// Does the handshake, if there is one to do; `None` when the peer failed it.
    async fn establish(self) -> Option<Accepted> {
        if let Err(error) = self.socket.set_nodelay(true) {
            tracing::debug!(%error, "a connection ended before it began");
            return None;
        }
        let local = self.socket.local_addr().ok()?;
        let (stream, tls) = match self.tls {
            None => (Stream::plain(self.socket), None),
            Some(tls) => {
                let handshake =
                    tokio::time::timeout(self.handshake_timeout, handshake(&tls, self.socket)).await;
                match handshake.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
                    Ok((stream, info)) => (stream, Some(info)),
                    Err(error) => {
                        self.meters.not_served(NotServed::of(&error), self.remote.ip(), Some(&error));
                        return None;
                    }
                }
            }
        };
        let local = SocketAddr::new(local.ip().to_canonical(), local.port());
        let info = Arc::new(ConnectionInfo { remote: self.remote, local, tls });
        Some(Accepted { stream, info, draining: self.draining, guard: self.guard })
    }
}

/// What a client gets that speaks HTTP to a TLS port.
const NOT_PLAIN: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 39\r\n\
    Connection: close\r\n\r\nThis port speaks HTTPS: use https://.\r\n";

/// Waits a moment for the peer to close. In TLS 1.3 a client has sent its request before it learns that its certificate
/// was refused: closing with that unread would reset the connection, and the alert that says why would be lost.
async fn let_alert_arrive(mut socket: TcpStream) {
    const PATIENCE: Duration = Duration::from_millis(500);
    const MOST: usize = 64 * 1024;
    let rest = async {
        socket.shutdown().await?;
        let mut unread = [0; 4096];
        let mut seen = 0;
        while seen < MOST {
            match socket.read(&mut unread).await? {
                0 => break,
                length => seen += length,
            }
        }
        io::Result::Ok(())
    };
    // It failed already; how it ends changes nothing.
    let _ = tokio::time::timeout(PATIENCE, rest).await;
}

async fn handshake(tls: &ServerTls, mut socket: TcpStream) -> io::Result<(Stream, TlsInfo)> {
    let mut first = [0];
    // RFC 8446 §5.1: a handshake record begins with 22; a letter is somebody who forgot the s of https.
    if socket.peek(&mut first).await? == 1 && first.first().is_some_and(u8::is_ascii_uppercase) {
        // What was sent is read first: closing a socket with unread bytes would reset it before the answer is read.
        let _ = socket.read(&mut [0; 4096]).await?;
        socket.write_all(NOT_PLAIN).await?;
        socket.shutdown().await?;
        return Err(io::Error::new(io::ErrorKind::InvalidData, "plain HTTP on a TLS port"));
    }
    let current = tls.current();
    let accepting = TlsAcceptor::from(Arc::clone(&current.config)).accept(socket).into_fallible();
    let stream = match accepting.await {
        Ok(stream) => stream,
        Err((error, socket)) => {
            let_alert_arrive(socket).await;
            return Err(error);
        }
    };
    let info = current
        .describe(stream.get_ref().1, tls.now())
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    Ok((Stream::tls(stream.into()), info))
}
