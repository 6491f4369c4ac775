//! The guarded client: resolve once, judge the address, connect to that very address, read within limits.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use http::{HeaderMap, Request, Response, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;
use url::{Host, Url};

use crate::fetch::{FetchError, FetchRequest, FetchSettings, Fetched};
use crate::stream::{Alpn, Stream};

/// Idle connections kept per origin, and in all.
const IDLE_PER_ORIGIN: usize = 4;
const IDLE_TOTAL: usize = 64;
/// How long one is kept.
const IDLE_TIME: Duration = Duration::from_secs(15);
/// Addresses of one name that are tried.
const ADDRESSES: usize = 4;
const MAX_HEAD: usize = 64 * 1024;
const MAX_HEADERS: usize = 100;

/// Fetches under one policy. Clones share their idle connections.
#[derive(Clone)]
pub struct Fetcher {
    shared: Arc<Shared>,
}

struct Shared {
    settings: FetchSettings,
    idle: Mutex<HashMap<Origin, Vec<Idle>>>,
}

/// Scheme, host and port: whom a connection was made to.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Origin {
    tls: bool,
    host: String,
    port: u16,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

/// A connection and the task that drives it; dropping both closes the socket.
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: AbortOnDropHandle<()>,
}

impl Fetcher {
    /// Makes a fetcher.
    #[must_use]
    pub fn new(settings: FetchSettings) -> Self {
        let tls = settings.tls.with_alpn(&[Alpn::Http1]);
        let shared = Shared { settings: FetchSettings { tls, ..settings }, idle: Mutex::default() };
        Self { shared: Arc::new(shared) }
    }

    /// Sends one request and reads the whole answer. Redirects are not followed, and the name is resolved once: the
    /// connection goes to the address that was judged, whatever the name says a moment later.
    ///
    /// # Errors
    /// [`FetchError`], one variant per reason.
    pub async fn fetch(&self, request: FetchRequest) -> Result<Fetched, FetchError> {
        let target = Target::of(&request.url)?;
        let limit = self.shared.settings.timeout;
        match tokio::time::timeout(limit, self.shared.fetch(&target, request)).await {
            Ok(answer) => answer,
            Err(_) => Err(FetchError::Timeout { host: target.origin.host, limit }),
        }
    }
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetcher").field("policy", &self.shared.settings.policy).finish()
    }
}

/// A URL taken apart.
struct Target {
    origin: Origin,
    literal: Option<IpAddr>,
    host_header: HeaderValue,
    path: Uri,
}

impl Target {
    fn of(url: &Url) -> Result<Self, FetchError> {
        let unusable = |reason| FetchError::Url { reason };
        let host = url.host().ok_or(unusable("it has no host"))?;
        let name = host.to_string();
        let tls = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(FetchError::Scheme { host: name }),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(unusable("it has a user name or password in it"));
        }
        let port =
            url.port_or_known_default().filter(|port| *port != 0).ok_or(unusable("it has no usable port"))?;
        let literal = match host {
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
            Host::Domain(_) => None,
        };
        // RFC 9110 §7.2: the port is named only when it is not the scheme's own.
        let authority = url.port().map_or_else(|| name.clone(), |port| format!("{name}:{port}"));
        let host_header = HeaderValue::try_from(authority).map_err(|_| unusable("its host is not ASCII"))?;
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let path = Uri::try_from(path).map_err(|_| unusable("its path can't be sent"))?;
        Ok(Self { origin: Origin { tls, host: name, port }, literal, host_header, path })
    }

    fn host(&self) -> String {
        self.origin.host.clone()
    }

    fn broken(&self) -> impl Fn(hyper::Error) -> FetchError + '_ {
        |source| FetchError::Broken { host: self.host(), source }
    }
}

impl Shared {
    async fn fetch(&self, target: &Target, request: FetchRequest) -> Result<Fetched, FetchError> {
        let accepted = request.content_types.clone();
        let mut message = message(target, request);
        // An idle connection may have been closed by its server: what was not sent at all is sent again.
        while let Some(mut connection) = self.take_idle(&target.origin) {
            if connection.sender.ready().await.is_err() {
                continue;
            }
            match connection.sender.try_send_request(message).await {
                Ok(response) => return self.read(target, connection, response, &accepted).await,
                Err(mut error) => match error.take_message() {
                    Some(unsent) => message = unsent,
                    None => return Err(target.broken()(error.into_error())),
                },
            }
        }
        let mut connection = self.connect(target).await?;
        let response = connection.sender.send_request(message).await.map_err(target.broken())?;
        self.read(target, connection, response, &accepted).await
    }

