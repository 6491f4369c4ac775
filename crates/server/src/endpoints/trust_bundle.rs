//! What others need to believe the authority's certificates: the root, as PEM.

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use crate::problem::problem;
use crate::state::AppState;

/// Where it is.
pub(crate) const PATH: &str = "/ca/bundle.pem";

/// `GET /ca/bundle.pem`
pub(crate) async fn trust_bundle(State(state): State<AppState>) -> Response {
    let Some(authority) = state.authority() else {
        return problem(StatusCode::NOT_FOUND, "this server has no certificate authority", None);
    };
    let mut response = Response::new(Body::from(authority.trust_bundle_pem()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/pem-certificate-chain"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}
