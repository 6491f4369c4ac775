//! The authority's revocation list (RFC 5280 §5), served as RFC 2585 §4 asks.

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use countersign_model::Timestamp;
use tokio::sync::Mutex;

use crate::client_request::COME_BACK;
use crate::problem::problem;
use crate::state::AppState;

/// Where it is.
pub(crate) const PATH: &str = "/ca/crl";

/// A list is signed anew this often at most, however often it is asked for.
const FRESH: Duration = Duration::from_secs(30);

/// The list that was signed last.
#[derive(Default)]
pub(crate) struct LastCrl(Mutex<Option<(Timestamp, Bytes)>>);

/// `GET /ca/crl`
pub(crate) async fn crl(State(state): State<AppState>) -> Response {
    let Some(authority) = state.authority() else {
        return problem(StatusCode::NOT_FOUND, "this server has no certificate authority", None);
    };
    let now = state.env().now();
    // Held while signing: of many who ask at once, one has it signed and the others get the same.
    let mut last = state.last_crl().0.lock().await;
    let der = match &*last {
        Some((made, der)) if now.since(*made) < FRESH && *made <= now => der.clone(),
        Some(_) | None => match authority.crl().await {
            Ok(crl) => {
                let der = Bytes::from(crl.der);
                *last = Some((now, der.clone()));
                der
            }
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
        },
    };
    drop(last);
    let mut response = Response::new(Body::from(der));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/pkix-crl"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=30"));
    response
}
