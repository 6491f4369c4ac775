//! Signing out of this server, in this browser.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use crate::browser::{Browser, Form};
use crate::cookies::Cookie;
use crate::failure::Failure;
use crate::page_form::PageForm;
use crate::pages::{Destinations, SignOutPage, SignedOutPage, page, see_other};
use crate::state::AppState;

/// `GET /sign-out`: asks first, because a link alone must not sign anybody out.
pub(crate) async fn show(State(state): State<AppState>, headers: HeaderMap) -> Result<Response, Failure> {
    let Some(signed_in) = state.signed_in(&headers).await? else {
        return Ok(see_other(&state.path("/signed-out")));
    };
    let browser = Browser::known_or_new(state.cookies(), &headers, state.env());
    let csrf = browser.form_token(Form::SignOut, signed_in.session.id.as_str());
    let revokes = state.engine().settings().sign_out_revokes;
    let template = SignOutPage { frame: state.frame(), person: signed_in.name(), csrf: &csrf, revokes };
    Ok(browser.remembered(state.cookies(), page(StatusCode::OK, &template, &Destinations::own())))
}

/// `POST /sign-out`
pub(crate) async fn submit(State(state): State<AppState>, form: PageForm) -> Result<Response, Failure> {
    let Some(signed_in) = state.signed_in(form.headers()).await? else {
        return Ok(see_other(&state.path("/signed-out")));
    };
    form.check(&state, Form::SignOut, signed_in.session.id.as_str())?;
    if form.one("decision") != Some("yes") {
        return Ok(see_other(&state.path("/account")));
    }
    state.engine().sign_out(&signed_in.session).await?;
    let mut response = see_other(&state.path("/signed-out"));
    state.cookies().forget(response.headers_mut(), Cookie::Session);
    state.cookies().forget(response.headers_mut(), Cookie::Browser);
    Ok(response)
}

/// `GET /signed-out`
pub(crate) async fn done(State(state): State<AppState>) -> Response {
    page(StatusCode::OK, &SignedOutPage { frame: state.frame() }, &Destinations::own())
}
