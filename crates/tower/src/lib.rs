//! The access pipeline as a tower layer and extractor, for a Rust service that checks its own callers.
//!
//! [`AccessLayer`] checks every request against one [`Rule`] before the service sees it. A request that may pass
//! arrives with a [`Caller`] among its extensions; one that may not is answered with the status, the challenges and
//! the problem document of [`countersign_access::Denial`]. The layer knows nothing of any web framework: it fits
//! whatever speaks [`tower_service::Service`] over [`http::Request`].
//!
//! ```
//! use std::sync::Arc;
//!
//! use countersign_access::{Access, Rule, RuleSettings};
//! use countersign_model::SystemClock;
//! use countersign_tower::{AccessLayer, Caller};
//! use http::{Request, Response};
//! use tower_layer::Layer;
//!
//! fn protect<S>(access: Arc<Access>, service: S) -> impl Sized {
//!     let rule = Rule::new(RuleSettings {
//!         accept: vec![countersign_model::Method::Jwt],
//!         audience: Some("https://orders.example.com".to_owned()),
//!         scopes: "orders.read".parse().unwrap_or_default(),
//!         ..RuleSettings::default()
//!     })
//!     .expect("the rule is written by us");
//!     AccessLayer::new(access, rule, Arc::new(SystemClock)).layer(service)
//! }
//!
//! fn handler(request: &Request<()>) -> Response<String> {
//!     match Caller::of(request.extensions()) {
//!         Some(caller) => Response::new(format!("hello {}", caller.subject)),
//!         None => Response::new("hello stranger".to_owned()),
//!     }
//! }
//! ```
//!
//! # What the server must say
//!
//! The layer sees requests, not connections. Whoever accepts connections puts a [`Connection`] into the extensions of
//! each request: the peer with its certificate, the caller's address, and whether the connection is encrypted.
//! Without it the address is unknown, there is no certificate, and the connection counts as unencrypted: client
//! certificates, Basic and keys with an address list are then refused, tokens work.
//!
//! # What the service no longer sees
//!
//! A key in the URL is taken off the request's URI and of its `Referer`, and the answer then says `Referrer-Policy` and
//! `Cache-Control: private`. The header field that held the credential is marked sensitive, so that it does not print.
//! Every denial is one event of the `tracing` target `audit`, with its reason.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use countersign_access::{
    Access, Decision, Denial, Identity, Peer, Permit, Placement, RequestParts, Rule, public_referer,
};
use countersign_model::{Clock, Issuer, RequestId, Subject};
use http::header::{AUTHORIZATION, REFERER};
use http::uri::PathAndQuery;
use http::{Extensions, HeaderName, Request, Response, Uri};
use tower_layer::Layer;
use tower_service::Service;

/// What the server knows of the connection a request came on.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The other end.
    pub peer: Peer,
    /// Where the caller is: the peer, or what a trusted proxy says.
    pub client_address: IpAddr,
    /// Whether the caller's own connection is encrypted.
    pub secure: bool,
}

/// Who is calling. Among the extensions of every request that passed with a credential.
#[derive(Clone, Debug)]
pub struct Caller(Arc<Identity>);

impl Caller {
    /// The caller of a request; `None` when it is anonymous and the rule allows that.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }

    /// The identity, shared.
    #[must_use]
    pub fn identity(&self) -> &Arc<Identity> {
        &self.0
    }
}

impl Deref for Caller {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.0
    }
}

/// Puts the check in front of a service.
#[derive(Clone)]
pub struct AccessLayer {
    access: Arc<Access>,
    rule: Rule,
    clock: Arc<dyn Clock>,
}

impl AccessLayer {
    /// Checks every request against this rule.
    #[must_use]
    pub fn new(access: Arc<Access>, rule: Rule, clock: Arc<dyn Clock>) -> Self {
        Self { access, rule, clock }
    }
}

impl std::fmt::Debug for AccessLayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessLayer").field("rule", &self.rule.name()).finish_non_exhaustive()
    }
}

impl<S> Layer<S> for AccessLayer {
    type Service = AccessService<S>;

    fn layer(&self, inner: S) -> AccessService<S> {
        AccessService { layer: self.clone(), inner }
    }
}

