//! The client configuration endpoint (RFC 7592 §2): a client manages what it registered.

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::Endpoint;
use super::register::{bearer, read, unreadable};
use crate::client_address::ClientAddress;
use crate::client_request::{json, refusal, too_many};
use crate::name_in_path::NameInPath;
use crate::state::AppState;

/// `GET /register/{client_id}`
pub(crate) async fn show(
    State(state): State<AppState>,
    Extension(address): Extension<ClientAddress>,
    NameInPath(id): NameInPath,
    headers: HeaderMap,
) -> Response {
    if let Err(wait) = state.rates().admit(Endpoint::Registration, address.0, state.env().now()) {
        return too_many(wait);
    }
    match state.engine().registration(&id, bearer(&headers)).await {
        Ok(registered) => json(StatusCode::OK, registered.to_json()),
        Err(error) => refusal(&error),
    }
}

/// `PUT /register/{client_id}`
pub(crate) async fn replace(
    State(state): State<AppState>,
    Extension(address): Extension<ClientAddress>,
    NameInPath(id): NameInPath,
    request: Request,
) -> Response {
    if let Err(wait) = state.rates().admit(Endpoint::Registration, address.0, state.env().now()) {
        return too_many(wait);
    }
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
    Extension(address): Extension<ClientAddress>,
    NameInPath(id): NameInPath,
    headers: HeaderMap,
) -> Response {
    if let Err(wait) = state.rates().admit(Endpoint::Registration, address.0, state.env().now()) {
        return too_many(wait);
    }
    match state.engine().delete_registration(&id, bearer(&headers)).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => refusal(&error),
    }
}
