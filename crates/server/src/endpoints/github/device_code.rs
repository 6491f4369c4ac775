//! `POST /login/device/code`: the device authorization endpoint (RFC 8628 §3.1).

use axum::Extension;
use axum::extract::{Request, State};
use axum::response::Response;

use super::answer::{Wanted, object};
use super::authorize::with_spaces;
use crate::client_address::ClientAddress;
use crate::client_request::{ClientRequest, too_many, unreadable};
use crate::endpoints::Endpoint;
use crate::state::AppState;

/// `POST /login/device/code`
pub(crate) async fn device_code(
    State(state): State<AppState>,
    Extension(address): Extension<ClientAddress>,
    request: Request,
) -> Response {
    let wanted = Wanted::of(request.headers());
    let request = match ClientRequest::read(&state, Endpoint::GithubDeviceCode, request).await {
        Ok(request) => request,
        Err(refused) => return refused,
    };
    let parameters = match request.parameters() {
        Ok(parameters) => parameters.with_rewritten("scope", with_spaces),
        Err(bad) => return unreadable(bad),
    };
    let call = request.call(&parameters);
    let turn = match request.turn(&state, &call) {
        Ok(turn) => turn,
        Err(refused) => return too_many(refused),
    };
    let answer = state.engine().device_authorization(&call, Some(address.0)).await;
    turn.ended(&answer);
    match answer {
        Ok(codes) => wanted.answer(object(serde_json::from_slice(&codes.to_json()).unwrap_or_default())),
        Err(error) => wanted.refusal(&error),
    }
}
