//! The OpenAPI document of registration and management: for clients that are made from it, and for tools that hold us
//! to it.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use bytes::Bytes;

use crate::document::Document;
use crate::state::AppState;

/// Where it is.
pub(crate) const PATH: &str = "/openapi.json";

/// The document as it was written, but for the server's address.
const TEXT: &str = include_str!("openapi.json");
/// What stands for it there.
const ISSUER: &str = "https://issuer.example";

/// Made once: it changes with the issuer alone.
pub(crate) fn document(issuer: &str) -> Document {
    let cache = HeaderValue::from_static("public, max-age=300");
    // The issuer is a URL that was checked: nothing in it would end a text of JSON.
    Document::new(Bytes::from(TEXT.replace(ISSUER, issuer)), "application/json", cache)
}

/// `GET /openapi.json`
pub(crate) async fn openapi(State(state): State<AppState>, headers: HeaderMap) -> Response {
    state.openapi().answer(&headers)
}
