//! `/healthz`: the process is alive. `/readyz`: it can do its work, and if not, which part can't.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

/// Asks one part whether it can do its work; the error says why not, for the log.
pub type Check = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

/// How long a part may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The parts that must work for the server to be ready.
#[derive(Clone, Default)]
pub struct Readiness(Vec<(&'static str, Check)>);

impl Readiness {
    /// Adds a part under the name that the answer shows.
    #[must_use]
    pub fn with(mut self, part: &'static str, check: Check) -> Self {
        self.0.push((part, check));
        self
    }
}

impl std::fmt::Debug for Readiness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(part, _)| part)).finish()
    }
}

/// `GET /healthz`
pub(crate) async fn alive() -> Response {
    answer(StatusCode::OK, "{\"status\":\"alive\"}".to_owned())
}

/// `GET /readyz`
pub(crate) async fn ready(State(readiness): State<Readiness>) -> Response {
    let mut parts = serde_json::Map::new();
    let mut all_work = true;
    for (part, check) in &readiness.0 {
        let outcome = match tokio::time::timeout(PATIENCE, check()).await {
            Ok(outcome) => outcome,
            Err(_elapsed) => Err("no answer in time".to_owned()),
        };
        // Why goes to the log alone: the answer may be read by anybody.
        if let Err(why) = &outcome {
            tracing::warn!(part, why, "not ready");
            all_work = false;
        }
        parts.insert((*part).to_owned(), if outcome.is_ok() { "ok" } else { "failing" }.into());
    }
    let (status, word) =
        if all_work { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready") };
    answer(status, serde_json::json!({ "status": word, "parts": parts }).to_string())
}

fn answer(status: StatusCode, json: String) -> Response {
    let mut response = Response::new(Body::from(json));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
