//! Applications that people with an account register, as the operator lets them: the metadata is held against the same
//! checks as that of clients that register themselves.

use std::sync::Arc;

use countersign_access::TokenKind;
use countersign_model::{
    Client, ClientAuthentication, ClientId, GrantType, OptionalScopes, ResponseType, ScopeSet, SecretString,
    Timestamp, UserId,
};

use super::{CheckedMetadata, Members, RegistrationRefusal, ceiling, checks};
use crate::ports::{Ports, Registered, Unavailable};
use crate::profile::{RegisteredScopes, Rules};
use crate::token_policy::check_token_policy;
use crate::{Engine, Error};

/// Whether people with an account may register applications.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PeoplePolicy {
    /// How many one person may have.
    pub most_per_person: u32,
}

/// Why nothing was done. Told on pages only: none of it goes to a client.
#[derive(Debug, thiserror::Error)]
pub enum ApplicationError {
    /// The operator lets nobody.
    #[error("people can't register applications here")]
    Closed,
    /// The person has as many as they may.
    #[error("this person has as many applications as they may")]
    TooMany,
    /// There is none of this name, or it is somebody else's.
    #[error("there is no such application of this person")]
    NotYours,
    /// Somebody else was faster.
    #[error("the application was changed meanwhile")]
    ChangedMeanwhile,
    /// What was typed can't be kept, or the store failed.
    #[error(transparent)]
    Other(#[from] Error),
}

impl From<RegistrationRefusal> for ApplicationError {
    fn from(refusal: RegistrationRefusal) -> Self {
        Self::Other(refusal.into())
    }
}

impl From<Unavailable> for ApplicationError {
    fn from(unavailable: Unavailable) -> Self {
        Self::Other(unavailable.into())
    }
}

/// An application, and its secret where one was made a moment ago: it is told now and never again.
#[derive(Debug)]
pub struct Application {
    /// The client as it is kept.
    pub client: Arc<Client>,
    /// Its new secret.
    pub secret: Option<SecretString>,
}

impl Application {
    /// The scopes that the owner of a client ticked: the most it may have, or in profiles where a client may ask for more
    /// later, those it begins with.
    #[must_use]
    pub fn ticked(client: &Client) -> &ScopeSet {
        match Rules::of(client.profile).registered_scopes {
            RegisteredScopes::Most => &client.scopes,
            RegisteredScopes::Beginning => &client.default_scopes,
        }
    }
}

impl<P: Ports> Engine<P> {
    /// Registers an application for a person. The document is client metadata (RFC 7591 §2).
    ///
    /// # Errors
    /// As [`Engine::register`]; [`ApplicationError::TooMany`] when the person has as many as they may;
    /// [`ApplicationError::Closed`] where the operator lets nobody.
    pub async fn register_application(
        &self,
        owner: &UserId,
        document: &[u8],
    ) -> Result<Application, ApplicationError> {
        let now = self.now();
        let policy = self.people_policy()?;
        let (asked, checked) = self.checked_application(document)?;
        let blank = Client {
            owner: Some(owner.clone()),
            // Nobody vouches for it: people give it what they like.
            optional_scopes: OptionalScopes::AllButOpenid,
            ..Client::new(ClientId::generate(now, &*self.env.rng), now)
        };
        let mut client = checked.onto(blank)?;
        // RFC 7591 §2 lets the server say the scopes of a client that names none. A person who ticks no box has said it.
        if Rules::of(client.profile).registered_scopes == RegisteredScopes::Most {
            client.scopes = ceiling::named(&client, &asked)?;
        }
        let secret = self.with_secret(&mut client)?;
        let client = Arc::new(client);
        match self.ports.register_application(&client, owner, policy.most_per_person).await? {
            Registered::Kept => Ok(Application { client, secret }),
            Registered::TokenSpent | Registered::Full => Err(ApplicationError::TooMany),
        }
    }

    /// The applications a person registered, in the order in which they did.
    ///
    /// # Errors
    /// The store failed.
    pub async fn applications(&self, owner: &UserId) -> Result<Vec<Arc<Client>>, ApplicationError> {
        Ok(self.ports.applications(owner).await?)
    }

    /// One of them.
    ///
    /// # Errors
    /// [`ApplicationError::NotYours`], whether it is somebody else's or nobody's.
    pub async fn application(&self, owner: &UserId, id: &ClientId) -> Result<Arc<Client>, ApplicationError> {
        let client = self.ports.client(id).await?.filter(|client| client.owner.as_ref() == Some(owner));
        client.ok_or(ApplicationError::NotYours)
    }

