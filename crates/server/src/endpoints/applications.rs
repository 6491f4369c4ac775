//! The applications a person registered: the list, and a new one.

use axum::Extension;
use axum::extract::State;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use countersign_model::{Ceiling, Client};

use super::application_form::{address, failure, in_words, made_page, may_device};
use crate::browser::{Browser, Form};
use crate::client_address::ClientAddress;
use crate::failure::Failure;
use crate::onward::Onward;
use crate::page_form::{PageForm, PageQuery};
use crate::pages::{
    ApplicationDraft, ApplicationFormPage, ApplicationLine, ApplicationsPage, Destinations, Moment, Notice,
    page,
};
use crate::state::{AppState, SignedIn};
use crate::throttle::Wait;
use crate::wait::seconds;

/// Where a new one is registered.
pub(crate) const NEW: &str = "/applications/new";

/// `GET /applications`
pub(crate) async fn list(
    State(state): State<AppState>,
    headers: HeaderMap,
    PageQuery(query): PageQuery,
) -> Result<Response, Failure> {
    let signed_in = state.person(&headers, Onward::Applications).await?;
    let applications = state.engine().applications(&signed_in.user.id).await.map_err(failure)?;
    let most = state.engine().settings().registration.people.map_or(0, |people| people.most_per_person);
    let line = |client: &Client| ApplicationLine {
        name: client.client_name.clone(),
        address: address(&state, &client.client_id),
        created: Moment::new(client.created_at),
        enabled: client.is_enabled(),
    };
    let template = ApplicationsPage {
        frame: state.frame(),
        deleted: query.one("done") == Some("deleted"),
        is_full: applications.len() >= most as usize,
        most,
        applications: applications.iter().map(|client| line(client)).collect(),
    };
    Ok(page(StatusCode::OK, &template, &Destinations::own()))
}

/// `GET /applications/new`
pub(crate) async fn blank(State(state): State<AppState>, headers: HeaderMap) -> Result<Response, Failure> {
    let signed_in = state.person(&headers, Onward::Applications).await?;
    let browser = Browser::known_or_new(state.cookies(), &headers, state.env());
    Ok(form(&state, (&browser, &signed_in), &ApplicationDraft::blank(), None, StatusCode::OK))
}

/// `POST /applications/new`
pub(crate) async fn register(
    State(state): State<AppState>,
    Extension(address): Extension<ClientAddress>,
    sent: PageForm,
) -> Result<Response, Failure> {
    let signed_in = sent.person(&state, Onward::Applications).await?;
    let browser = sent.check(&state, Form::Application, &signed_in.about("new"))?;
    let draft = ApplicationDraft::read(sent.params())?;
    if let Err(Wait(wait)) = state.registrations().take(address.0, state.env().now()) {
        let notice = Notice {
            title: "Please wait a moment",
            text: "Many applications were registered from where you are. Try again later.".to_owned(),
        };
        let status = StatusCode::TOO_MANY_REQUESTS;
        let mut response = form(&state, (&browser, &signed_in), &draft, Some(notice), status);
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds(wait)));
        return Ok(response);
    }
    match state.engine().register_application(&signed_in.user.id, &draft.document(&state)).await {
        Ok(made) => {
            let (user, client, address) = (&signed_in.user.id, &made.client.client_id, address.0);
            tracing::info!(target: "countersign::audit", event = "application_registered", %user, %client, %address, "application registered");
            Ok(made_page(&state, &made, true))
        }
        Err(error) => {
            let notice = Some(in_words(error)?);
            Ok(form(&state, (&browser, &signed_in), &draft, notice, StatusCode::BAD_REQUEST))
        }
    }
}

fn form(
    state: &AppState,
    (browser, signed_in): (&Browser, &SignedIn),
    draft: &ApplicationDraft,
    problem: Option<Notice>,
    status: StatusCode,
) -> Response {
    let template = ApplicationFormPage {
        frame: state.frame(),
        draft,
        scopes: draft.scope_lines(state, &Ceiling::default()),
        may_device: may_device(state),
        problem,
        csrf: &browser.form_token(Form::Application, &signed_in.about("new")),
    };
    browser.remembered(state.cookies(), page(status, &template, &Destinations::own()))
}
