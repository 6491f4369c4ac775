//! Token revocation (RFC 7009).

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::response::Response;

use crate::client_request::{answered, refusal};
use crate::endpoints::Endpoint;
use crate::state::AppState;

/// `POST /revoke`
pub(crate) async fn revoke(State(state): State<AppState>, request: Request) -> Response {
    let answer = answered(&state, Endpoint::Revoke, request, async |call| state.engine().revoke(call).await);
    match answer.await {
        // RFC 7009 §2.2: 200, also for a token that never was; the body says nothing.
        Ok(Ok(())) => {
            let mut response = Response::new(Body::empty());
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Ok(Err(error)) => refusal(&error),
        Err(refused) => refused.response(),
    }
}
