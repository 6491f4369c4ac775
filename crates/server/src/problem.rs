//! Answers of last resort: a problem document (RFC 9457) for programs, a page for people.

use axum::body::Body;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use countersign_model::RequestId;

/// A problem document without a type of its own (RFC 9457 §4.2.1: then the status says it all).
pub(crate) fn problem(status: StatusCode, detail: &str, request_id: Option<&RequestId>) -> Response {
    let mut document = serde_json::Map::new();
    document.insert("title".to_owned(), status.canonical_reason().unwrap_or("Error").into());
    document.insert("status".to_owned(), status.as_u16().into());
    document.insert("detail".to_owned(), detail.into());
    if let Some(id) = request_id {
        document.insert("request_id".to_owned(), id.as_str().into());
    }
    let mut response = Response::new(Body::from(serde_json::Value::Object(document).to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Whether a person asks, as far as one can tell: browsers say `text/html`, programs don't.
pub(crate) fn wants_page(headers: &HeaderMap) -> bool {
    headers
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}
