//! The published keys (RFC 7517 §5).

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use bytes::Bytes;

use crate::document::Document;
use crate::state::AppState;

/// The key set as it was sent last, for as long as the key ring has the same one.
#[derive(Default)]
pub(crate) struct LastJwks(ArcSwapOption<(Arc<[u8]>, Document)>);

/// `GET /jwks`
pub(crate) async fn jwks(State(state): State<AppState>, headers: HeaderMap) -> Response {
    let published = state.engine().jwks();
    let last = state.last_jwks().0.load();
    match &*last {
        Some(last) if Arc::ptr_eq(&last.0, &published.body) => last.1.answer(&headers),
        Some(_) | None => {
            // Not longer than a key is published before it signs: who keeps to it meets no unknown signature.
            let cache = HeaderValue::from_str(&published.cache_control);
            let cache = cache.unwrap_or(HeaderValue::from_static("no-cache"));
            let body = Bytes::copy_from_slice(&published.body);
            let document = Document::new(body, "application/jwk-set+json", cache);
            let answer = document.answer(&headers);
            state.last_jwks().0.store(Some(Arc::new((published.body, document))));
            answer
        }
    }
}
