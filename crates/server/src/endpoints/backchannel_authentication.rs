//! The backchannel authentication endpoint (OpenID Connect CIBA §7).

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::client_address::ClientAddress;
use crate::client_request::{answered, json, refusal};
use crate::endpoints::Endpoint;
use crate::state::AppState;

/// `POST /bc-authorize`
pub(crate) async fn backchannel_authentication(
    State(state): State<AppState>,
    Extension(address): Extension<ClientAddress>,
    request: Request,
) -> Response {
    let answer = answered(&state, Endpoint::BackchannelAuthentication, request, async |call| {
        state.engine().backchannel_authentication(call, Some(address.0)).await
    });
    match answer.await {
        // CIBA §7.3.
        Ok(Ok(answer)) => json(StatusCode::OK, answer.to_json()),
        Ok(Err(error)) => refusal(&error),
        Err(refused) => refused.response(),
    }
}
