//! Which endpoints scripts of other origins may call (the CORS protocol, Fetch §3.3).
//!
//! Discovery, keys, token, revocation and userinfo take no cookie and no other ambient credential: a script that calls
//! them has whatever a program could send as well. So every origin is let in, without credentials; a list of origins
//! would protect nothing. Introspection is for servers and the pages are for people: neither has CORS.

use axum::extract::Request;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ALLOW,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

/// For endpoints that are read.
pub(crate) async fn open_for_get(request: Request, next: Next) -> Response {
    open(request, next, HeaderValue::from_static("GET, HEAD, OPTIONS")).await
}

/// For endpoints that forms are sent to.
pub(crate) async fn open_for_post(request: Request, next: Next) -> Response {
    open(request, next, HeaderValue::from_static("POST, OPTIONS")).await
}

/// For userinfo (OpenID Connect Core §5.3.1: both).
pub(crate) async fn open_for_both(request: Request, next: Next) -> Response {
    open(request, next, HeaderValue::from_static("GET, HEAD, POST, OPTIONS")).await
}

/// For what a client registered (RFC 7592 §2).
pub(crate) async fn open_for_management(request: Request, next: Next) -> Response {
    open(request, next, HeaderValue::from_static("GET, HEAD, PUT, DELETE, OPTIONS")).await
}

/// `OPTIONS` at an open endpoint: the layer around it says everything.
pub(crate) async fn preflight() -> StatusCode {
    StatusCode::NO_CONTENT
}

async fn open(request: Request, next: Next, methods: HeaderValue) -> Response {
    let is_options = request.method() == Method::OPTIONS;
    let is_preflight = is_options && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if is_preflight {
        let fields = HeaderValue::from_static("Authorization, Content-Type, DPoP");
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, fields);
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods.clone());
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
    }
    if is_options {
        headers.insert(ALLOW, methods);
    }
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("WWW-Authenticate, DPoP-Nonce, X-Request-Id, Retry-After"),
    );
    response
}
