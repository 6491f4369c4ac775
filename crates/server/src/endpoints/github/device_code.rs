//! `POST /login/device/code`: the device authorization endpoint (RFC 8628 §3.1).

use axum::Extension;
use axum::extract::{Request, State};
use axum::response::Response;

use super::answer::{Wanted, object};
use crate::client_address::ClientAddress;
use crate::client_request::answered;
use crate::endpoints::Endpoint;
use crate::state::AppState;

/// `POST /login/device/code`
pub(crate) async fn device_code(
    State(state): State<AppState>,
    Extension(address): Extension<ClientAddress>,
    request: Request,
) -> Response {
    let wanted = Wanted::of(request.headers());
    let answer = answered(&state, Endpoint::GithubDeviceCode, request, async |call| {
        state.engine().device_authorization(call, Some(address.0)).await
    });
    match answer.await {
        Ok(Ok(codes)) => wanted.answer(object(serde_json::from_slice(&codes.to_json()).unwrap_or_default())),
        Ok(Err(error)) => wanted.refusal(&error),
        Err(refused) => refused.response(),
    }
}
