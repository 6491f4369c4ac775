//! The published keys (RFC 7517 §5).

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use crate::state::AppState;

/// `GET /jwks`
pub(crate) async fn jwks(State(state): State<AppState>, headers: HeaderMap) -> Response {
    let published = state.engine().jwks();
    state.last_jwks().answer(published.body, &published.cache_control, &headers)
}
