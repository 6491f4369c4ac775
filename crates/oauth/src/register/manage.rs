//! The client configuration endpoint (RFC 7592 §2): read, replace and delete what a client registered.

use std::sync::Arc;

use countersign_model::{Client, ClientId, ClientOrigin, SecretString, TokenHash};

use super::{Members, RegisteredClient, RegistrationRefusal, ceiling, checks, statement};
use crate::ports::Ports;
use crate::token::text;
use crate::{Engine, Error};

/// What the server says and a client never (RFC 7592 §2.2).
const OURS: [&str; 4] = [
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
];

impl<P: Ports> Engine<P> {
    /// What is registered (RFC 7592 §2.1). Secrets are kept as hashes only, so none is told again.
    ///
    /// # Errors
    /// The token is not this client's. So is every answer where there is no such client (§2.1).
    pub async fn registration(&self, id: &str, bearer: Option<&str>) -> Result<RegisteredClient, Error> {
        let (client, token) = self.registered(id, bearer).await?;
        let address = self.registration_address(&client.client_id);
        Ok(RegisteredClient { client, secret: None, token, address })
    }

    /// Replaces what is registered as a whole (RFC 7592 §2.2): what the document leaves out is gone. The registration
    /// access token is replaced too; the presented one ends with this very call.
    ///
    /// # Errors
    /// As [`Engine::register`], and when the document contradicts who the client is.
    pub async fn replace_registration(
        &self,
        id: &str,
        bearer: Option<&str>,
        document: &[u8],
    ) -> Result<RegisteredClient, Error> {
        let (known, presented) = self.registered(id, bearer).await?;
        let asked = Members::read(document)?;
        is_own(&known, &asked, |client, secret| self.has_sealed_secret(client, secret))?;
        let asked = statement::laid_over(self, asked).await?;
        let checked = checks(&asked, &self.registration_rules(&self.keys.algorithms()))?;
        let mut client = ceiling::kept_to(checked.onto(Client::clone(&known))?, &asked)?;
        let secret = self.with_secret(&mut client)?;
        let token = text::registration_access_token(&*self.env.rng);
        let client = Arc::new(client);
        // Of two who come with the same token, one wins; the other's token was spent a moment ago.
        if !self.ports.replace_registration(&presented.hash(), &client, &token.hash(), self.now()).await? {
            return Err(RegistrationRefusal::TokenInvalid.into());
        }
        let address = self.registration_address(&client.client_id);
        Ok(RegisteredClient { client, secret, token, address })
    }

    /// Ends a registration (RFC 7592 §2.3), with every grant and token of the client.
    ///
    /// # Errors
    /// As [`Engine::registration`].
    pub async fn delete_registration(&self, id: &str, bearer: Option<&str>) -> Result<(), Error> {
        let (client, presented) = self.registered(id, bearer).await?;
        if self.ports.delete_registration(&client.client_id, &presented.hash(), self.now()).await? {
            tracing::info!(client = %client.client_id, "a client ended its registration");
            Ok(())
        } else {
            Err(RegistrationRefusal::TokenInvalid.into())
        }
    }

    /// The client and its token, if they belong together.
    async fn registered(&self, id: &str, bearer: Option<&str>) -> Result<(Arc<Client>, SecretString), Error> {
        let token = bearer.ok_or(RegistrationRefusal::TokenMissing)?;
        if !text::is_registration_access_token(token) || id.len() > crate::authorize::LONGEST_ID {
            return Err(RegistrationRefusal::TokenInvalid.into());
        }
        let id = ClientId::from(id);
        let kept = self.ports.registration_token(&id).await?.ok_or(RegistrationRefusal::TokenInvalid)?;
        let client = self.ports.client(&id).await?.ok_or(RegistrationRefusal::TokenInvalid)?;
        let is_own = kept.ct_eq(&TokenHash::of(token.as_bytes()));
        // A client that the operator disabled must not give itself another face meanwhile.
        if !is_own || client.origin != ClientOrigin::Registration || !client.is_enabled() {
            return Err(RegistrationRefusal::TokenInvalid.into());
        }
        Ok((client, SecretString::from(token)))
    }
}

/// RFC 7592 §2.2: the document names the client it is for, may repeat the secret and may not choose another, and says
/// nothing that is the server's to say.
fn is_own(
    client: &Client,
    asked: &Members,
    has_sealed: impl FnOnce(&Client, &str) -> bool,
) -> Result<(), RegistrationRefusal> {
    let refused = RegistrationRefusal::metadata;
    if asked.text("client_id")? != Some(client.client_id.as_str()) {
        return Err(refused("client_id", "it must be that of the client whose registration this is"));
    }
    if let Some(secret) = asked.text("client_secret")? {
        let hash = TokenHash::of(secret.as_bytes());
        if !client.secrets.iter().any(|known| known.ct_eq(&hash)) && !has_sealed(client, secret) {
            return Err(refused(
                "client_secret",
                "it is not the current one, and a client can't choose its own",
            ));
        }
    }
    match OURS.into_iter().find(|member| asked.value(member).is_some()) {
        Some(member) => Err(refused(member, "this is for the server to say")),
        None => Ok(()),
    }
}
