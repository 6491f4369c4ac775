//! The client registration endpoint (RFC 7591 §3).

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use countersign_access::bearer_token;
use countersign_oauth::register::LARGEST_DOCUMENT;

use crate::body::{BadJson, read_json};
use crate::client_address::ClientAddress;
use crate::client_request::{json, refusal};
use crate::state::AppState;
use crate::throttle::Wait;

/// `POST /register`
pub(crate) async fn register(
    State(state): State<AppState>,
    Extension(address): Extension<ClientAddress>,
    request: Request,
) -> Response {
    if let Err(Wait(wait)) = state.registrations().take(address.0, state.env().now()) {
        return too_many(wait.as_secs().max(1));
    }
    let (parts, document) = match read(request).await {
        Ok(read) => read,
        Err(bad) => return unreadable(bad),
    };
    match state.engine().register(bearer(&parts.headers), &document).await {
        Ok(registered) => json(StatusCode::CREATED, registered.to_json()),
        Err(error) => refusal(&error),
    }
}

/// Head and document of a request.
pub(super) async fn read(request: Request<Body>) -> Result<(Parts, Bytes), BadJson> {
    let (parts, body) = request.into_parts();
    let document = read_json(&parts.headers, body, LARGEST_DOCUMENT).await?;
    Ok((parts, document))
}

/// The token of `Authorization: Bearer`. What is no such field reads as an empty token, which never counts.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    match (fields.next(), fields.next()) {
        (None, _) => None,
        (Some(field), None) => Some(bearer_token(field).unwrap_or_default()),
        // Two: which one would count is anybody's guess.
        (Some(_), Some(_)) => Some(""),
    }
}

/// A document that can't be read is an `invalid_client_metadata` (RFC 7591 §3.2.2).
pub(super) fn unreadable(bad: BadJson) -> Response {
    let status = match bad {
        BadJson::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        BadJson::WrongType | BadJson::Incomplete => StatusCode::BAD_REQUEST,
    };
    let body =
        serde_json::json!({ "error": "invalid_client_metadata", "error_description": bad.to_string() });
    json(status, body.to_string())
}

/// RFC 6585 §4.
fn too_many(seconds: u64) -> Response {
    let body = serde_json::json!({
        "error": "temporarily_unavailable",
        "error_description": "too many registrations from this address: see Retry-After",
    });
    let mut response = json(StatusCode::TOO_MANY_REQUESTS, body.to_string());
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}
