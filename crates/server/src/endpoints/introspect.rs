//! Token introspection (RFC 7662).

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::client_request::{ClientRequest, json, refusal, unreadable};
use crate::state::AppState;

/// `POST /introspect`
pub(crate) async fn introspect(State(state): State<AppState>, request: Request) -> Response {
    let request = match ClientRequest::read(request).await {
        Ok(request) => request,
        Err(bad) => return unreadable(bad),
    };
    let parameters = match request.parameters() {
        Ok(parameters) => parameters,
        Err(bad) => return unreadable(bad),
    };
    match state.engine().introspect(&request.call(&parameters)).await {
        Ok(answer) => json(StatusCode::OK, answer),
        Err(error) => refusal(&error),
    }
}