/// A service behind the check. Made by [`AccessLayer`].
#[derive(Clone, Debug)]
pub struct AccessService<S> {
    layer: AccessLayer,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for AccessService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: From<String>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The service that was polled ready is the one that is called; its clone waits for the next request.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let layer = self.layer.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            match layer.check(&parts).await {
                Decision::Allow(permit) => {
                    layer.tidy(&mut parts, &permit);
                    if let Some(identity) = permit.identity() {
                        parts.extensions.insert(Caller(Arc::clone(identity)));
                    }
                    let mut response = inner.call(Request::from_parts(parts, body)).await?;
                    permit.complete(response.headers_mut());
                    Ok(response)
                }
                Decision::Deny(denial) => {
                    layer.report(&denial, &parts);
                    Ok(denial.response(request_id(&parts)).map(R::from))
                }
            }
        })
    }
}

impl AccessLayer {
    async fn check(&self, parts: &http::request::Parts) -> Decision {
        let unknown = || {
            let address = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
            Connection { peer: Peer::new(address, None), client_address: address, secure: false }
        };
        let connection = parts.extensions.get::<Connection>().cloned().unwrap_or_else(unknown);
        let request = RequestParts {
            method: &parts.method,
            authority: authority(parts),
            path: parts.uri.path(),
            query: parts.uri.query(),
            headers: &parts.headers,
            client_address: connection.client_address,
            secure: connection.secure,
        };
        self.access.check(&request, &connection.peer, &self.rule, self.clock.now()).await
    }

    /// One line for each denial, with its reason; neither query nor header is in it.
    fn report(&self, denial: &Denial, parts: &http::request::Parts) {
        let client = parts.extensions.get::<Connection>().map(|connection| connection.client_address);
        tracing::info!(
            target: "audit",
            event = "denied",
            reason = denial.reason(),
            rule = self.rule.name(),
            method = parts.method.as_str(),
            path = parts.uri.path(),
            status = denial.status().as_u16(),
            client = client.map(tracing::field::display),
            subject = denial.subject().map(Subject::as_str),
            issuer = denial.issuer().map(Issuer::as_str),
            request_id = request_id(parts),
            "request denied"
        );
    }

    /// Takes the credential out of what is logged.
    fn tidy(&self, parts: &mut http::request::Parts, permit: &Permit) {
        let mut hide = |name: &HeaderName| {
            if let Some(value) = parts.headers.get_mut(name) {
                value.set_sensitive(true);
            }
        };
        match permit.placement() {
            Placement::Authorization => hide(&AUTHORIZATION),
            Placement::Header(name) => hide(name),
            Placement::Query => {
                if let Some(uri) = self.public_uri(&parts.uri) {
                    parts.uri = uri;
                }
            }
            Placement::Nowhere | Placement::Certificate => {}
        }
        if let Some(referer) = parts.headers.get(REFERER)
            && let Some(public) = public_referer(referer, self.rule.key_parameter())
        {
            parts.headers.insert(REFERER, public);
        }
    }

    fn public_uri(&self, uri: &Uri) -> Option<Uri> {
        let query = self.rule.public_query(uri.query()?);
        let text = if query.is_empty() { uri.path().to_owned() } else { format!("{}?{query}", uri.path()) };
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = Some(PathAndQuery::try_from(text).ok()?);
        Uri::from_parts(parts).ok()
    }
}

/// The request's id as the server set it, or as the caller sent it, when that is harmless.
fn request_id(parts: &http::request::Parts) -> &str {
    let is_plain = |id: &&str| {
        (1..=64).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    let set = parts.extensions.get::<RequestId>().map(RequestId::as_str);
    let sent = || parts.headers.get("x-request-id").and_then(|id| id.to_str().ok()).filter(is_plain);
    set.or_else(sent).unwrap_or("none")
}

#[cfg(test)]
mod tests;

/// The host as the caller wrote it.
fn authority(parts: &http::request::Parts) -> &str {
    let host = || parts.headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
    parts.uri.authority().map(http::uri::Authority::as_str).or_else(host).unwrap_or_default()
}
