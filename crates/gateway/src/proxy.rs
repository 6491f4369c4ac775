//! The reverse proxy. [`forward`] takes a [`Permit`]: without a decision there is no forwarding.

mod config;
mod deadline;
mod h1;
mod lease;
mod request_body;
mod response_body;
mod tunnel;
mod upstream;

use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_access::Permit;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header};
use hyper::body::Incoming;

use self::deadline::Deadline;
use self::h1::SendFault;
use self::lease::Lease;
use self::request_body::{BodyFate, RequestBody};
use self::response_body::Source;
use self::upstream::{ConnectFault, Endpoint};
use crate::hygiene::headers::clean_response;

pub use self::config::{UpstreamConfig, UpstreamHost, UpstreamProtocol, UpstreamTimeouts};
pub(crate) use self::request_body::BodyFault;
pub(crate) use self::response_body::ResponseBody;
pub(crate) use self::tunnel::Tunnel;
pub(crate) use self::upstream::{Address, Destination, Upstream};

/// A request as the upstream is to see it, but for its connection.
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) target: PathAndQuery,
    /// Clean, with what we say about the caller.
    pub(crate) headers: HeaderMap,
    pub(crate) body: Incoming,
    /// The caller reads trailers.
    pub(crate) trailers: bool,
    /// The caller's connection has a tick that polls whatever waits.
    pub(crate) ticked: bool,
    /// Bytes its body may have.
    pub(crate) body_limit: u64,
    /// How long the caller's body may stand still.
    pub(crate) stall: Duration,
}

/// Why there is no answer of the upstream.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// It can't be reached.
    #[error("can't connect: {0}")]
    Connect(std::io::Error),
    /// It took too long to accept the connection.
    #[error("connecting took too long")]
    ConnectTimedOut,
    /// It closed the connection or does not speak HTTP.
    #[error("the connection broke")]
    Broken,
    /// It took too long to answer.
    #[error("the answer took too long")]
    TimedOut,
    /// The route has no server.
    #[error("there is no server")]
    NoServer,
    /// The request's body was at fault.
    #[error("{0}")]
    Body(BodyFault),
    /// The answer can't be passed on.
    #[error("the answer can't be passed on")]
    BadAnswer,
    /// The route's upstream can't do what was asked for.
    #[error("the upstream's protocol can't do this")]
    NotSupported,
}

/// Sends a permitted request to the route's upstream and gives back its answer, whose body streams.
pub(crate) async fn forward(
    _permit: &Permit,
    to: &Destination,
    request: Outgoing,
) -> Result<Response<ResponseBody>, Fault> {
    match to.upstream.protocol {
        UpstreamProtocol::Http1 => forward_http1(to, request).await,
        UpstreamProtocol::Http2 => forward_http2(to, request).await,
    }
}

/// Sends a permitted WebSocket request; when the upstream agrees, also gives the tunnel to be run.
pub(crate) async fn open_websocket(
    _permit: &Permit,
    to: &Destination,
    mut request: Outgoing,
    caller: hyper::upgrade::OnUpgrade,
) -> Result<(Response<ResponseBody>, Option<Tunnel>), Fault> {
    if to.upstream.protocol != UpstreamProtocol::Http1 {
        return Err(Fault::NotSupported);
    }
    // RFC 6455 §4.1, RFC 9110 §7.8: the upgrade is between us and the upstream now.
    request.headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    request.headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    let (connection, endpoint) = connect(to, to.upstream.in_turn()).await?;
    let mut sender = connection.into_task();
    let request = http1_request(to, endpoint, request);
    let answer = tokio::time::timeout(to.timeouts.response, sender.send_request(request));
    let mut response = match answer.await {
        Ok(response) => response.map_err(|_| Fault::Broken)?,
        Err(_) => return Err(Fault::TimedOut),
    };
    let upgraded = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    let upstream = upgraded.then(|| hyper::upgrade::on(&mut response));
    let (mut head, body) = response.into_parts();
    let accepts =
        head.headers.get(header::UPGRADE).is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket"));
    clean_response(&mut head.headers);
    let Some(upstream) = upstream else {
        let body = ResponseBody::upstream(Source::Driven(body), to.timeouts.idle, false);
        return Ok((Response::from_parts(head, body), None));
    };
    if !accepts {
        return Err(Fault::BadAnswer);
    }
    head.headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    head.headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    let tunnel = Tunnel::new(caller, upstream, to.timeouts.idle);
    Ok((Response::from_parts(head, ResponseBody::whole(bytes::Bytes::new())), Some(tunnel)))
}

