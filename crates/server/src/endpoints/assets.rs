//! Style sheet and icon. Their names hold a part of their hash, so a browser may keep them for ever.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use crate::name_in_path::NameInPath;
use crate::pages::ASSETS;
use crate::problem::problem;

/// `GET /assets/{name}`
pub(crate) async fn asset(NameInPath(name): NameInPath) -> Response {
    let Some(asset) = ASSETS.find(&name) else {
        return problem(StatusCode::NOT_FOUND, "there is no such file", None);
    };
    let mut response = Response::new(Body::from(asset.bytes));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
