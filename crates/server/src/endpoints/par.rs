//! The pushed authorization request endpoint (RFC 9126 §2).

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::client_request::{ClientRequest, json, offer_nonce, refusal, too_many, unreadable};
use crate::endpoints::Endpoint;
use crate::state::AppState;

/// `POST /par`
pub(crate) async fn par(State(state): State<AppState>, request: Request) -> Response {
    let request = match ClientRequest::read(&state, Endpoint::Par, request).await {
        Ok(request) => request,
        Err(refused) => return refused,
    };
    let parameters = match request.parameters() {
        Ok(parameters) => parameters,
        Err(bad) => return unreadable(bad),
    };
    let call = request.call(&parameters);
    let turn = match request.turn(&state, &call) {
        Ok(turn) => turn,
        Err(refused) => return too_many(refused),
    };
    let answer = state.engine().push(&call).await;
    turn.ended(&answer);
    match answer {
        // RFC 9126 §2.2.
        Ok(answer) => {
            let mut response = json(StatusCode::CREATED, answer.to_json());
            offer_nonce(&mut response, answer.dpop_nonce.as_deref());
            response
        }
        Err(error) => refusal(&error),
    }
}
