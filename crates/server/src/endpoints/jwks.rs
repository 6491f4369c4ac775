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
        Some(last) if Arc::ptr_eq(&last.0, &published) => last.1.answer(&headers),
        Some(_) | None => {
            // Keys are published long before they sign, so five minutes of caching let no token down.
            let cache = HeaderValue::from_static("public, max-age=300");
            let body = Bytes::copy_from_slice(&published);
            let document = Document::new(body, "application/jwk-set+json", cache);
            let answer = document.answer(&headers);
            state.last_jwks().0.store(Some(Arc::new((published, document))));
            answer
        }
    }
}
