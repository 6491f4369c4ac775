//! The device authorization endpoint (RFC 8628 §3.1).

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::client_address::ClientAddress;
use crate::client_request::{ClientRequest, json, refusal, unreadable};
use crate::state::AppState;

/// `POST /device_authorization`
pub(crate) async fn device_authorization(
    State(state): State<AppState>,
    Extension(address): Extension<ClientAddress>,
    request: Request,
) -> Response {
    let request = match ClientRequest::read(request).await {
        Ok(request) => request,
        Err(bad) => return unreadable(bad),
    };
    let parameters = match request.parameters() {
        Ok(parameters) => parameters,
        Err(bad) => return unreadable(bad),
    };
    match state.engine().device_authorization(&request.call(&parameters), Some(address.0)).await {
        Ok(answer) => json(StatusCode::OK, answer.to_json()),
        Err(error) => refusal(&error),
    }
}
