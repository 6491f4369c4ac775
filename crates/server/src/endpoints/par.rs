//! The pushed authorization request endpoint (RFC 9126 §2).

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::client_request::{answered, json, offer_nonce, refusal};
use crate::endpoints::Endpoint;
use crate::state::AppState;

/// `POST /par`
pub(crate) async fn par(State(state): State<AppState>, request: Request) -> Response {
    let answer = answered(&state, Endpoint::Par, request, async |call| state.engine().push(call).await);
    match answer.await {
        // RFC 9126 §2.2.
        Ok(Ok(answer)) => {
            let mut response = json(StatusCode::CREATED, answer.to_json());
            offer_nonce(&mut response, answer.dpop_nonce.as_deref());
            response
        }
        Ok(Err(error)) => refusal(&error),
        Err(refused) => refused.response(),
    }
}
