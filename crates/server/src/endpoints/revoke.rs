//! Token revocation (RFC 7009).

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::response::Response;

use crate::client_request::{ClientRequest, refusal, unreadable};
use crate::state::AppState;

/// `POST /revoke`
pub(crate) async fn revoke(State(state): State<AppState>, request: Request) -> Response {
    let request = match ClientRequest::read(request).await {
        Ok(request) => request,
        Err(bad) => return unreadable(bad),
    };
    let parameters = match request.parameters() {
        Ok(parameters) => parameters,
        Err(bad) => return unreadable(bad),
    };
    match state.engine().revoke(&request.call(&parameters)).await {
        // RFC 7009 §2.2: 200, also for a token that never was; the body says nothing.
        Ok(()) => {
            let mut response = Response::new(Body::empty());
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err(error) => refusal(&error),
    }
}
