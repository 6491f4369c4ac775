//! What the pages about a person's own applications have in common: the form, the secret, the refusals.

use axum::http::StatusCode;
use axum::response::Response;
use countersign_model::{Ceiling, Client, ClientAuthentication, ClientId, GrantType};
use countersign_oauth::Error;
use countersign_oauth::register::{Application, ApplicationError, RegistrationRefusal};
use serde_json::json;

use crate::failure::Failure;
use crate::onward::APPLICATIONS;
use crate::pages::{
    ApplicationDraft as Draft, ApplicationSecretPage, Choice, Destinations, Notice, ScopeLine, page,
};
use crate::params::Params;
use crate::scope_boxes::{agreed, scope_lines};
use crate::state::AppState;

/// Where an application is.
pub(crate) fn address(state: &AppState, id: &ClientId) -> String {
    state.path(&format!("{}/{id}", APPLICATIONS))
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

    pub(crate) fn of(client: &Client) -> Self {
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

/// The secret, once; or only the name of a client that has none.
pub(super) fn made_page(state: &AppState, made: &Application, is_new: bool) -> Response {
    let template = ApplicationSecretPage {
        frame: state.frame(),
        is_new,
        client: &made.client.client_name,
        client_id: made.client.client_id.as_str(),
        secret: made.secret.as_ref().map(|secret| secret.expose().as_str()),
        address: &address(state, &made.client.client_id),
        others: made.client.secrets.len() > 1,
    };
    page(StatusCode::OK, &template, &Destinations::own())
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
