//! Token introspection (RFC 7662), signed where the caller asks for it (RFC 9701).

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use countersign_oauth::SIGNED_INTROSPECTION;

use crate::client_request::{answered, json, refusal};
use crate::endpoints::Endpoint;
use crate::state::AppState;

/// `POST /introspect`
pub(crate) async fn introspect(State(state): State<AppState>, request: Request) -> Response {
    let signed = asks_for_signed(request.headers());
    let answer = answered(&state, Endpoint::Introspect, request, async |call| {
        if signed {
            let signed = state.engine().introspect_signed(call).await?;
            return Ok((SIGNED_INTROSPECTION, Body::from(signed)));
        }
        let document = state.engine().introspect(call).await?;
        Ok(("application/json", Body::from(document)))
    });
    match answer.await {
        Ok(Ok((media, body))) => {
            let mut response = json(StatusCode::OK, body);
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
            response
        }
        Ok(Err(error)) => refusal(&error),
        Err(refused) => refused.response(),
    }
}

/// RFC 9701 §4: `Accept` names the media type, and not with a weight of nothing (RFC 9110 §12.4.2).
fn asks_for_signed(headers: &HeaderMap) -> bool {
    let fields = headers.get_all(ACCEPT).iter().filter_map(|field| field.to_str().ok());
    fields.flat_map(|field| field.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        parts.next().is_some_and(|media| media.eq_ignore_ascii_case(SIGNED_INTROSPECTION))
            && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}
