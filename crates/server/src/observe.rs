//! Around every request: a request id, the limits on number and time, one line in the log, one count in the metrics.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{RETRY_AFTER, STRICT_TRANSPORT_SECURITY};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use countersign_model::{AddressList, Env, RequestId};
use metrics::{Counter, Histogram};
use url::{Host, Url};

use crate::client_address::ClientAddress;
use crate::endpoints::Endpoint;
use crate::problem::problem;
use crate::settings::ServerSettings;
use crate::slots::{Slot, Slots};

/// `X-Request-Id`: in the answer, the log and the documents alike.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What goes around every request.
pub(crate) struct Observer {
    env: Env,
    /// `Strict-Transport-Security`, where it is said.
    strict_transport: Option<HeaderValue>,
    trusted_proxies: AddressList,
    slots: Slots,
    timeout: Duration,
    endpoints: HashMap<Box<str>, Endpoint>,
    meters: Vec<Meter>,
}

/// There is no slot.
struct Busy;

/// The handles of one endpoint, made once: counting formats no label.
struct Meter {
    outcomes: [Counter; Outcome::ALL.len()],
    duration: Histogram,
}

/// How a request ended, in the words of the metrics.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    /// 1xx to 3xx.
    Answered,
    /// 4xx: the caller's doing.
    Refused,
    /// 5xx: our own.
    Failed,
}

impl Outcome {
    const ALL: [Self; 3] = [Self::Answered, Self::Refused, Self::Failed];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }

    fn of(status: StatusCode) -> Self {
        if status.is_server_error() {
            Self::Failed
        } else if status.is_client_error() {
            Self::Refused
        } else {
            Self::Answered
        }
    }
}

impl Meter {
    fn new(endpoint: Endpoint) -> Self {
        let counter = |outcome: Outcome| {
            metrics::counter!(
                "countersign_requests_total",
                "surface" => "server", "endpoint" => endpoint.as_str(), "outcome" => outcome.as_str()
            )
        };
        let duration = metrics::histogram!(
            "countersign_request_duration_seconds", "surface" => "server", "endpoint" => endpoint.as_str()
        );
        Self { outcomes: Outcome::ALL.map(counter), duration }
    }
}

impl Observer {
    pub(crate) fn new(
        settings: &ServerSettings,
        env: Env,
        endpoints: HashMap<Box<str>, Endpoint>,
        issuer: &str,
    ) -> Self {
        Self {
            strict_transport: strict_transport(settings.strict_transport_security, issuer),
            env,
            trusted_proxies: settings.trusted_proxies.clone(),
            slots: Slots::new(settings.limits.concurrent_requests),
            timeout: settings.limits.request_timeout,
            endpoints,
            meters: Endpoint::ALL.map(Meter::new).into(),
        }
    }

    fn endpoint(&self, request: &Request) -> Endpoint {
        let path = request.extensions().get::<MatchedPath>();
        path.and_then(|path| self.endpoints.get(path.as_str())).copied().unwrap_or(Endpoint::Unknown)
    }

    /// A slot to work on a request from there. Whether the process lives is told without: whoever asks would restart it.
    fn slot(&self, endpoint: Endpoint, address: ClientAddress) -> Result<Option<Slot<'_>>, Busy> {
        if endpoint == Endpoint::Health {
            return Ok(None);
        }
        self.slots.take(address.0).map(Some).ok_or(Busy)
    }

    fn count(&self, endpoint: Endpoint, status: StatusCode, took: Duration) {
        let Some(meter) = self.meters.get(endpoint as usize) else { return };
        if let Some(counter) = meter.outcomes.get(Outcome::of(status) as usize) {
            counter.increment(1);
        }
        meter.duration.record(took.as_secs_f64());
    }
}

/// The layer.
pub(crate) async fn observe(
    State(observer): State<Arc<Observer>>,
    mut request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let endpoint = observer.endpoint(&request);
    let id = RequestId::generate(observer.env.now(), observer.env.rng.as_ref());
    let address = ClientAddress::of(request.headers(), request.extensions(), &observer.trusted_proxies);
    let method = request.method().clone();
    // The path alone: a query may hold a code, a state or whatever a caller put there by mistake.
    let path = request.uri().path().chars().take(256).collect::<String>();
    request.extensions_mut().insert(address);
    request.extensions_mut().insert(id.clone());

    let mut response = match observer.slot(endpoint, address) {
        Ok(_slot) => run(&observer, request, next, &id).await,
        Err(Busy) => unavailable("the server is working on as many requests as it may", &id),
    };
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    if let Some(policy) = &observer.strict_transport {
        response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, policy.clone());
    }
    let (status, took) = (response.status(), began.elapsed());
    observer.count(endpoint, status, took);
    tracing::info!(
        target: "countersign::requests",
        surface = "server",
        endpoint = endpoint.as_str(),
        method = %method,
        path,
        status = status.as_u16(),
        micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        client = %address.0,
        request_id = %id,
        "request"
    );
    response
}

/// RFC 6797 §7.2: of a host that is reached by https, whoever ends the TLS. §8.1.1: an address is no host that could be
/// known by it; and `localhost` is every developer's.
fn strict_transport(life: Duration, issuer: &str) -> Option<HeaderValue> {
    let url = Url::parse(issuer).ok().filter(|url| url.scheme() == "https" && !life.is_zero())?;
    let is_known = match url.host()? {
        Host::Domain(name) => name != "localhost" && !name.ends_with(".localhost"),
        Host::Ipv4(_) | Host::Ipv6(_) => false,
    };
    let policy = HeaderValue::from_str(&format!("max-age={}", life.as_secs())).ok();
    policy.filter(|_| is_known)
}

/// Works on the request for as long as it may take.
async fn run(observer: &Observer, request: Request, next: Next, id: &RequestId) -> Response {
    match tokio::time::timeout(observer.timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_elapsed) => unavailable("the request took too long", id),
    }
}

fn unavailable(detail: &str, id: &RequestId) -> Response {
    let mut response = problem(StatusCode::SERVICE_UNAVAILABLE, detail, Some(id));
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_held_to_https_where_there_is_a_name_to_hold_them_to() {
        let said = |seconds: u64, issuer: &str| {
            let policy = strict_transport(Duration::from_secs(seconds), issuer)?;
            Some(policy.to_str().unwrap().to_owned())
        };
        assert_eq!(said(3_600, "https://id.example").as_deref(), Some("max-age=3600"));
        assert_eq!(said(3_600, "https://id.example:8443/auth").as_deref(), Some("max-age=3600"));
        assert_eq!(said(0, "https://id.example"), None);
        for issuer in [
            "http://id.example",
            "https://localhost:8400",
            "https://a.localhost",
            "https://192.0.2.1",
            "https://[::1]",
        ] {
            assert_eq!(said(3_600, issuer), None, "{issuer}");
        }
    }
}
