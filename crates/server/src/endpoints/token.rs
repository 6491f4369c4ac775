//! The token endpoint (RFC 6749 §3.2).

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::client_request::{answered, json, offer_nonce, refusal};
use crate::endpoints::Endpoint;
use crate::state::AppState;

/// `POST /token`
pub(crate) async fn token(State(state): State<AppState>, request: Request) -> Response {
    let answer = answered(&state, Endpoint::Token, request, async |call| state.engine().token(call).await);
    match answer.await {
        Ok(Ok(answer)) => {
            let mut response = json(StatusCode::OK, answer.to_json());
            offer_nonce(&mut response, answer.dpop_nonce.as_deref());
            response
        }
        Ok(Err(error)) => refusal(&error),
        Err(refused) => refused.response(),
    }
}
