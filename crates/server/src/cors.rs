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
use axum::response::{IntoResponse as _, Response};

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

async fn open(request: Request, next: Next, methods: HeaderValue) -> Response {
    let mut response = if request.method() == Method::OPTIONS {
        let preflight = request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        let mut response = StatusCode::NO_CONTENT.into_response();
        let headers = response.headers_mut();
        if preflight {
            headers.insert(
                ACCESS_CONTROL_ALLOW_HEADERS,
                HeaderValue::from_static("Authorization, Content-Type, DPoP"),
            );
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods.clone());
            headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
        }
        headers.insert(ALLOW, methods);
        response
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("WWW-Authenticate, X-Request-Id, Retry-After"),
    );
    response
}
