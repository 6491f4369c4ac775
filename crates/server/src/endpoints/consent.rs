//! Asking a person whether a client may have what it asks for.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use countersign_oauth::{ConsentRequest, Step};

use super::authorize::{next, respond};
use crate::backing::{backing, is_anybodys_word, links, may_show, stays_here};
use crate::browser::{Browser, Form};
use crate::failure::Failure;
use crate::page_form::{PageForm, PageQuery};
use crate::pages::{ConsentPage, Destinations, page, picture, see_other};
use crate::scope_boxes::{agreed, choices};
use crate::state::{AppState, SignedIn};

/// `GET /consent?continue=…`
pub(crate) async fn show(
    State(state): State<AppState>,
    headers: HeaderMap,
    PageQuery(query): PageQuery,
) -> Result<Response, Failure> {
    let interaction = query.one("continue").ok_or(Failure::Expired)?;
    let browser = Browser::known(state.cookies(), &headers).ok_or(Failure::Expired)?;
    let signed_in = state.signed_in(&headers).await?;
    let session = signed_in.as_ref().map(|signed_in| &signed_in.session);
    match (state.engine().resume(interaction, session, &browser.hash()).await?, signed_in) {
        (Step::Consent(request), Some(signed_in)) => ask(&state, &browser, &request, &signed_in).await,
        (step, _) => Ok(next(&state, &step)),
    }
}

/// `POST /consent`
pub(crate) async fn submit(State(state): State<AppState>, form: PageForm) -> Result<Response, Failure> {
    let interaction = form.one("continue").ok_or(Failure::Expired)?;
    let session = state.session(form.headers()).await?;
    // The form belongs to this waiting request and to the session it was shown in: whoever signs in as somebody else
    // meanwhile is asked again.
    let about = about(interaction, session.as_ref().map_or("", |session| session.id.as_str()));
    let browser = form.check(&state, Form::Consent, &about)?;
    match (form.one("decision"), session) {
        (Some("allow"), Some(session)) => {
            let agreed = agreed(form.params())?;
            let step = state.engine().consent_given(interaction, &session, &browser.hash(), &agreed).await?;
            Ok(next(&state, &step))
        }
        (Some("deny"), _) => {
            let answer = state.engine().denied(interaction, &browser.hash()).await?;
            Ok(respond(&state, &answer))
        }
        (_, _) => Ok(see_other(&state.path(&format!("/consent?continue={interaction}")))),
    }
}

fn about(interaction: &str, session: &str) -> String {
    format!("{interaction} {session}")
}

async fn ask(
    state: &AppState,
    browser: &Browser,
    request: &ConsentRequest,
    signed_in: &SignedIn,
) -> Result<Response, Failure> {
    let interaction = request.interaction.expose();
    let csrf = browser.form_token(Form::Consent, &about(interaction, signed_in.session.id.as_str()));
    let redirect_uri = request.redirect_uri.as_str();
    let logo = request.client.information.logo_uri.as_deref();
    let logo = logo.filter(|logo| picture(logo).is_some() && may_show(&request.client, redirect_uri, logo));
    let template = ConsentPage {
        frame: state.frame(),
        client: &request.client.client_name,
        logo,
        backing: backing(state, &request.client).await?,
        links: links(&request.client, redirect_uri),
        on_this_device: is_anybodys_word(&request.client) && stays_here(redirect_uri),
        person: signed_in.name(),
        username: signed_in.user.username.as_str(),
        scopes: choices(state, &request.scopes, &request.optional, &request.left_out),
        details: &request.details,
        scope: &request.scopes.difference(&request.optional).to_string(),
        destination: &destination(redirect_uri),
        interaction,
        csrf: &csrf,
    };
    let destinations = Destinations::to_client(&request.client, Some(redirect_uri)).with_picture(logo);
    Ok(page(StatusCode::OK, &template, &destinations))
}

/// Where the answer goes, as people can judge it: the origin of a web address, or an application's own scheme.
fn destination(redirect_uri: &str) -> String {
    match url::Url::parse(redirect_uri) {
        Ok(url) if url.origin().is_tuple() => url.origin().ascii_serialization(),
        Ok(url) => format!("an application on this device ({}:)", url.scheme()),
        Err(_) => "the application".to_owned(),
    }
}