    /// Resolves, judges every address, and connects to the first allowed one that answers.
    async fn connect(&self, target: &Target) -> Result<Connection, FetchError> {
        let mut refused = None;
        let mut allowed = Vec::new();
        for address in resolve(target).await? {
            match self.settings.policy.check(address) {
                Ok(()) => allowed.push(address),
                Err(refusal) => refused = refused.or(Some(refusal)),
            }
        }
        if !target.origin.tls {
            allowed.retain(|address| self.settings.policy.allows_http(*address));
            if allowed.is_empty() && refused.is_none() {
                return Err(FetchError::Scheme { host: target.host() });
            }
        }
        let mut failure = None;
        for address in allowed.into_iter().take(ADDRESSES) {
            match self.open(target, SocketAddr::new(address, target.origin.port)).await {
                Ok(stream) => return start(stream).await.map_err(target.broken()),
                Err(error) => failure = Some(error),
            }
        }
        Err(match (failure, refused) {
            (Some(source), _) => FetchError::Connect { host: target.host(), source },
            (None, Some(refused)) => FetchError::Address { host: target.host(), refused },
            (None, None) => FetchError::Resolve { host: target.host() },
        })
    }

    async fn open(&self, target: &Target, address: SocketAddr) -> io::Result<Stream> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        if target.origin.tls {
            self.settings.tls.connect(&target.origin.host, socket).await
        } else {
            Ok(Stream::plain(socket))
        }
    }

    async fn read(
        &self,
        target: &Target,
        connection: Connection,
        response: Response<Incoming>,
        accepted: &[&'static str],
    ) -> Result<Fetched, FetchError> {
        let (head, mut incoming) = response.into_parts();
        if head.status.is_redirection() {
            return Err(FetchError::Redirect { host: target.host(), status: head.status });
        }
        if head.status.is_success() && !media_type_fits(&head.headers, accepted) {
            return Err(FetchError::ContentType { host: target.host() });
        }
        let limit = self.settings.max_body;
        let too_large = || FetchError::TooLarge { host: target.host(), limit };
        if incoming.size_hint().lower() > limit as u64 {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        while let Some(frame) = incoming.frame().await {
            if let Ok(data) = frame.map_err(target.broken())?.into_data() {
                if body.len() + data.len() > limit {
                    return Err(too_large());
                }
                body.extend_from_slice(&data);
            }
        }
        self.keep(&target.origin, connection);
        Ok(Fetched { status: head.status, headers: head.headers, body: body.freeze() })
    }

    fn take_idle(&self, origin: &Origin) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = idle.get_mut(origin)?;
        waiting.retain(|entry| entry.since.elapsed() < IDLE_TIME && entry.connection.is_usable());
        let taken = waiting.pop().map(|entry| entry.connection);
        if waiting.is_empty() {
            idle.remove(origin);
        }
        taken
    }

    fn keep(&self, origin: &Origin, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|_, waiting| {
            waiting.retain(|entry| entry.since.elapsed() < IDLE_TIME && entry.connection.is_usable());
            !waiting.is_empty()
        });
        if connection.sender.is_closed() || idle.values().map(Vec::len).sum::<usize>() >= IDLE_TOTAL {
            return;
        }
        let waiting = idle.entry(origin.clone()).or_default();
        if waiting.len() < IDLE_PER_ORIGIN {
            waiting.push(Idle { connection, since: Instant::now() });
        }
    }
}

impl Connection {
    fn is_usable(&self) -> bool {
        !self.sender.is_closed() && !self.driver.is_finished()
    }
}

async fn resolve(target: &Target) -> Result<Vec<IpAddr>, FetchError> {
    if let Some(address) = target.literal {
        return Ok(vec![address]);
    }
    let found = tokio::net::lookup_host((target.origin.host.as_str(), target.origin.port)).await;
    match found {
        Ok(addresses) => Ok(addresses.map(|address| address.ip()).collect()),
        Err(_) => Err(FetchError::Resolve { host: target.host() }),
    }
}

async fn start(stream: Stream) -> Result<Connection, hyper::Error> {
    let (sender, driver) = http1::Builder::new()
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_HEADERS)
        .handshake(TokioIo::new(stream))
        .await?;
    let driver = tokio::spawn(async move {
        if let Err(error) = driver.await {
            tracing::debug!(%error, "a fetch's connection ended");
        }
    });
    Ok(Connection { sender, driver: AbortOnDropHandle::new(driver) })
}

/// The request as it goes out. Host and length are ours, not the caller's.
fn message(target: &Target, request: FetchRequest) -> Request<Full<Bytes>> {
    let mut headers = request.headers;
    headers.insert(HOST, target.host_header.clone());
    headers.insert(USER_AGENT, HeaderValue::from_static("countersign"));
    // Nothing here unpacks a body: a compressed one would be read as nonsense.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.remove(CONTENT_LENGTH);
    let mut message = Request::new(Full::new(request.body));
    *message.method_mut() = request.method;
    *message.uri_mut() = target.path.clone();
    *message.headers_mut() = headers;
    message
}

/// RFC 9110 §8.3.1: type and subtype regardless of case; parameters don't matter here.
fn media_type_fits(headers: &HeaderMap, accepted: &[&'static str]) -> bool {
    if accepted.is_empty() {
        return true;
    }
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let essence = value.split(';').next().unwrap_or_default().trim();
    accepted.iter().any(|media_type| essence.eq_ignore_ascii_case(media_type))
}
