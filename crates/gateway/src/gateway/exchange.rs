//! A request at the gateway, from its head to the last byte of its answer.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use countersign_access::{Decision, Denial, Permit, RequestParts};
use countersign_model::{Method, Timestamp};
use http::header::{CONTENT_LENGTH, HOST, MAX_FORWARDS, REFERER};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, Version};
use hyper::body::{Body as _, Incoming};
use hyper::upgrade::OnUpgrade;

use super::again::Again;
use super::answer::{self, Problem, REQUEST_ID};
use super::caller::Caller;
use super::log::{self, Record};
use super::request_id::is_acceptable;
use crate::hygiene::headers::{Connection, clean_request, join_cookies};
use crate::hygiene::{self, Asked, Refusal};
use crate::meters::Outcome;
use crate::proxy::{self, BodyFault, Outgoing, ResponseBody};
use crate::route::Route;

/// Why a request went no further.
enum Stop {
    Refused(Refusal),
    /// Refused, and the connection can't be trusted to be read on.
    Unframed,
    Denied(Box<Denial>),
    Problem(Problem),
    /// Answered by the gateway itself: `OPTIONS *`.
    Options,
    /// Answered by the gateway itself: what a protected resource is (RFC 9728), or whether a page may ask.
    ResourceMetadata(Option<Bytes>),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// One request under way. Its end, wherever that comes, is counted and logged once.
pub(crate) struct Exchange {
    caller: Arc<Caller>,
    route: Option<Arc<Route>>,
    started: Instant,
    now: Timestamp,
    number: u64,
    status: u16,
    outcome: Outcome,
    authenticated_by: Option<Method>,
    waiting: bool,
    request_id: Option<HeaderValue>,
    record: Option<Box<Record>>,
}

impl Exchange {
    /// Serves one request. It is over when the exchange is dropped: keep it as long as the answer's body.
    pub(crate) async fn serve(
        caller: Arc<Caller>,
        request: Request<Incoming>,
    ) -> (Response<ResponseBody>, Self) {
        let mut exchange = Self::begin(caller, request.method(), request.uri().path());
        let response = match exchange.pass(request).await {
            Ok(response) => response,
            Err(stop) => exchange.stop(&stop),
        };
        exchange.status = response.status().as_u16();
        // Until its body is found waiting for the upstream, the answer waits for the caller.
        exchange.waiting_for_upstream(false);
        (response, exchange)
    }

    fn begin(caller: Arc<Caller>, method: &http::Method, path: &str) -> Self {
        let number = caller.watch.begin();
        let record = log::is_on().then(|| Record::new(method, path, caller.peer.address()));
        Self {
            route: None,
            started: Instant::now(),
            now: caller.gateway.env.now(),
            number,
            status: 0,
            outcome: Outcome::Aborted,
            authenticated_by: None,
            waiting: true,
            request_id: None,
            record,
            caller,
        }
    }

    /// The walk of a request: hygiene, route, decision, identity, upstream.
    async fn pass(&mut self, request: Request<Incoming>) -> Result<Response<ResponseBody>, Stop> {
        if self.caller.watch.refuses(self.number) {
            return Err(Stop::Unframed);
        }
        let (mut head, body) = request.into_parts();
        let (route, target) = self.matched(&head)?;
        self.route = Some(Arc::clone(&route));
        let client = self
            .caller
            .forwarded
            .client_address(&head.headers, &self.caller.gateway.settings.trusted_proxies);
        let trusted = self.caller.forwarded.is_trusted();
        let connection = clean_request(&head.method, head.version, &mut head.headers, trusted)?;
        check_limits(&route, &connection, &head)?;
        self.take_request_id(&mut head);

        let permit = self.decide(&route, &head, &target, client).await?;
        if let Some(record) = &mut self.record {
            record.identified(client, permit.identity().map(|identity| &**identity));
        }
        self.authenticated_by = permit.identity().map(|identity| identity.method);

        // RFC 6455 §4.1: the handshake has no body. One with a body stays an ordinary request: nobody must take its rest
        // for the first bytes of the WebSocket.
        let may_upgrade = connection.websocket && route.websocket && body.is_end_stream();
        let upgrade = head.extensions.remove::<OnUpgrade>().filter(|_| may_upgrade).map(|upgrade| {
            let id = self.request_id().clone();
            (upgrade, Again::new(&self.caller, &head, &target, client, &id))
        });
        self.prepare(&permit, &route, &mut head)?;
        let outgoing = Outgoing {
            target: route.upstream_target(&target).ok_or(Refusal::BadPath)?,
            method: head.method,
            headers: head.headers,
            body,
            trailers: connection.trailers,
            ticked: self.caller.ticked,
            body_limit: route.limits.body,
            stall: self.caller.gateway.settings.timeouts.stall,
        };
        let answered = match upgrade {
            Some(asked) => self.websocket(&permit, &route, outgoing, asked).await,
            None => proxy::forward(&permit, &route.destination, outgoing).await,
        };
        match answered {
            Ok(mut response) => {
                self.outcome = Outcome::Passed;
                permit.complete(response.headers_mut());
                Ok(response)
            }
            Err(fault) => {
                log::not_forwarded(&fault, &route.name, client, self.request_id());
                Err(Stop::Problem(Problem::of(&fault)))
            }
        }
    }

