//! The token endpoint (RFC 6749 §3.2).

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::client_request::{ClientRequest, json, offer_nonce, refusal, unreadable};
use crate::state::AppState;

/// `POST /token`
pub(crate) async fn token(State(state): State<AppState>, request: Request) -> Response {
    let request = match ClientRequest::read(request).await {
        Ok(request) => request,
        Err(bad) => return unreadable(bad),
    };
    let parameters = match request.parameters() {
        Ok(parameters) => parameters,
        Err(bad) => return unreadable(bad),
    };
    match state.engine().token(&request.call(&parameters)).await {
        Ok(answer) => {
            let mut response = json(StatusCode::OK, answer.to_json());
            offer_nonce(&mut response, answer.dpop_nonce.as_deref());
            response
        }
        Err(error) => refusal(&error),
    }
}
