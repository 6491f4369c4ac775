//! The client configuration endpoint (RFC 7592 §2): a client manages what it registered.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::register::{bearer, read, unreadable};
use crate::client_request::{json, refusal};
use crate::name_in_path::NameInPath;
use crate::state::AppState;

/// `GET /register/{client_id}`
pub(crate) async fn show(
    State(state): State<AppState>,
    NameInPath(id): NameInPath,
    headers: HeaderMap,
) -> Response {
    match state.engine().registration(&id, bearer(&headers)).await {
        Ok(registered) => json(StatusCode::OK, registered.to_json()),
        Err(error) => refusal(&error),
    }
}

/// `PUT /register/{client_id}`
pub(crate) async fn replace(
    State(state): State<AppState>,
    NameInPath(id): NameInPath,
    request: Request,
) -> Response {
    let (parts, document) = match read(request).await {
        Ok(read) => read,
        Err(bad) => return unreadable(bad),
    };
    match state.engine().replace_registration(&id, bearer(&parts.headers), &document).await {
        Ok(registered) => json(StatusCode::OK, registered.to_json()),
        Err(error) => refusal(&error),
    }
}

/// `DELETE /register/{client_id}`
pub(crate) async fn delete(
    State(state): State<AppState>,
    NameInPath(id): NameInPath,
    headers: HeaderMap,
) -> Response {
    match state.engine().delete_registration(&id, bearer(&headers)).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => refusal(&error),
    }
}
