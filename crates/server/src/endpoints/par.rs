//! The pushed authorization request endpoint (RFC 9126 §2).

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::client_request::{ClientRequest, json, refusal, unreadable};
use crate::state::AppState;

/// `POST /par`
pub(crate) async fn par(State(state): State<AppState>, request: Request) -> Response {
    let request = match ClientRequest::read(request).await {
        Ok(request) => request,
        Err(bad) => return unreadable(bad),
    };
    let parameters = match request.parameters() {
        Ok(parameters) => parameters,
        Err(bad) => return unreadable(bad),
    };
    match state.engine().push(&request.call(&parameters)).await {
        // RFC 9126 §2.2.
        Ok(answer) => json(StatusCode::CREATED, answer.to_json()),
        Err(error) => refusal(&error),
    }
}
