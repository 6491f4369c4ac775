//! Token introspection (RFC 7662), signed where the caller asks for it (RFC 9701).

use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use countersign_oauth::SIGNED_INTROSPECTION;

use crate::client_request::{ClientRequest, json, refusal, too_many, unreadable};
use crate::endpoints::Endpoint;
use crate::state::AppState;

/// `POST /introspect`
pub(crate) async fn introspect(State(state): State<AppState>, request: Request) -> Response {
    let signed = asks_for_signed(request.headers());
    let request = match ClientRequest::read(&state, Endpoint::Introspect, request).await {
        Ok(request) => request,
        Err(refused) => return refused,
    };
    let parameters = match request.parameters() {
        Ok(parameters) => parameters,
        Err(bad) => return unreadable(bad),
    };
    let call = request.call(&parameters);
    let turn = match request.turn(&state, &call) {
        Ok(turn) => turn,
        Err(refused) => return too_many(refused),
    };
    if signed {
        let answer = state.engine().introspect_signed(&call).await;
        turn.ended(&answer);
        return match answer {
            Ok(answer) => {
                let mut response = json(StatusCode::OK, answer);
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(SIGNED_INTROSPECTION));
                response
            }
            Err(error) => refusal(&error),
        };
    }
    let answer = state.engine().introspect(&call).await;
    turn.ended(&answer);
    match answer {
        Ok(answer) => json(StatusCode::OK, answer),
        Err(error) => refusal(&error),
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
