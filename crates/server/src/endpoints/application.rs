//! One application of a person: what it tells of itself, its secret, its end.

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use countersign_model::{Client, ClientId, GrantType};

use super::application_form::{address, failure, in_words, made_page, may_device};
use crate::browser::{Browser, Form};
use crate::client_address::ClientAddress;
use crate::failure::Failure;
use crate::name_in_path::NameInPath;
use crate::onward::{APPLICATIONS, Onward};
use crate::page_form::{PageForm, PageQuery};
use crate::pages::{
    ApplicationDeletePage, ApplicationDraft, ApplicationNewSecretPage, ApplicationPage, Destinations, Moment,
    Notice, page, picture, see_other,
};
use crate::state::{AppState, SignedIn};

/// `GET /applications/{client_id}`
pub(crate) async fn show(
    State(state): State<AppState>,
    id: NameInPath,
    headers: HeaderMap,
    PageQuery(query): PageQuery,
) -> Result<Response, Failure> {
    let id = ClientId::from(id);
    let signed_in = state.person(&headers, Onward::Applications).await?;
    let client = own(&state, &signed_in, &id).await?;
    let browser = Browser::known_or_new(state.cookies(), &headers, state.env());
    let notice = match query.one("done") {
        Some("saved") => {
            Some(Notice { title: "Saved", text: "People see it at once when they are asked.".to_owned() })
        }
        Some("ended") => Some(Notice {
            title: "Older secrets have ended",
            text: "Only the newest one works now.".to_owned(),
        }),
        Some(_) | None => None,
    };
    let view = View { state: &state, browser: &browser, signed_in: &signed_in, client: &client };
    Ok(view.page(&ApplicationDraft::of(&client), (notice, None), StatusCode::OK))
}

/// `POST /applications/{client_id}`
pub(crate) async fn change(
    State(state): State<AppState>,
    id: NameInPath,
    form: PageForm,
) -> Result<Response, Failure> {
    let id = ClientId::from(id);
    let signed_in = form.person(&state, Onward::Applications).await?;
    let client = own(&state, &signed_in, &id).await?;
    let browser = form.check(&state, Form::Application, &signed_in.about(&id))?;
    let draft = ApplicationDraft::read(form.params())?;
    match state.engine().change_application(&signed_in.user.id, &id, &draft.document(&state)).await {
        Ok(changed) if changed.secret.is_some() => Ok(made_page(&state, &changed, false)),
        Ok(_) => Ok(see_other(&format!("{}?done=saved", address(&state, &id)))),
        Err(error) => {
            let notice = in_words(error)?;
            let view = View { state: &state, browser: &browser, signed_in: &signed_in, client: &client };
            Ok(view.page(&draft, (None, Some(notice)), StatusCode::BAD_REQUEST))
        }
    }
}

/// `GET /applications/{client_id}/secret`
pub(crate) async fn ask_secret(
    State(state): State<AppState>,
    id: NameInPath,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let id = ClientId::from(id);
    let signed_in = state.person(&headers, Onward::Applications).await?;
    let client = own(&state, &signed_in, &id).await?;
    if !client.authentication.has_secret() {
        return Err(Failure::NotFound);
    }
    let browser = Browser::known_or_new(state.cookies(), &headers, state.env());
    let template = ApplicationNewSecretPage {
        frame: state.frame(),
        client: &client.client_name,
        address: &address(&state, &id),
        others: client.secrets.len() > 1,
        csrf: &browser.form_token(Form::ApplicationSecret, &signed_in.about(&id)),
    };
    Ok(browser.remembered(state.cookies(), page(StatusCode::OK, &template, &Destinations::own())))
}