    /// The route, and the target in the form that was matched.
    fn matched(&self, head: &Parts) -> Result<(Arc<Route>, PathAndQuery), Stop> {
        let asked = hygiene::target(&head.method, &head.uri, head.version, &head.headers)?;
        let Asked::Resource(target) = asked else { return Err(Stop::Options) };
        let routes = self.caller.gateway.routes.load();
        if let Some(document) = routes.resource_metadata(&target.host, target.path_and_query.path()) {
            return Err(match head.method {
                http::Method::GET | http::Method::HEAD => Stop::ResourceMetadata(Some(document.clone())),
                http::Method::OPTIONS => Stop::ResourceMetadata(None),
                _ => Refusal::Method.into(),
            });
        }
        match routes.find(&target.host, target.path_and_query.path()) {
            Some(route) => Ok((Arc::clone(route), target.path_and_query)),
            None => Err(Stop::Problem(Problem::NO_ROUTE)),
        }
    }

    /// A name that a trusted proxy gave stays; what others sent is gone already.
    fn take_request_id(&mut self, head: &mut Parts) {
        match head.headers.get(REQUEST_ID).filter(|given| is_acceptable(given)) {
            Some(given) => self.request_id = Some(given.clone()),
            None => {
                let id = self.request_id().clone();
                head.headers.insert(REQUEST_ID, id);
            }
        }
    }

    async fn decide(
        &self,
        route: &Route,
        head: &Parts,
        target: &PathAndQuery,
        client: std::net::IpAddr,
    ) -> Result<Permit, Stop> {
        let caller = &self.caller;
        let parts = RequestParts {
            method: &head.method,
            authority: authority(head),
            path: target.path(),
            query: target.query(),
            headers: &head.headers,
            client_address: client,
            secure: caller.is_secure(&head.headers),
        };
        match caller.gateway.access.check(&parts, &caller.peer, &route.rule, self.now).await {
            Decision::Allow(permit) => Ok(permit),
            Decision::Deny(denial) => {
                let unnamed = HeaderValue::from_static("");
                let id = self.request_id.as_ref().unwrap_or(&unnamed);
                log::denied(&denial, &route.name, (&head.method, target.path()), client, id);
                Err(Stop::Denied(Box::new(denial)))
            }
        }
    }

    /// Writes what the upstream is to see beside the caller's own words.
    fn prepare(&self, permit: &Permit, route: &Route, head: &mut Parts) -> Result<(), Stop> {
        let headers = &mut head.headers;
        if head.version == Version::HTTP_2 {
            join_cookies(headers);
        }
        if let Some(referer) = headers.get(REFERER)
            && let Some(public) = self.caller.gateway.routes.load().public_referer(referer)
        {
            headers.insert(REFERER, public);
        }
        // HTTP/2 says its host in the target.
        if let Some(authority) = head.uri.authority()
            && !headers.contains_key(HOST)
            && let Ok(host) = HeaderValue::from_str(authority.as_str())
        {
            headers.insert(HOST, host);
        }
        if head.method == http::Method::OPTIONS
            && let Some(left) = headers.get(MAX_FORWARDS)
        {
            // RFC 9110 §7.6.2: the last one answers, the others count down.
            let left =
                left.to_str().ok().and_then(|left| left.parse::<u32>().ok()).ok_or(Refusal::TargetForm)?;
            let left = left.checked_sub(1).ok_or(Stop::Options)?;
            headers.insert(MAX_FORWARDS, HeaderValue::from(left));
        }
        self.caller.forwarded.apply(headers);
        self.caller.gateway.identity.apply(permit, route, headers, self.now).map_err(|error| {
            tracing::error!(%error, "no identity for the upstream");
            Stop::Problem(Problem::NO_IDENTITY)
        })
    }

