//! The QR code of a device's address (RFC 8628 §3.3.1): for the code page, and for devices that show a picture rather
//! than draw one.

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use countersign_oauth::UserCode;
use fast_qr::convert::svg::SvgBuilder;
use fast_qr::qr::QRBuilder;

use crate::failure::Failure;
use crate::params::{Params, query_text};
use crate::problem::problem;
use crate::state::AppState;

/// `GET /device/qr?user_code=…`: an address of this server and nothing else, whatever is asked for, and no look at
/// whether the code is one.
pub(crate) async fn qr(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let query = Params::parse(query_text(query.as_deref())?)?;
    let code = query.one("user_code").and_then(UserCode::read).ok_or(Failure::NotFound)?;
    let address = state.engine().verification_uri_complete(code);
    let Ok(drawn) = QRBuilder::new(address).build() else {
        return Ok(problem(StatusCode::INTERNAL_SERVER_ERROR, "the address is too long for a QR code", None));
    };
    let mut response = Response::new(Body::from(SvgBuilder::default().to_str(&drawn)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("image/svg+xml"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // A picture, should somebody open it as a page.
    headers.insert("content-security-policy", HeaderValue::from_static("default-src 'none'; sandbox"));
    Ok(response)
}
