//! The client configuration endpoint (RFC 7592 §2): a client manages what it registered.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::register::{bearer, read, unreadable};
use crate::client_request::{json, refusal};
use crate::state::AppState;

/// `GET /register/{client_id}`
pub(crate) async fn show(
    State(state): State<AppState>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    match state.engine().registration(&id(path), bearer(&headers)).await {
        Ok(registered) => json(StatusCode::OK, registered.to_json()),
        Err(error) => refusal(&error),
    }
}

/// `PUT /register/{client_id}`
pub(crate) async fn replace(
    State(state): State<AppState>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let (parts, document) = match read(request).await {
        Ok(read) => read,
        Err(bad) => return unreadable(bad),
    };
    match state.engine().replace_registration(&id(path), bearer(&parts.headers), &document).await {
        Ok(registered) => json(StatusCode::OK, registered.to_json()),
        Err(error) => refusal(&error),
    }
}

/// `DELETE /register/{client_id}`
pub(crate) async fn delete(
    State(state): State<AppState>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    match state.engine().delete_registration(&id(path), bearer(&headers)).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => refusal(&error),
    }
}

/// The name in the path; one that is no text is no client's.
fn id(path: Result<Path<String>, PathRejection>) -> String {
    path.map(|Path(id)| id).unwrap_or_default()
}
