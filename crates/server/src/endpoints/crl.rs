//! The authority's revocation list (RFC 5280 §5), served as RFC 2585 §4 asks.

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use crate::problem::problem;
use crate::state::AppState;
use crate::wait::COME_BACK;

/// Where it is.
pub(crate) const PATH: &str = "/ca/crl";

/// `GET /ca/crl`
pub(crate) async fn crl(State(state): State<AppState>) -> Response {
    let Some(authority) = state.authority() else {
        return problem(StatusCode::NOT_FOUND, "this server has no certificate authority", None);
    };
    let der = match state.last_crl().get(authority, state.env().now()).await {
        Ok(der) => der,
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the revocation list could not be made"
            );
            let detail = "the list can't be made at the moment";
            let mut response = problem(StatusCode::SERVICE_UNAVAILABLE, detail, None);
            // RFC 9110 §15.6.4.
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(COME_BACK));
            return response;
        }
    };
    let mut response = Response::new(Body::from(der));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/pkix-crl"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=30"));
    response
}
