//! The servers behind a route and the connections kept to them.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use countersign_net::{Alpn, ClientTls, Stream};
use crossbeam_queue::ArrayQueue;
use http::HeaderValue;
use http::uri::{Authority, Scheme, Uri};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;

use super::config::{UpstreamConfig, UpstreamHost, UpstreamProtocol, UpstreamTimeouts};
use super::h1;
use super::request_body::RequestBody;

/// Where a server is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Address {
    pub(crate) tls: bool,
    host: Box<str>,
    port: u16,
    pub(crate) authority: Authority,
}

/// Where a route's requests go, and how long that may take.
pub(crate) struct Destination {
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) timeouts: UpstreamTimeouts,
}

/// The servers of one route.
pub(crate) struct Upstream {
    pub(crate) protocol: UpstreamProtocol,
    pub(crate) host: UpstreamHost,
    endpoints: Box<[Arc<Endpoint>]>,
    next: AtomicUsize,
    idle_connections: usize,
}

/// One server and the connections to it.
pub(crate) struct Endpoint {
    pub(crate) address: Address,
    pub(crate) scheme: Scheme,
    pub(crate) host_field: HeaderValue,
    tls: Option<ClientTls>,
    pool_idle: Duration,
    resting: ArrayQueue<h1::Connection>,
    /// One shared HTTP/2 connection; the asynchronous lock is held while it is made.
    shared: Mutex<Option<http2::SendRequest<RequestBody>>>,
    connecting: tokio::sync::Mutex<()>,
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum ConnectFault {
    /// The server can't be reached or does not speak what it should.
    Failed(io::Error),
    /// It took too long.
    TimedOut,
}

impl Address {
    /// Reads `http://host:port` or `https://host:port`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let tls = match uri.scheme_str()? {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let authority = uri.authority()?.clone();
        let bare = uri.path_and_query().is_none_or(|target| target.as_str() == "/");
        if !bare || authority.as_str().contains('@') || text.contains('#') {
            return None;
        }
        let named = authority.host();
        let host = named.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(named);
        let port = match authority.as_str().strip_prefix(named)? {
            "" if tls => 443,
            "" => 80,
            port => port.strip_prefix(':')?.parse().ok()?,
        };
        Some(Self { tls, host: host.into(), port, authority })
    }
}

impl Upstream {
    pub(crate) fn new(addresses: Vec<Address>, config: &UpstreamConfig, pool_idle: Duration) -> Self {
        let endpoint = |address: Address| {
            Arc::new(Endpoint {
                scheme: if address.tls { Scheme::HTTPS } else { Scheme::HTTP },
                host_field: HeaderValue::from_str(address.authority.as_str())
                    .unwrap_or(HeaderValue::from_static("")),
                tls: if address.tls { config.tls.clone() } else { None },
                pool_idle,
                resting: ArrayQueue::new(config.idle_connections.max(1)),
                shared: Mutex::new(None),
                connecting: tokio::sync::Mutex::new(()),
                address,
            })
        };
        Self {
            protocol: config.protocol,
            host: config.host,
            endpoints: addresses.into_iter().map(endpoint).collect(),
            next: AtomicUsize::new(0),
            idle_connections: config.idle_connections,
        }
    }

    /// The servers in the order in which to try them: the one whose turn it is first.
    pub(crate) fn in_turn(&self) -> impl Iterator<Item = &Arc<Endpoint>> + Clone {
        let first = self.next.fetch_add(1, Ordering::Relaxed).checked_rem(self.endpoints.len()).unwrap_or(0);
        let (before, after) = self.endpoints.split_at_checked(first).unwrap_or((&self.endpoints, &[]));
        after.iter().chain(before)
    }

