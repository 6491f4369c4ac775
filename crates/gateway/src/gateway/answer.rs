//! Answers of the gateway itself: `application/problem+json` (RFC 9457), each with the request's name.

use bytes::Bytes;
use countersign_access::{DPOP_NONCE, Denial};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL,
    CONNECTION, CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderValue, Response, StatusCode};

use crate::hygiene::Refusal;
use crate::meters::Outcome;
use crate::proxy::{BodyFault, Fault, ResponseBody};

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A problem: status and what the caller is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) detail: &'static str,
    pub(crate) outcome: Outcome,
}

impl Problem {
    pub(crate) const NO_ROUTE: Self = Self {
        status: StatusCode::NOT_FOUND,
        detail: "Nothing is served under this host and path.",
        outcome: Outcome::NoRoute,
    };
    pub(crate) const TOO_LARGE: Self = Self {
        status: StatusCode::PAYLOAD_TOO_LARGE,
        detail: "The request's body is larger than allowed here.",
        outcome: Outcome::TooLarge,
    };
    pub(crate) const NO_IDENTITY: Self = Self {
        status: StatusCode::SERVICE_UNAVAILABLE,
        detail: "The caller's identity can't be passed on at the moment.",
        outcome: Outcome::Failed,
    };

    /// The one place that turns a fault of forwarding into a status.
    pub(crate) fn of(fault: &Fault) -> Self {
        let (status, detail, outcome) = match fault {
            Fault::Connect(_) => {
                (StatusCode::BAD_GATEWAY, "The upstream can't be reached.", Outcome::UpstreamFailed)
            }
            Fault::NoServer => {
                (StatusCode::SERVICE_UNAVAILABLE, "No upstream is configured.", Outcome::UpstreamFailed)
            }
            Fault::Broken | Fault::BadAnswer => {
                (StatusCode::BAD_GATEWAY, "The upstream gave no valid answer.", Outcome::UpstreamFailed)
            }
            Fault::ConnectTimedOut | Fault::TimedOut => {
                (StatusCode::GATEWAY_TIMEOUT, "The upstream took too long.", Outcome::UpstreamTimedOut)
            }
            Fault::NotSupported => {
                (StatusCode::NOT_IMPLEMENTED, "The upstream speaks no WebSocket.", Outcome::Refused)
            }
            Fault::Body(BodyFault::TooLarge) => return Self::TOO_LARGE,
            Fault::Body(BodyFault::CallerStalled) => {
                (StatusCode::REQUEST_TIMEOUT, "The request's body did not arrive in time.", Outcome::Aborted)
            }
            Fault::Body(BodyFault::CallerGone | BodyFault::UpstreamStalled | BodyFault::UpstreamGone) => {
                (StatusCode::BAD_REQUEST, "The request's body broke off.", Outcome::Aborted)
            }
        };
        Self { status, detail, outcome }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self { status: refusal.status(), detail: refusal.detail(), outcome: Outcome::Refused }
    }
}

/// The answer to a problem.
pub(crate) fn problem(problem: Problem, request_id: &HeaderValue) -> Response<ResponseBody> {
    let title = problem.status.canonical_reason().unwrap_or("Error");
    let id = request_id.to_str().unwrap_or_default();
    let body = serde_json::json!({
        "type": "about:blank",
        "title": title,
        "status": problem.status.as_u16(),
        "detail": problem.detail,
        "request_id": id,
    });
    let mut response = with_body(problem.status, body.to_string(), request_id);
    if problem.status == StatusCode::METHOD_NOT_ALLOWED {
        // RFC 9110 §15.5.6: 405 says what is allowed.
        let allowed = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
        response.headers_mut().insert(http::header::ALLOW, allowed);
    }
    response
}

/// The answer to a denial.
pub(crate) fn denial(denial: &Denial, request_id: &HeaderValue) -> Response<ResponseBody> {
    let body = denial.problem(request_id.to_str().unwrap_or_default());
    let mut response = with_body(denial.status(), body, request_id);
    let headers = response.headers_mut();
    for challenge in denial.www_authenticate() {
        headers.append(WWW_AUTHENTICATE, challenge);
    }
    if let Some(nonce) = denial.dpop_nonce() {
        headers.insert(DPOP_NONCE, nonce.clone());
    }
    if let Some(wait) = denial.retry_after() {
        headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
    }
    response
}

/// The answer to `OPTIONS *` and to `OPTIONS` with no forwards left.
pub(crate) fn options(request_id: &HeaderValue) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::whole(Bytes::new()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(REQUEST_ID, request_id.clone());
    response
}

/// What a protected resource is (RFC 9728 §3.2). Pages of any origin may read it: it is public, and clients that run in
/// browsers need it. Without a document it is the answer to their preflight.
pub(crate) fn resource_metadata(
    document: Option<&Bytes>,
    request_id: &HeaderValue,
) -> Response<ResponseBody> {
    let mut response = match document {
        Some(document) => {
            let mut response = Response::new(ResponseBody::whole(document.clone()));
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
            response
        }
        None => {
            let mut response = options(request_id);
            let headers = response.headers_mut();
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET"));
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*"));
            response
        }
    };
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(REQUEST_ID, request_id.clone());
    response
}

/// Ends the connection after this answer.
pub(crate) fn and_close(response: &mut Response<ResponseBody>) {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
}

fn with_body(status: StatusCode, body: String, request_id: &HeaderValue) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::whole(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REQUEST_ID, request_id.clone());
    response
}
