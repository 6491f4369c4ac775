//! The key set as it was sent last.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use bytes::Bytes;

use crate::document::Document;

/// The key set as it was sent last, for as long as the key ring has the same one.
#[derive(Default)]
pub(crate) struct LastJwks(ArcSwapOption<(Arc<[u8]>, Document)>);

impl LastJwks {
    /// The answer to who asks for what is published now, which may be kept for so long.
    pub(crate) fn answer(&self, body: Arc<[u8]>, cache_control: &str, headers: &HeaderMap) -> Response {
        let last = self.0.load();
        match &*last {
            Some(last) if Arc::ptr_eq(&last.0, &body) => last.1.answer(headers),
            Some(_) | None => {
                // Not longer than a key is published before it signs: who keeps to it meets no unknown signature.
                let cache = HeaderValue::from_str(cache_control);
                let cache = cache.unwrap_or(HeaderValue::from_static("no-cache"));
                let document =
                    Document::new(Bytes::copy_from_slice(&body), "application/jwk-set+json", cache);
                let answer = document.answer(headers);
                self.0.store(Some(Arc::new((body, document))));
                answer
            }
        }
    }
}
