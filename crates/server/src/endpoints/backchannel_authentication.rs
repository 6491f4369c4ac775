//! The backchannel authentication endpoint (OpenID Connect CIBA §7).

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::client_address::ClientAddress;
use crate::client_request::{ClientRequest, json, refusal, too_many, unreadable};
use crate::endpoints::Endpoint;
use crate::state::AppState;

/// `POST /bc-authorize`
pub(crate) async fn backchannel_authentication(
    State(state): State<AppState>,
    Extension(address): Extension<ClientAddress>,
    request: Request,
) -> Response {
    let request = match ClientRequest::read(&state, Endpoint::BackchannelAuthentication, request).await {
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
    let answer = state.engine().backchannel_authentication(&call, Some(address.0)).await;
    turn.ended(&answer);
    match answer {
        // CIBA §7.3.
        Ok(answer) => json(StatusCode::OK, answer.to_json()),
        Err(error) => refusal(&error),
    }
}