/// A fresh connection to the first server that can be reached.
async fn connect<'r>(
    to: &Destination,
    servers: impl Iterator<Item = &'r Arc<Endpoint>>,
) -> Result<(h1::Connection, &'r Arc<Endpoint>), Fault> {
    let mut fault = Fault::NoServer;
    for endpoint in servers {
        match endpoint.connect_http1(to.timeouts.connect).await {
            Ok(connection) => return Ok((connection, endpoint)),
            Err(failed) => fault = failed.into(),
        }
    }
    Err(fault)
}

async fn forward_http1(to: &Destination, outgoing: Outgoing) -> Result<Response<ResponseBody>, Fault> {
    let (ticked, now) = (outgoing.ticked, Instant::now());
    let servers = to.upstream.in_turn();
    let resting = servers.clone().next().and_then(|endpoint| Some((endpoint.resting(now)?, endpoint)));
    let rested = resting.is_some();
    let (connection, endpoint) = match resting {
        Some(resting) => resting,
        None => connect(to, servers).await?,
    };
    let request = http1_request(to, endpoint, outgoing);
    let fate = request.body().fate();
    // RFC 9112 §9.3.1: a connection may close while it rests; what is safe to send twice is sent again, once.
    let again = (rested && request.method().is_idempotent() && request.body().is_empty())
        .then(|| (request.method().clone(), request.uri().clone(), request.headers().clone()));
    let mut deadline = Deadline::new(if rested { now } else { Instant::now() }, to.timeouts.response, ticked);
    let mut lease = Lease::new(connection, Arc::clone(endpoint));
    let request = match (lease.send(request, &mut deadline).await, again) {
        (Ok(response), _) => return answer_http1(to, response, lease, ticked),
        (Err(SendFault::Unsent(unsent)), _) if rested => *unsent,
        (Err(SendFault::Broken), Some((method, uri, headers))) => {
            let mut request = Request::new(RequestBody::empty());
            *request.method_mut() = method;
            *request.uri_mut() = uri;
            *request.headers_mut() = headers;
            request
        }
        (Err(fault), _) => return Err(fault.explained(&fate)),
    };
    let connection = endpoint.connect_http1(to.timeouts.connect).await?;
    let mut lease = Lease::new(connection, Arc::clone(endpoint));
    deadline.moved();
    match lease.send(request, &mut deadline).await {
        Ok(response) => answer_http1(to, response, lease, ticked),
        Err(fault) => Err(fault.explained(&fate)),
    }
}

impl SendFault {
    /// The body's own fault comes first: it is what broke the rest.
    fn explained(self, fate: &BodyFate) -> Fault {
        match (fate.fault(), self) {
            (Some(fault), _) => Fault::Body(fault),
            (None, Self::TimedOut) => Fault::TimedOut,
            (None, Self::Unsent(_) | Self::Broken) => Fault::Broken,
        }
    }
}

fn answer_http1(
    to: &Destination,
    response: Response<Incoming>,
    lease: Lease,
    ticked: bool,
) -> Result<Response<ResponseBody>, Fault> {
    let (mut head, body) = response.into_parts();
    // Nobody asked for an upgrade.
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Fault::BadAnswer);
    }
    clean_response(&mut head.headers);
    head.version = Version::HTTP_11;
    let body = ResponseBody::upstream(Source::http1(lease, body), to.timeouts.idle, ticked);
    Ok(Response::from_parts(head, body))
}