    /// Changes what its owner may change: what it tells of itself, where it goes back to, how it proves who it is, the code
    /// and device flows, and the scopes the operator offers. All else stays as the operator left it. Makes a secret if it needs one from now on.
    ///
    /// # Errors
    /// As [`Engine::register_application`] and [`Engine::application`]; [`ApplicationError::ChangedMeanwhile`].
    pub async fn change_application(
        &self,
        owner: &UserId,
        id: &ClientId,
        document: &[u8],
    ) -> Result<Application, ApplicationError> {
        self.people_policy()?;
        let before = self.application(owner, id).await?;
        let (asked, checked) = self.checked_application(document)?;
        let typed = checked.onto(Client::clone(&before))?;
        let mut after = self.as_typed(&before, &typed, &asked)?;
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
    pub async fn new_application_secret(
        &self,
        owner: &UserId,
        id: &ClientId,
    ) -> Result<Application, ApplicationError> {
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
    ) -> Result<Application, ApplicationError> {
        let before = self.application(owner, id).await?;
        let mut after = Client::clone(&before);
        after.secrets.truncate(1);
        self.keep_application(&before, after, None).await
    }

    /// Ends an application, with every grant and token of it.
    ///
    /// # Errors
    /// As [`Engine::application`].
    pub async fn delete_application(&self, owner: &UserId, id: &ClientId) -> Result<(), ApplicationError> {
        if self.ports.delete_application(id, owner, self.now()).await? {
            Ok(())
        } else {
            Err(ApplicationError::NotYours)
        }
    }

    fn people_policy(&self) -> Result<PeoplePolicy, ApplicationError> {
        self.settings.registration.people.ok_or(ApplicationError::Closed)
    }

    fn checked_application(&self, document: &[u8]) -> Result<(Members, CheckedMetadata), ApplicationError> {
        let asked = Members::read(document)?;
        let checked = checks(&asked, &self.registration_rules(&self.keys.algorithms()))?;
        // People are asked for it by its name.
        if checked.name.is_none() {
            return Err(RegistrationRefusal::metadata("client_name", "an application needs one").into());
        }
        Ok((asked, checked))
    }

    /// The application with what its owner typed, and nothing else of it changed.
    fn as_typed(
        &self,
        before: &Client,
        typed: &Client,
        asked: &Members,
    ) -> Result<Client, RegistrationRefusal> {
        let mut after = before.clone();
        let refused = RegistrationRefusal::metadata;
        after.client_name = typed.client_name.clone();
        after.information.client_uri = typed.information.client_uri.clone();
        after.information.logo_uri = typed.information.logo_uri.clone();
        after.redirect_uris = typed.redirect_uris.clone();
        after.application_type = typed.application_type;
        match before.authentication {
            ClientAuthentication::None
            | ClientAuthentication::ClientSecretBasic
            | ClientAuthentication::ClientSecretPost => after.authentication = typed.authentication,
            // Their keys and names are for the operator to set.
            ClientAuthentication::ClientSecretJwt
            | ClientAuthentication::PrivateKeyJwt
            | ClientAuthentication::TlsClientAuth
            | ClientAuthentication::SelfSignedTlsClientAuth => {}
        }
        let policy = &self.settings.registration;
        for grant in [GrantType::AuthorizationCode, GrantType::DeviceCode] {
            if policy.grant_types.contains(&grant) && before.ceiling.allows(grant) {
                if typed.grant_types.contains(&grant) {
                    after.grant_types.insert(grant);
                } else {
                    after.grant_types.remove(&grant);
                }
            }
        }
        if !after.grant_types.iter().any(|grant| *grant != GrantType::RefreshToken) {
            return Err(refused("grant_types", "nothing is left that the operator lets it do"));
        }
        // RFC 6749 §4.4: only clients that can prove who they are.
        if !after.is_confidential() && after.grant_types.contains(&GrantType::ClientCredentials) {
            return Err(refused(
                "token_endpoint_auth_method",
                "it needs a secret for what the operator lets it do",
            ));
        }
        // RFC 7591 §2.1: both or neither.
        let answers = &mut after.authorization.response_types;
        if !after.grant_types.contains(&GrantType::AuthorizationCode) {
            answers.clear();
        } else if answers.is_empty() {
            answers.insert(ResponseType::Code);
        }
        let ticked = ceiling::named(typed, asked)?;
        if !before.ceiling.covers(&ticked) {
            return Err(refused("scope", "the operator took one away from this application"));
        }
        let put = |kept: &ScopeSet| kept.difference(&policy.scopes).union(&ticked);
        match Rules::of(before.profile).registered_scopes {
            RegisteredScopes::Most => {
                after.scopes = put(&before.scopes);
                after.default_scopes = before.default_scopes.intersection(&after.scopes);
            }
            RegisteredScopes::Beginning => after.default_scopes = put(&before.default_scopes),
        }
        Ok(after)
    }

    async fn keep_application(
        &self,
        before: &Client,
        after: Client,
        secret: Option<SecretString>,
    ) -> Result<Application, ApplicationError> {
        let now: Timestamp = self.now();
        let client = Arc::new(after);
        if self.ports.change_application(before, &client, now).await? {
            Ok(Application { client, secret })
        } else {
            Err(ApplicationError::ChangedMeanwhile)
        }
    }
}
