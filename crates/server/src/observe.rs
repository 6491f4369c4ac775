//! Around every request: a request id, the limits on number and time, one line in the log, one count in the metrics.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use countersign_model::{AddressList, Env, RequestId};
use metrics::{Counter, Histogram};
use tokio::sync::Semaphore;

use crate::client_address::ClientAddress;
use crate::endpoints::Endpoint;
use crate::problem::problem;
use crate::settings::ServerSettings;

/// `X-Request-Id`: in the answer, the log and the documents alike.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What goes around every request.
pub(crate) struct Observer {
    env: Env,
    trusted_proxies: AddressList,
    slots: Semaphore,
    timeout: Duration,
    endpoints: HashMap<Box<str>, Endpoint>,
    meters: Vec<Meter>,
}

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
    pub(crate) fn new(settings: &ServerSettings, env: Env, endpoints: HashMap<Box<str>, Endpoint>) -> Self {
        Self {
            env,
            trusted_proxies: settings.trusted_proxies.clone(),
            slots: Semaphore::new(settings.limits.concurrent_requests),
            timeout: settings.limits.request_timeout,
            endpoints,
            meters: Endpoint::ALL.map(Meter::new).into(),
        }
    }

    fn endpoint(&self, request: &Request) -> Endpoint {
        let path = request.extensions().get::<MatchedPath>();
        path.and_then(|path| self.endpoints.get(path.as_str())).copied().unwrap_or(Endpoint::Unknown)
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

    let mut response = run(&observer, request, next, &id).await;
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, value);
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

/// Works on the request if there is a slot for it, for as long as it may take.
async fn run(observer: &Observer, request: Request, next: Next, id: &RequestId) -> Response {
    let Ok(_slot) = observer.slots.try_acquire() else {
        return unavailable("the server is working on as many requests as it may", id);
    };
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
