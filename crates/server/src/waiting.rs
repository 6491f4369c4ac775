//! An authorization request that waits for a person, as the pages see it.

use countersign_model::{Client, ClientId, SecretString};
use countersign_oauth::ports::{Clients as _, Interaction, Interactions as _};

use crate::browser::Browser;
use crate::failure::Failure;
use crate::pages::Destinations;
use crate::state::AppState;

/// A request that waits in this very browser.
pub(crate) struct Waiting {
    id: String,
    interaction: Interaction,
    client: Client,
}

impl Waiting {
    /// Its name in addresses and forms: base64url, safe in both.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// A parameter of the authorization request.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.interaction.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// How people know the client.
    pub(crate) fn client_name(&self) -> &str {
        &self.client.client_name
    }

    /// Where the answer may lead.
    pub(crate) fn destinations(&self) -> Destinations {
        let answer = self.parameter("redirect_uri");
        Destinations::of(answer.into_iter().chain(self.client.redirect_uris.iter().map(String::as_str)))
    }
}

impl AppState {
    /// The waiting request of this identifier. Only the browser it began in may go on with it: whoever has merely seen
    /// the address can't.
    pub(crate) async fn waiting(&self, browser: &Browser, id: Option<&str>) -> Result<Option<Waiting>, Failure> {
        let Some(id) = id else { return Ok(None) };
        let is_ours = id.len() == 43 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if !is_ours {
            return Err(Failure::Expired);
        }
        let now = self.env().now();
        let hash = SecretString::from(id).hash();
        let interaction = self.store().interaction(&hash, now).await?.ok_or(Failure::Expired)?;
        if !interaction.browser.ct_eq(&browser.hash()) {
            return Err(Failure::Expired);
        }
        let client = interaction.parameters.iter().find(|(name, _)| name == "client_id");
        let client = client.map(|(_, id)| ClientId::from(id.as_str())).ok_or(Failure::Expired)?;
        let client = self.store().client(&client).await?.filter(Client::is_enabled).ok_or(Failure::Expired)?;
        Ok(Some(Waiting { id: id.to_owned(), interaction, client }))
    }
}
