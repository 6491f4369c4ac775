//! One application of a person: what it tells of itself, its secret, its end.

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use countersign_model::{Ceiling, Client, ClientAuthentication, ClientId, GrantType, ScopeSet};
use countersign_oauth::Error;
use countersign_oauth::register::{Application, ApplicationError, RegistrationRefusal};
use serde_json::json;

use super::applications::{self, made_page};
use super::consent::{agreed, scope_lines};
use super::sign_in::Onward;
use crate::browser::{Browser, Form};
use crate::client_address::ClientAddress;
use crate::failure::Failure;
use crate::name_in_path::NameInPath;
use crate::page_form::{PageForm, PageQuery};
use crate::pages::{
    ApplicationDeletePage, ApplicationNewSecretPage, ApplicationPage, Choice, Destinations, Moment, Notice,
    ScopeLine, page, picture, see_other,
};
use crate::params::Params;
use crate::state::{AppState, SignedIn};

/// Where an application is.
pub(crate) fn address(state: &AppState, id: &ClientId) -> String {
    state.path(&format!("{}/{id}", applications::PATH))
}

/// What a form says of an application: not checked, so that it can be shown again as it was typed.
pub(crate) struct Draft {
    pub(crate) name: String,
    pub(crate) client_uri: String,
    pub(crate) logo_uri: String,
    pub(crate) redirect_uris: String,
    pub(crate) authentication: String,
    pub(crate) device: bool,
    scopes: ScopeSet,
}

impl Draft {
    pub(crate) fn blank() -> Self {
        Self {
            name: String::new(),
            client_uri: String::new(),
            logo_uri: String::new(),
            redirect_uris: String::new(),
            authentication: ClientAuthentication::ClientSecretBasic.as_str().to_owned(),
            device: false,
            scopes: "openid profile email".parse().unwrap_or_default(),
        }
    }

    pub(crate) fn read(form: &Params<'_>) -> Result<Self, Failure> {
        let text = |name: &str| form.one(name).unwrap_or_default().trim().to_owned();
        Ok(Self {
            name: text("name"),
            client_uri: text("client_uri"),
            logo_uri: text("logo_uri"),
            redirect_uris: text("redirect_uris"),
            authentication: text("authentication"),
            device: form.one("device").is_some(),
            scopes: agreed(form)?,
        })
    }

    fn of(client: &Client) -> Self {
        let about = &client.information;
        Self {
            name: client.client_name.clone(),
            client_uri: about.client_uri.clone().unwrap_or_default(),
            logo_uri: about.logo_uri.clone().unwrap_or_default(),
            redirect_uris: client.redirect_uris.join("\n"),
            authentication: client.authentication.as_str().to_owned(),
            device: client.grant_types.contains(&GrantType::DeviceCode),
            scopes: Application::ticked(client).clone(),
        }
    }

    /// Whether this is how it proves who it is.
    pub(crate) fn proves_by(&self, method: &str) -> bool {
        self.authentication == method
    }

    /// Client metadata (RFC 7591 §2), to be checked by the engine.
    pub(crate) fn document(&self, state: &AppState) -> Vec<u8> {
        let offered = &state.engine().settings().registration.grant_types;
        let redirect_uris: Vec<&str> = self.redirect_uris.split_whitespace().collect();
        let wanted = [
            // A device needs no address to go back to.
            (GrantType::AuthorizationCode, !redirect_uris.is_empty() || !self.device),
            (GrantType::RefreshToken, offered.contains(&GrantType::RefreshToken)),
            (GrantType::DeviceCode, self.device),
        ];
        let grant_types: Vec<&str> =
            wanted.into_iter().filter(|(_, wanted)| *wanted).map(|(grant, _)| grant.as_str()).collect();
        let has_code = grant_types.contains(&GrantType::AuthorizationCode.as_str());
        let document = json!({
            "client_name": self.name,
            "client_uri": self.client_uri,
            "logo_uri": self.logo_uri,
            "redirect_uris": redirect_uris,
            "token_endpoint_auth_method": self.authentication,
            "grant_types": grant_types,
            "response_types": if has_code { vec!["code"] } else { Vec::new() },
            "scope": self.scopes,
        });
        document.to_string().into_bytes()
    }