/// `POST /applications/{client_id}/secret`
pub(crate) async fn new_secret(
    State(state): State<AppState>,
    Extension(source): Extension<ClientAddress>,
    id: NameInPath,
    form: PageForm,
) -> Result<Response, Failure> {
    let id = ClientId::from(id);
    let signed_in = form.person(&state, Onward::Applications).await?;
    form.check(&state, Form::ApplicationSecret, &signed_in.about(&id))?;
    let (user, from) = (&signed_in.user.id, source.0);
    match form.one("decision") {
        Some("new") => {
            let made = state.engine().new_application_secret(user, &id).await.map_err(failure)?;
            tracing::info!(target: "countersign::audit", event = "application_secret_made", %user, client = %id, address = %from, "application secret made");
            Ok(made_page(&state, &made, false))
        }
        Some("end_old") => {
            state.engine().end_old_application_secrets(user, &id).await.map_err(failure)?;
            tracing::info!(target: "countersign::audit", event = "application_secrets_ended", %user, client = %id, address = %from, "older application secrets ended");
            Ok(see_other(&format!("{}?done=ended", address(&state, &id))))
        }
        Some(_) | None => Ok(see_other(&address(&state, &id))),
    }
}

/// `GET /applications/{client_id}/delete`
pub(crate) async fn ask_delete(
    State(state): State<AppState>,
    id: NameInPath,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let id = ClientId::from(id);
    let signed_in = state.person(&headers, Onward::Applications).await?;
    let client = own(&state, &signed_in, &id).await?;
    let browser = Browser::known_or_new(state.cookies(), &headers, state.env());
    let template = ApplicationDeletePage {
        frame: state.frame(),
        client: &client.client_name,
        address: &address(&state, &id),
        csrf: &browser.form_token(Form::ApplicationDelete, &signed_in.about(&id)),
    };
    Ok(browser.remembered(state.cookies(), page(StatusCode::OK, &template, &Destinations::own())))
}

/// `POST /applications/{client_id}/delete`
pub(crate) async fn delete(
    State(state): State<AppState>,
    Extension(source): Extension<ClientAddress>,
    id: NameInPath,
    form: PageForm,
) -> Result<Response, Failure> {
    let id = ClientId::from(id);
    let signed_in = form.person(&state, Onward::Applications).await?;
    form.check(&state, Form::ApplicationDelete, &signed_in.about(&id))?;
    if form.one("decision") != Some("delete") {
        return Ok(see_other(&address(&state, &id)));
    }
    let (user, from) = (&signed_in.user.id, source.0);
    state.engine().delete_application(user, &id).await.map_err(failure)?;
    tracing::info!(target: "countersign::audit", event = "application_deleted", %user, client = %id, address = %from, "application deleted");
    Ok(see_other(&state.path(&format!("{APPLICATIONS}?done=deleted"))))
}

/// Somebody else's is as little there as nobody's.
async fn own(
    state: &AppState,
    signed_in: &SignedIn,
    id: &ClientId,
) -> Result<std::sync::Arc<Client>, Failure> {
    state.engine().application(&signed_in.user.id, id).await.map_err(failure)
}

/// What the page of an application is made of.
struct View<'a> {
    state: &'a AppState,
    browser: &'a Browser,
    signed_in: &'a SignedIn,
    client: &'a Client,
}

impl View<'_> {
    fn page(
        &self,
        draft: &ApplicationDraft,
        (done, problem): (Option<Notice>, Option<Notice>),
        status: StatusCode,
    ) -> Response {
        let Self { state, browser, signed_in, client } = self;
        let logo = client.information.logo_uri.as_deref().filter(|logo| picture(logo).is_some());
        let endpoints = &state.engine().settings().endpoints;
        let template = ApplicationPage {
            frame: state.frame(),
            client: &client.client_name,
            client_id: client.client_id.as_str(),
            address: &address(state, &client.client_id),
            logo,
            enabled: client.is_enabled(),
            created: Moment::new(client.created_at),
            secrets: client.secrets.len(),
            has_secret: client.authentication.has_secret(),
            authorize: &endpoints.authorization,
            token: &endpoints.token,
            draft,
            scopes: draft.scope_lines(state, &client.ceiling),
            may_device: may_device(state) && client.ceiling.allows(GrantType::DeviceCode),
            done,
            problem,
            csrf: &browser.form_token(Form::Application, &signed_in.about(&client.client_id)),
        };
        browser.remembered(state.cookies(), page(status, &template, &Destinations::own().with_picture(logo)))
    }
}
