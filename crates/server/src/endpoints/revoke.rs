//! Token revocation (RFC 7009).

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::response::Response;

use crate::client_request::{ClientRequest, refusal, too_many, unreadable};
use crate::endpoints::Endpoint;
use crate::state::AppState;

/// `POST /revoke`
pub(crate) async fn revoke(State(state): State<AppState>, request: Request) -> Response {
    let request = match ClientRequest::read(&state, Endpoint::Revoke, request).await {
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
    let answer = state.engine().revoke(&call).await;
    turn.ended(&answer);
    match answer {
        // RFC 7009 §2.2: 200, also for a token that never was; the body says nothing.
        Ok(()) => {
            let mut response = Response::new(Body::empty());
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err(error) => refusal(&error),
    }
}
