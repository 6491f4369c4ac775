//! Applications that people with an account register, as the operator lets them: the metadata is held against the same
//! checks as that of clients that register themselves.

use std::sync::Arc;

use countersign_access::TokenKind;
use countersign_model::{
    Client, ClientAuthentication, ClientId, GrantType, OptionalScopes, SecretString, Timestamp, TokenLife,
    UserId,
};

use super::{CheckedMetadata, Members, RegistrationRefusal, checks};
use crate::ports::{Ports, Registered};
use crate::profile::Rules;
use crate::token_policy::check_token_policy;
use crate::{Engine, Error};

/// Whether people with an account may register applications.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PeoplePolicy {
    /// How many one person may have.
    pub most_per_person: u32,
}

/// An application, and its secret where one was made a moment ago: it is told now and never again.
#[derive(Debug)]
pub struct Application {
    /// The client as it is kept.
    pub client: Arc<Client>,
    /// Its new secret.
    pub secret: Option<SecretString>,
}

impl<P: Ports> Engine<P> {
    /// Registers an application for a person. The document is client metadata (RFC 7591 §2).
    ///
    /// # Errors
    /// As [`Engine::register`]; [`RegistrationRefusal::TooMany`] when the person has as many as they may;
    /// [`RegistrationRefusal::Closed`] where the operator lets nobody.
    pub async fn register_application(&self, owner: &UserId, document: &[u8]) -> Result<Application, Error> {
        let now = self.now();
        let policy = self.people_policy()?;
        let checked = self.checked_application(document)?;
        let blank = Client {
            owner: Some(owner.clone()),
            // Nobody vouches for it: people give it what they like.
            optional_scopes: OptionalScopes::AllButOpenid,
            ..Client::new(ClientId::generate(now, &*self.env.rng), now)
        };
        let mut client = checked.onto(blank)?;
        let secret = self.with_secret(&mut client)?;
        let client = Arc::new(client);
        match self.ports.register_application(&client, owner, policy.most_per_person).await? {
            Registered::Kept => {
                tracing::info!(client = %client.client_id, user = %owner, "a person registered an application");
                Ok(Application { client, secret })
            }
            Registered::TokenSpent | Registered::Full => Err(RegistrationRefusal::TooMany.into()),
        }
    }

    /// The applications a person registered, in the order in which they did.
    ///
    /// # Errors
    /// The store failed.
    pub async fn applications(&self, owner: &UserId) -> Result<Vec<Arc<Client>>, Error> {
        Ok(self.ports.applications(owner).await?)
    }

    /// One of them.
    ///
    /// # Errors
    /// [`RegistrationRefusal::NotYours`], whether it is somebody else's or nobody's.
    pub async fn application(&self, owner: &UserId, id: &ClientId) -> Result<Arc<Client>, Error> {
        let client = self.ports.client(id).await?.filter(|client| client.owner.as_ref() == Some(owner));
        client.ok_or_else(|| RegistrationRefusal::NotYours.into())
    }

    /// Changes what it tells of itself, and makes a secret if it needs one from now on.
    ///
    /// # Errors
    /// As [`Engine::register_application`] and [`Engine::application`]; [`RegistrationRefusal::ChangedMeanwhile`].
    pub async fn change_application(
        &self,
        owner: &UserId,
        id: &ClientId,
        document: &[u8],
    ) -> Result<Application, Error> {
        self.people_policy()?;
        let before = self.application(owner, id).await?;
        let mut after = self.checked_application(document)?.onto(Client::clone(&before))?;
        after.profile = before.profile;
        // What the operator decided stays: a token that needs no refreshing is not given a refresh token beside it.
        if after.lifetimes.access_token == Some(TokenLife::UntilWithdrawn) {
            after.grant_types.remove(&GrantType::RefreshToken);
        }
        Rules::fit(&after).map_err(|_| RegistrationRefusal::metadata("profile", "it does not allow that"))?;
        check_token_policy(&after, self.settings.longest_signed_token).map_err(|_| {
            RegistrationRefusal::metadata("grant_types", "they do not fit the client's tokens")
        })?;
        let secret = self.with_secret(&mut after)?;
        self.keep_application(&before, after, secret).await
    }

    /// Makes a new secret. The last one goes on working beside it, until it is replaced too or ended.
    ///
    /// # Errors
    /// As [`Engine::change_application`]; the client has no secret.
    pub async fn new_application_secret(&self, owner: &UserId, id: &ClientId) -> Result<Application, Error> {
        let before = self.application(owner, id).await?;
        match before.authentication {
            ClientAuthentication::ClientSecretBasic | ClientAuthentication::ClientSecretPost => {}
            ClientAuthentication::None
            | ClientAuthentication::ClientSecretJwt
            | ClientAuthentication::PrivateKeyJwt
            | ClientAuthentication::TlsClientAuth
            | ClientAuthentication::SelfSignedTlsClientAuth => {
                let fault = "it has no secret that could be made here";
                return Err(RegistrationRefusal::metadata("token_endpoint_auth_method", fault).into());
            }
        }
        let secret = TokenKind::ClientSecret.generate(&*self.env.rng);
        let mut after = Client::clone(&before);
        after.secrets.insert(0, secret.hash());
        after.secrets.truncate(2);
        self.keep_application(&before, after, Some(secret)).await
    }

    /// Ends every secret but the newest.
    ///
    /// # Errors
    /// As [`Engine::change_application`].
    pub async fn end_old_application_secrets(
        &self,
        owner: &UserId,
        id: &ClientId,
    ) -> Result<Application, Error> {
        let before = self.application(owner, id).await?;
        let mut after = Client::clone(&before);
        after.secrets.truncate(1);
        self.keep_application(&before, after, None).await
    }

    /// Ends an application, with every grant and token of it.
    ///
    /// # Errors
    /// As [`Engine::application`].
    pub async fn delete_application(&self, owner: &UserId, id: &ClientId) -> Result<(), Error> {
        if self.ports.delete_application(id, owner, self.now()).await? {
            tracing::info!(client = %id, user = %owner, "a person ended their application");
            Ok(())
        } else {
            Err(RegistrationRefusal::NotYours.into())
        }
    }

    fn people_policy(&self) -> Result<PeoplePolicy, RegistrationRefusal> {
        self.settings.registration.people.ok_or(RegistrationRefusal::Closed)
    }

    fn checked_application(&self, document: &[u8]) -> Result<CheckedMetadata, Error> {
        let asked = Members::read(document)?;
        let checked = checks(&asked, &self.registration_rules(&self.keys.algorithms()))?;
        // People are asked for it by its name.
        if checked.name.is_none() {
            return Err(RegistrationRefusal::metadata("client_name", "an application needs one").into());
        }
        Ok(checked)
    }

    async fn keep_application(
        &self,
        before: &Client,
        after: Client,
        secret: Option<SecretString>,
    ) -> Result<Application, Error> {
        let now: Timestamp = self.now();
        let client = Arc::new(after);
        if self.ports.change_application(before, &client, now).await? {
            Ok(Application { client, secret })
        } else {
            Err(RegistrationRefusal::ChangedMeanwhile.into())
        }
    }
}
