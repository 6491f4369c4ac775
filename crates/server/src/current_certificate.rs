//! A connection may be older than a revocation and may outlive its certificate: one that no longer counts is taken off
//! before any endpoint sees the request, so that none forgets to look.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use countersign_access::Peer;

use crate::state::AppState;

/// The layer.
pub(crate) async fn current_certificate(
    State(state): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    let now = state.env().now();
    let outdated = request.extensions().get::<Arc<Peer>>().filter(|peer| {
        peer.certificate().is_some_and(|shown| !state.access().certificate_is_current(shown, now))
    });
    if let Some(address) = outdated.map(|peer| peer.address()) {
        tracing::debug!(%address, "a connection's certificate no longer counts");
        request.extensions_mut().insert(Arc::new(Peer::new(address, None)));
    }
    next.run(request).await
}
