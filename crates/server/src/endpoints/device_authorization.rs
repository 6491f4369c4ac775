//! The device authorization endpoint (RFC 8628 §3.1).

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::client_address::ClientAddress;
use crate::client_request::{answered, json, refusal};
use crate::endpoints::Endpoint;
use crate::state::AppState;

/// `POST /device_authorization`
pub(crate) async fn device_authorization(
    State(state): State<AppState>,
    Extension(address): Extension<ClientAddress>,
    request: Request,
) -> Response {
    let answer = answered(&state, Endpoint::DeviceAuthorization, request, async |call| {
        state.engine().device_authorization(call, Some(address.0)).await
    });
    match answer.await {
        Ok(Ok(answer)) => json(StatusCode::OK, answer.to_json()),
        Ok(Err(error)) => refusal(&error),
        Err(refused) => refused.response(),
    }
}
