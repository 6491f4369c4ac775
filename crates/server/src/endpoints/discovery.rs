//! The server's metadata (RFC 8414, OpenID Connect Discovery 1.0).

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use bytes::Bytes;
use countersign_oauth::Engine;
use countersign_store::Store;

use crate::document::Document;
use crate::state::AppState;

/// Where it is: OpenID Connect Discovery §4 puts the well-known part behind the issuer's path, RFC 8414 §3.1 before
/// it. People mix them up, so both documents are in both places.
pub(crate) fn addresses(base: &str) -> Vec<String> {
    let names = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];
    let behind = names.map(|name| format!("{base}{name}"));
    let before = names.map(|name| format!("{name}{base}"));
    if base.is_empty() { behind.to_vec() } else { behind.into_iter().chain(before).collect() }
}

/// Made once: it changes with the configuration alone.
pub(crate) fn document(engine: &Engine<Store>) -> Document {
    let cache = HeaderValue::from_static("public, max-age=300");
    Document::new(Bytes::copy_from_slice(&engine.metadata()), "application/json", cache)
}

/// `GET /.well-known/openid-configuration`, `GET /.well-known/oauth-authorization-server`
pub(crate) async fn discovery(State(state): State<AppState>, headers: HeaderMap) -> Response {
    state.metadata().answer(&headers)
}