fn http1_request(to: &Destination, endpoint: &Endpoint, outgoing: Outgoing) -> Request<RequestBody> {
    let Outgoing { method, target, mut headers, body, trailers, ticked, body_limit, stall } = outgoing;
    let body = RequestBody::new(body, body_limit, stall, ticked);
    match to.upstream.host {
        UpstreamHost::Preserve if headers.contains_key(header::HOST) => {}
        UpstreamHost::Preserve | UpstreamHost::Upstream => {
            headers.insert(header::HOST, endpoint.host_field.clone());
        }
    }
    if trailers {
        // RFC 9110 §10.1.4: TE is the connection's, so Connection names it.
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("te"));
    }
    if !body.is_empty() && !headers.contains_key(header::CONTENT_LENGTH) {
        headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = Uri::from(target);
    *request.headers_mut() = headers;
    request
}

/// The first server with a shared connection, made if need be.
async fn reachable_http2(to: &Destination) -> Result<&Arc<Endpoint>, Fault> {
    let mut fault = Fault::NoServer;
    for endpoint in to.upstream.in_turn() {
        match endpoint.http2(to.timeouts.connect).await {
            Ok(_) => return Ok(endpoint),
            Err(failed) => fault = failed.into(),
        }
    }
    Err(fault)
}

async fn forward_http2(to: &Destination, outgoing: Outgoing) -> Result<Response<ResponseBody>, Fault> {
    let endpoint = reachable_http2(to).await?;
    let Outgoing { method, target, mut headers, body, trailers, ticked, body_limit, stall } = outgoing;
    // The body is polled by a task without our tick.
    let body = RequestBody::new(body, body_limit, stall, false);
    let fate = body.fate();
    let host = headers.remove(header::HOST);
    let authority = match (to.upstream.host, host) {
        (UpstreamHost::Preserve, Some(host)) => {
            http::uri::Authority::from_maybe_shared(bytes::Bytes::copy_from_slice(host.as_bytes()))
                .map_err(|_| Fault::BadAnswer)?
        }
        (UpstreamHost::Preserve, None) | (UpstreamHost::Upstream, _) => endpoint.address.authority.clone(),
    };
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(endpoint.scheme.clone());
    parts.authority = Some(authority);
    parts.path_and_query = Some(target);
    if trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = Uri::from_parts(parts).map_err(|_| Fault::BadAnswer)?;
    *request.version_mut() = Version::HTTP_2;
    *request.headers_mut() = headers;

    let mut deadline = Deadline::new(Instant::now(), to.timeouts.response, ticked);
    let mut retried = false;
    let response = loop {
        let mut sender = endpoint.http2(to.timeouts.connect).await?;
        let mut answer = std::pin::pin!(sender.try_send_request(request));
        let answered = std::future::poll_fn(|cx| match answer.as_mut().poll(cx) {
            std::task::Poll::Ready(answer) => std::task::Poll::Ready(Some(answer)),
            std::task::Poll::Pending => deadline.poll(cx).map(|()| None),
        });
        match answered.await {
            Some(Ok(response)) => break response,
            None => return Err(fate.fault().map_or(Fault::TimedOut, Fault::Body)),
            Some(Err(mut error)) => match error.take_message() {
                // The shared connection ended before anything of the request left.
                Some(unsent) if !retried => {
                    retried = true;
                    request = unsent;
                }
                Some(_) | None => return Err(fate.fault().map_or(Fault::Broken, Fault::Body)),
            },
        }
    };
    let (mut head, body) = response.into_parts();
    clean_response(&mut head.headers);
    head.version = Version::HTTP_11;
    let body = ResponseBody::upstream(Source::Driven(body), to.timeouts.idle, ticked);
    Ok(Response::from_parts(head, body))
}

impl From<ConnectFault> for Fault {
    fn from(fault: ConnectFault) -> Self {
        match fault {
            ConnectFault::Failed(error) => Self::Connect(error),
            ConnectFault::TimedOut => Self::ConnectTimedOut,
        }
    }
}
