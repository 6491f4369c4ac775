//! `GET /login/oauth/authorize`: the authorization endpoint, for requests that leave out what RFC 6749 §4.1.1 wants named.

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;

use crate::client_address::ClientAddress;
use crate::endpoints::{Endpoint, authorize};
use crate::failure::Failure;
use crate::github_parameters::with_spaces;
use crate::params::{Params, query_text};
use crate::state::AppState;

/// `GET /login/oauth/authorize`
pub(crate) async fn authorize(
    State(state): State<AppState>,
    Extension(address): Extension<ClientAddress>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    state.rates().admit(Endpoint::GithubAuthorize, address.0, state.env().now())?;
    let parameters = Params::parse_repeated(query_text(query.as_deref())?)?.into_parameters();
    let parameters = parameters.with_default("response_type", "code").with_rewritten("scope", with_spaces);
    authorize::begin(&state, &headers, &parameters).await
}
