//! The authorization endpoint (RFC 6749 §3.1, OpenID Connect Core §3.1.2).

use axum::Extension;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use countersign_oauth::{AuthorizationResponse, Delivery, Parameters, Step};

use crate::body::read_form;
use crate::browser::Browser;
use crate::client_address::ClientAddress;
use crate::endpoints::Endpoint;
use crate::failure::Failure;
use crate::pages::{Destinations, FormPostPage, page, see_other};
use crate::params::{Params, query_text};
use crate::state::AppState;

/// `GET /authorize`
pub(crate) async fn get(
    State(state): State<AppState>,
    Extension(address): Extension<ClientAddress>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    state.rates().admit(Endpoint::Authorize, address.0, state.env().now())?;
    let parameters = Params::parse_repeated(query_text(query.as_deref())?)?.into_parameters();
    begin(&state, &headers, &parameters).await
}

/// `POST /authorize` (OpenID Connect Core §3.1.2.1: both must work). The request is the client's, not the person's: no
/// form of ours, so no form token; nothing happens without a page of ours that follows.
pub(crate) async fn post(
    State(state): State<AppState>,
    Extension(address): Extension<ClientAddress>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    state.rates().admit(Endpoint::Authorize, address.0, state.env().now())?;
    let body = read_form(&headers, body).await?;
    let parameters = Params::parse_repeated(&body)?.into_parameters();
    begin(&state, &headers, &parameters).await
}

pub(crate) async fn begin(
    state: &AppState,
    headers: &HeaderMap,
    parameters: &Parameters<'_>,
) -> Result<Response, Failure> {
    let session = state.session(headers).await?;
    let browser = Browser::known_or_new(state.cookies(), headers, state.env());
    let step = state.engine().begin(parameters, session.as_ref(), &browser.hash()).await?;
    let waits = !matches!(step, Step::Respond(_));
    let response = next(state, &step);
    Ok(if waits { browser.remembered(state.cookies(), response) } else { response })
}

/// Where the browser goes now: to a page of ours, or back to the client. Always by 303 (RFC 9700 §4.12).
pub(crate) fn next(state: &AppState, step: &Step) -> Response {
    let ours =
        |page: &str, interaction: &str| see_other(&state.path(&format!("/{page}?continue={interaction}")));
    match step {
        Step::SignIn(request) => ours("sign-in", request.interaction.expose()),
        Step::Consent(request) => ours("consent", request.interaction.expose()),
        Step::Respond(answer) => respond(state, answer),
    }
}

/// The answer, on its way to the client by way of the browser.
pub(crate) fn respond(state: &AppState, answer: &AuthorizationResponse) -> Response {
    match answer.delivery() {
        Delivery::Redirect(location) => see_other(&location),
        Delivery::Form(fields) => {
            let action = answer.redirect_uri().as_str();
            let template = FormPostPage { frame: state.frame(), action, fields };
            page(StatusCode::OK, &template, &Destinations::of([action].into_iter()).with_own_script())
        }
    }
}