    /// Whether connections to it may serve for `other`. TLS settings can't be compared: never with TLS.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.protocol == other.protocol
            && self.host == other.host
            && self.idle_connections == other.idle_connections
            && self.endpoints.len() == other.endpoints.len()
            && self
                .endpoints
                .iter()
                .zip(&other.endpoints)
                .all(|(a, b)| !a.address.tls && a.address == b.address)
    }

    /// Closes connections that rest too long or were closed by the server.
    pub(crate) fn sweep(&self) {
        let now = Instant::now();
        for endpoint in &self.endpoints {
            for _ in 0..endpoint.resting.len() {
                let Some(connection) = endpoint.resting.pop() else { break };
                if let Some(connection) = endpoint.fresh(connection, now) {
                    endpoint.rest(connection);
                }
            }
        }
    }
}

impl Endpoint {
    /// A resting connection that can take a request.
    pub(crate) fn resting(&self, now: Instant) -> Option<h1::Connection> {
        while let Some(connection) = self.resting.pop() {
            if let Some(connection) = self.fresh(connection, now) {
                return Some(connection);
            }
        }
        None
    }

    fn fresh(&self, mut connection: h1::Connection, now: Instant) -> Option<h1::Connection> {
        let rest = now.saturating_duration_since(connection.rests_since);
        (rest < self.pool_idle && connection.is_usable_after(rest)).then_some(connection)
    }

    /// Lets a connection rest; closes it when enough do.
    pub(crate) fn rest(&self, connection: h1::Connection) {
        drop(self.resting.push(connection));
    }

    /// A fresh HTTP/1.1 connection.
    pub(crate) async fn connect_http1(&self, patience: Duration) -> Result<h1::Connection, ConnectFault> {
        within(patience, async {
            let stream = self.stream().await?;
            h1::Connection::handshake(stream).await.map_err(io::Error::other)
        })
        .await
    }

    /// The shared HTTP/2 connection, made when there is none.
    pub(crate) async fn http2(
        &self,
        patience: Duration,
    ) -> Result<http2::SendRequest<RequestBody>, ConnectFault> {
        if let Some(sender) = self.shared_http2() {
            return Ok(sender);
        }
        within(patience, async {
            let _one_at_a_time = self.connecting.lock().await;
            if let Some(sender) = self.shared_http2() {
                return Ok(sender);
            }
            let stream = self.stream().await?;
            // RFC 9113 §3.2: over TLS the server has to agree by ALPN.
            if self.address.tls && stream.alpn() != Some(Alpn::Http2) {
                return Err(io::Error::other("the upstream did not agree on HTTP/2"));
            }
            let (sender, driver) = http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .adaptive_window(true)
                .keep_alive_interval(Duration::from_secs(20))
                .keep_alive_timeout(Duration::from_secs(10))
                .max_header_list_size(64 * 1024)
                .handshake(TokioIo::new(stream))
                .await
                .map_err(io::Error::other)?;
            tokio::spawn(async move { drop(driver.await) });
            *self.shared.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender.clone());
            Ok(sender)
        })
        .await
    }

    fn shared_http2(&self) -> Option<http2::SendRequest<RequestBody>> {
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.as_ref().filter(|sender| !sender.is_closed()).cloned()
    }

    async fn stream(&self) -> io::Result<Stream> {
        let socket = TcpStream::connect((&*self.address.host, self.address.port)).await?;
        socket.set_nodelay(true)?;
        match &self.tls {
            Some(tls) => tls.connect(&self.address.host, socket).await,
            None => Ok(Stream::plain(socket)),
        }
    }
}

async fn within<T>(
    patience: Duration,
    connecting: impl Future<Output = io::Result<T>>,
) -> Result<T, ConnectFault> {
    match tokio::time::timeout(patience, connecting).await {
        Ok(connected) => connected.map_err(ConnectFault::Failed),
        Err(_) => Err(ConnectFault::TimedOut),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let address = Address::parse("https://[::1]:8443").unwrap();
        assert!(address.tls && &*address.host == "::1" && address.port == 8443);
        assert_eq!(Address::parse("http://a/").unwrap().port, 80);
        for bad in
            ["a:80", "ftp://a", "http://u@a", "http://a/b", "http://a?b", "http://a#b", "http://a:99999", ""]
        {
            assert_eq!(Address::parse(bad), None, "{bad}");
        }
    }
}