    async fn websocket(
        &self,
        permit: &Permit,
        route: &Route,
        outgoing: Outgoing,
        (upgrade, again): (OnUpgrade, Again),
    ) -> Result<Response<ResponseBody>, proxy::Fault> {
        let (response, tunnel) = proxy::open_websocket(permit, &route.destination, outgoing, upgrade).await?;
        if let Some(mut tunnel) = tunnel {
            let ends = permit.identity().map_or(Timestamp::MAX, |identity| identity.expires_at);
            if ends != Timestamp::MAX {
                tunnel.ends_after(ends.since(self.now));
            }
            tunnel.ends_with(again.until_denied());
            self.caller.watch.upgrade();
            self.caller.leave_tunnel(tunnel);
        }
        Ok(response)
    }

    /// The answer to a request that goes no further.
    fn stop(&mut self, stop: &Stop) -> Response<ResponseBody> {
        let client = self.caller.peer.address();
        let id = self.request_id().clone();
        match stop {
            Stop::Refused(refusal) => {
                self.outcome = Outcome::Refused;
                log::refused(*refusal, client, Some(&id));
                answer::problem(Problem::from(*refusal), &id)
            }
            Stop::Unframed => {
                self.outcome = Outcome::Refused;
                log::refused(Refusal::Framing, client, Some(&id));
                let mut response = answer::problem(Problem::from(Refusal::Framing), &id);
                answer::and_close(&mut response);
                response
            }
            Stop::Denied(denial) => {
                self.outcome = Outcome::Denied;
                self.authenticated_by = denial.method();
                answer::denial(denial, &id)
            }
            Stop::Problem(problem) => {
                self.outcome = problem.outcome;
                answer::problem(*problem, &id)
            }
            Stop::Options => {
                self.outcome = Outcome::Passed;
                answer::options(&id)
            }
            Stop::ResourceMetadata(document) => {
                self.outcome = Outcome::Passed;
                answer::resource_metadata(document.as_ref(), &id)
            }
        }
    }

    fn request_id(&mut self) -> &HeaderValue {
        let Self { caller, now, number, request_id, .. } = self;
        request_id.get_or_insert_with(|| caller.ids.name(*now, *number))
    }

    /// Whether the next piece of the answer has to come from the upstream, not to go to the caller.
    pub(crate) fn waiting_for_upstream(&mut self, waits: bool) {
        if self.waiting != waits {
            self.waiting = waits;
            self.caller.watch.waits(self.number, waits);
        } else if !waits {
            self.caller.watch.moved(self.number);
        }
    }

    /// The answer broke off.
    pub(crate) fn body_fault(&mut self, fault: BodyFault) {
        self.outcome = match fault {
            BodyFault::UpstreamStalled => Outcome::UpstreamTimedOut,
            BodyFault::UpstreamGone => Outcome::UpstreamFailed,
            BodyFault::TooLarge => Outcome::TooLarge,
            BodyFault::CallerStalled | BodyFault::CallerGone => Outcome::Aborted,
        };
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if self.waiting {
            self.caller.watch.waits(self.number, false);
        }
        self.caller.watch.end(self.number);
        let duration = self.started.elapsed();
        let meters = self.route.as_ref().map_or(&self.caller.gateway.meters, |route| &route.meters);
        meters.record(self.authenticated_by, self.outcome, duration);
        if let Some(record) = &self.record {
            let unnamed = HeaderValue::from_static("");
            log::Ended {
                record,
                route: self.route.as_ref().map_or("-", |route| &route.name),
                status: self.status,
                duration,
                authenticated_by: self.authenticated_by,
                outcome: self.outcome,
                request_id: self.request_id.as_ref().unwrap_or(&unnamed),
            }
            .log();
        }
    }
}

/// The host as the caller wrote it: hygiene has seen to it that there is one.
fn authority(head: &Parts) -> &str {
    let host = || head.headers.get(HOST).and_then(|host| host.to_str().ok());
    head.uri.authority().map(http::uri::Authority::as_str).or_else(host).unwrap_or_default()
}

/// What the route allows a request to carry, as far as its head tells.
fn check_limits(route: &Route, connection: &Connection, head: &Parts) -> Result<(), Stop> {
    if connection.count > route.limits.header_count || connection.bytes > route.limits.header_bytes {
        return Err(Refusal::TooManyHeaders.into());
    }
    let length =
        head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > route.limits.body) {
        return Err(Stop::Problem(Problem::TOO_LARGE));
    }
    Ok(())
}
