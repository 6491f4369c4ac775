//! Who is signed in in this browser.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use crate::failure::Failure;
use crate::onward::Onward;
use crate::pages::{AccountPage, Destinations, Moment, page};
use crate::state::AppState;

/// `GET /account`
pub(crate) async fn account(State(state): State<AppState>, headers: HeaderMap) -> Result<Response, Failure> {
    let signed_in = state.person(&headers, Onward::Account).await?;
    let (user, session) = (&signed_in.user, &signed_in.session);
    let template = AccountPage {
        frame: state.frame(),
        person: signed_in.name(),
        username: user.username.as_str(),
        email: user.email.as_deref(),
        email_verified: user.email_verified,
        people_register: state.engine().settings().registration.people.is_some(),
        since: Moment::new(session.auth_time),
        until: Moment::new(session.expires_at),
    };
    Ok(page(StatusCode::OK, &template, &Destinations::own()))
}