    /// Every scope there is for such applications below the operator's limit for this one, ticked or not.
    pub(crate) fn scope_lines(&self, state: &AppState, ceiling: &Ceiling) -> Vec<ScopeLine> {
        let all = ceiling.within(&state.engine().settings().registration.scopes);
        let choice = |name: &str| if self.scopes.contains(name) { Choice::Ticked } else { Choice::Unticked };
        let lines = scope_lines(state, &all).into_iter();
        lines.map(|line| ScopeLine { choice: choice(&line.name), ..line }).collect()
    }
}

/// Whether the operator lets such applications use the device flow.
pub(crate) fn may_device(state: &AppState) -> bool {
    state.engine().settings().registration.grant_types.contains(&GrantType::DeviceCode)
}

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
    Ok(view.page(&Draft::of(&client), (notice, None), StatusCode::OK))
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
    let draft = Draft::read(form.params())?;
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
    Ok(see_other(&state.path(&format!("{}?done=deleted", applications::PATH))))
}

/// Somebody else's is as little there as nobody's.
async fn own(
    state: &AppState,
    signed_in: &SignedIn,
    id: &ClientId,
) -> Result<std::sync::Arc<Client>, Failure> {
    state.engine().application(&signed_in.user.id, id).await.map_err(failure)
}

/// What is shown instead of a page of the application.
pub(super) fn failure(error: ApplicationError) -> Failure {
    match error {
        ApplicationError::NotYours | ApplicationError::Closed => Failure::NotFound,
        ApplicationError::TooMany => Failure::TooManyApplications,
        ApplicationError::ChangedMeanwhile => Failure::ChangedMeanwhile,
        ApplicationError::Other(error) => error.into(),
    }
}

/// A refusal for whoever typed the form; or what is shown instead of it.
pub(super) fn in_words(error: ApplicationError) -> Result<Notice, Failure> {
    let text = match error {
        ApplicationError::TooMany => {
            "You have as many applications as one person may. Delete one first.".to_owned()
        }
        ApplicationError::ChangedMeanwhile => {
            "It was changed meanwhile, in another tab or by the operator. Load the page again.".to_owned()
        }
        ApplicationError::Other(Error::Registration(RegistrationRefusal::RedirectUri(fault))) => {
            format!("Redirect addresses: {fault}.")
        }
        ApplicationError::Other(Error::Registration(RegistrationRefusal::Metadata { member, fault })) => {
            format!("{}: {fault}.", label(member))
        }
        ApplicationError::Other(Error::Registration(refusal)) => format!("{refusal}."),
        error @ (ApplicationError::NotYours | ApplicationError::Closed | ApplicationError::Other(_)) => {
            return Err(failure(error));
        }
    };
    Ok(Notice { title: "That can\u{2019}t be kept", text })
}

/// What the form calls a member of the metadata.
fn label(member: &str) -> &str {
    match member {
        "client_name" => "Name",
        "client_uri" => "Website",
        "logo_uri" => "Logo",
        "scope" => "Permissions",
        "token_endpoint_auth_method" => "Secret",
        other => other,
    }
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
        draft: &Draft,
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

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;

    use super::*;

    #[test]
    fn each_error_has_a_page_of_its_own() {
        let status = |error: ApplicationError| failure(error).into_response().status().as_u16();
        assert_eq!(status(ApplicationError::ChangedMeanwhile), 409);
        assert_eq!(status(ApplicationError::TooMany), 409);
        assert_eq!(status(ApplicationError::NotYours), 404);
        assert_eq!(status(ApplicationError::Closed), 404);
    }
}
