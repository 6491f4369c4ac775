//! `/healthz`: the process is alive. `/readyz`: it can do its work, and if not, which part can't.

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use crate::readiness::Readiness;

/// `GET /healthz`
pub(crate) async fn alive() -> Response {
    answer(StatusCode::OK, "{\"status\":\"alive\"}".to_owned())
}

/// `GET /readyz`
pub(crate) async fn ready(State(readiness): State<Readiness>) -> Response {
    let parts = readiness.parts().await;
    let (status, word) = if parts.iter().all(|(_, works)| *works) {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready")
    };
    let word_of = |works: bool| if works { "ok" } else { "failing" };
    let parts: serde_json::Map<_, _> =
        parts.into_iter().map(|(part, works)| (part.to_owned(), word_of(works).into())).collect();
    answer(status, serde_json::json!({ "status": word, "parts": parts }).to_string())
}

fn answer(status: StatusCode, json: String) -> Response {
    let mut response = Response::new(Body::from(json));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
