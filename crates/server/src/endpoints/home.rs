//! What this server is, for whoever types its address.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::pages::{Destinations, HomePage, page};
use crate::state::AppState;

/// `GET /`
pub(crate) async fn home(State(state): State<AppState>) -> Response {
    let frame = state.frame();
    let discovery = format!("{}/.well-known/openid-configuration", frame.base);
    let settings = state.engine().settings();
    let (issuer, jwks) = (&settings.issuer, &settings.endpoints.jwks);
    let template = HomePage { frame, issuer, discovery: &discovery, jwks };
    page(StatusCode::OK, &template, &Destinations::own())
}
