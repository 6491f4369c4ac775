//! The page on which a person answers requests of the backchannel (OpenID Connect CIBA §8): who asks, for what, with
//! which message, who stands behind the name, since when, from where.
//!
//! Nothing is announced and nothing is guessed here: the page shows what waits for whoever is signed in, and what waits
//! for somebody else is not there.

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use countersign_model::ScopeSet;
use countersign_oauth::{Approver, Error, PendingApproval};

use crate::backing::backing;
use crate::browser::{Browser, Form};
use crate::client_address::ClientAddress;
use crate::failure::Failure;
use crate::onward::{APPROVALS, Onward};
use crate::page_form::PageForm;
use crate::pages::{ApprovalLine, ApprovalsPage, Destinations, Moment, Notice, page, see_other};
use crate::scope_boxes::{agreed, choices};
use crate::state::{AppState, SignedIn};

/// `GET /account/approvals`
pub(crate) async fn show(State(state): State<AppState>, headers: HeaderMap) -> Result<Response, Failure> {
    let signed_in = state.person(&headers, Onward::Approvals).await?;
    let browser = Browser::known_or_new(state.cookies(), &headers, state.env());
    list(&state, &browser, &signed_in, None).await
}

/// `POST /account/approvals`
pub(crate) async fn submit(
    State(state): State<AppState>,
    Extension(address): Extension<ClientAddress>,
    form: PageForm,
) -> Result<Response, Failure> {
    let id = form.one("approval").ok_or(Failure::Expired)?;
    let signed_in = form.person(&state, Onward::Approvals).await?;
    // Only a browser that was shown this request, in this session, has this token.
    let browser = form.check(&state, Form::Approval, &signed_in.about(id))?;
    let (user, address) = (&signed_in.user.id, address.0);
    let (event, answered) = match form.one("decision") {
        Some("approve") => {
            let (agreed, approver) = (agreed(form.params())?, Approver::Session(&signed_in.session));
            ("request_approved", state.engine().approve_backchannel(id, approver, &agreed).await)
        }
        Some("deny") => ("request_denied", state.engine().deny_backchannel(id, user).await),
        Some(_) | None => return Ok(see_other(&state.path(APPROVALS))),
    };
    let outcome = match answered {
        Ok(client) => {
            let client_id = &client.client_id;
            tracing::info!(target: "countersign::audit", event, %user, client = %client_id, %address, "backchannel request answered");
            if event == "request_approved" { Outcome::Approved } else { Outcome::Denied }
        }
        Err(Error::UnknownApproval) => Outcome::Gone,
        Err(Error::UnmetAuthentication) => Outcome::TooWeak,
        Err(error) => return Err(error.into()),
    };
    list(&state, &browser, &signed_in, Some(outcome)).await
}

/// What became of an answer.
#[derive(Clone, Copy)]
enum Outcome {
    Approved,
    Denied,
    /// Nothing waits for this person under that name.
    Gone,
    /// The request wants another kind of sign-in.
    TooWeak,
}

impl Outcome {
    fn status(self) -> StatusCode {
        match self {
            Self::Approved | Self::Denied => StatusCode::OK,
            Self::Gone => StatusCode::NOT_FOUND,
            Self::TooWeak => StatusCode::FORBIDDEN,
        }
    }

    fn notice(self) -> Notice {
        let (title, text) = match self {
            Self::Approved => ("You approved the request", "Go back to where you began: it goes on there."),
            Self::Denied => ("You denied the request", "Whoever asked is told so, and gets nothing."),
            Self::Gone => {
                ("That request is gone", "It was answered already, or it waited too long. Nothing was done.")
            }
            Self::TooWeak => {
                ("Sign in again first", "This request asks for a more recent or a stronger sign-in.")
            }
        };
        Notice { title, text: text.to_owned() }
    }
}

async fn list(
    state: &AppState,
    browser: &Browser,
    signed_in: &SignedIn,
    outcome: Option<Outcome>,
) -> Result<Response, Failure> {
    let pending = state.engine().approvals(&signed_in.user.id).await?;
    let line = |pending: &PendingApproval, backing| ApprovalLine {
        client: pending.client.client_name.clone(),
        backing,
        binding_message: pending.binding_message.clone(),
        address: pending.address.map(|address| address.to_string()),
        since: Moment::new(pending.created_at),
        until: Moment::new(pending.expires_at),
        scopes: choices(state, &pending.scopes, &pending.optional, &ScopeSet::empty()),
        scope: pending.scopes.difference(&pending.optional).to_string(),
        is_met: state.engine().is_met(Approver::Session(&signed_in.session), &pending.acr_values),
        csrf: browser.form_token(Form::Approval, &signed_in.about(&pending.id)),
        id: pending.id.clone(),
    };
    let mut approvals = Vec::with_capacity(pending.len());
    for pending in &pending {
        approvals.push(line(pending, backing(state, &pending.client).await?));
    }
    let template = ApprovalsPage {
        frame: state.frame(),
        person: signed_in.name(),
        username: signed_in.user.username.as_str(),
        again: &state.path(&Onward::Approvals.sign_in()),
        notice: outcome.map(Outcome::notice),
        approvals,
    };
    let status = outcome.map_or(StatusCode::OK, Outcome::status);
    Ok(browser.remembered(state.cookies(), page(status, &template, &Destinations::own())))
}
