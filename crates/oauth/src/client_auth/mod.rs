//! Who calls the token, introspection and revocation endpoints (RFC 6749 §2.3): one file a method.

mod assertion;
mod assertion_signature;
mod client_secret_basic;
mod client_secret_jwt;
mod client_secret_post;
mod none;
mod private_key_jwt;
mod secret;
mod self_signed_tls_client_auth;
mod tls_client_auth;

pub use client_secret_jwt::{UnfitSecret, seal};

use std::borrow::Cow;
use std::sync::Arc;

use countersign_access::Confirmation;
use countersign_access::ports::BoxFuture;
use countersign_model::{Client, ClientAuthentication, ClientId};

use crate::ports::Ports;
use crate::profile::Rules;
use crate::register::Fallback;
use crate::{ClientCall, ClientCertificate, ClientRefusal, Engine, Error, Parameters};

/// The `Authorization` field of the request, as read by `access::extract::basic_credentials`.
#[derive(Clone, Copy, Default)]
pub enum Authorization<'a> {
    /// There was none.
    #[default]
    Absent,
    /// Basic: name and secret as sent, not yet form-decoded (RFC 6749 §2.3.1).
    Basic {
        /// Before the colon.
        name: &'a str,
        /// After it.
        secret: &'a str,
    },
    /// There was one, but of another scheme or malformed.
    Unusable,
}

impl std::fmt::Debug for Authorization<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Absent => f.write_str("Absent"),
            Self::Basic { name, .. } => f.debug_struct("Basic").field("name", name).finish_non_exhaustive(),
            Self::Unusable => f.write_str("Unusable"),
        }
    }
}

/// Fetches what clients publish at URLs: a JWK Set, or a request object. Guarded against requests into private networks, and
/// remembers it for a while.
pub trait FetchKeys: Send + Sync + 'static {
    /// The document. `fresh` asks for a look at the source, because a key was not in the remembered one; how often
    /// that is granted is the implementation's to limit.
    fn fetch<'a>(&'a self, url: &'a str, fresh: bool) -> BoxFuture<'a, Result<Arc<[u8]>, KeysUnavailable>>;

    /// A request object that a client publishes at a URL it has registered (RFC 9101 §5.2.2), under the same guard, and
    /// not remembered: it may be made for one request.
    fn request_object<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Arc<[u8]>, KeysUnavailable>>;
}

/// The keys could not be fetched.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("it could not be fetched: {0}")]
pub struct KeysUnavailable(pub String);

/// A client that proved who it is, or that is public and said who it is. Only [`Engine::authenticate`] makes one.
#[derive(Clone, Debug)]
pub struct AuthenticatedClient {
    client: Arc<Client>,
    confirmation: Option<Confirmation>,
}

impl AuthenticatedClient {
    /// The client.
    #[must_use]
    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// The same client, holding this key.
    pub(crate) fn holding(self, confirmation: Option<Confirmation>) -> Self {
        Self { confirmation, ..self }
    }

    /// The key that this call proved to hold, when what is given in answer shall be bound to it.
    #[must_use]
    pub fn confirmation(&self) -> Option<Confirmation> {
        self.confirmation
    }
}

/// What a request presents. Nothing of it has been believed.
enum Presented<'a> {
    Basic {
        name: &'a str,
        secret: &'a str,
    },
    Post {
        id: &'a str,
        secret: &'a str,
    },
    Assertion {
        assertion: &'a str,
    },
    /// A name alone: of a public client, or of one whose proof is the connection's certificate.
    Id {
        id: &'a str,
    },
}

impl<P: Ports> Engine<P> {
    /// Finds out which client calls.
    ///
    /// # Errors
    /// [`Error::InvalidClient`] (RFC 6749 §5.2), or [`Error::TwoMethods`] (§2.3).
    pub async fn authenticate(&self, call: &ClientCall<'_>) -> Result<AuthenticatedClient, Error> {
        let ClientCall { authorization, form, .. } = *call;
        let refused = |reason| Error::InvalidClient { reason };
        let presented = presented(authorization, form)?;
        let client = match &presented {
            Presented::Basic { name, secret } => client_secret_basic::verify(self, name, secret).await,
            Presented::Post { id, secret } => client_secret_post::verify(self, id, secret).await,
            Presented::Assertion { assertion } => assertion::verify(self, assertion, form).await,
            Presented::Id { id } => self.by_channel(id, call.certificate).await,
        };
        let client = client?.map_err(refused)?;
        if !client.is_enabled() {
            return Err(refused(ClientRefusal::Disabled));
        }
        self.note_use(&client).await?;
        // A client_id beside another proof must name the same client, else the request could be read in two ways.
        match form.one("client_id") {
            Some(id) if id != client.client_id.as_str() => Err(refused(ClientRefusal::OtherClient)),
            Some(_) | None => Ok(AuthenticatedClient { client, confirmation: None }),
        }
    }

    /// The client of this name, which has nothing to show but its connection.
    async fn by_channel(
        &self,
        id: &str,
        certificate: Option<ClientCertificate<'_>>,
    ) -> Result<Result<Arc<Client>, ClientRefusal>, Error> {
        let client = match self.found(id).await? {
            Ok(client) => client,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let proven = match client.authentication {
            ClientAuthentication::None => none::accept(),
            ClientAuthentication::TlsClientAuth => tls_client_auth::check(&client, certificate),
            ClientAuthentication::SelfSignedTlsClientAuth => {
                self_signed_tls_client_auth::check(self, &client, certificate).await
            }
            ClientAuthentication::ClientSecretBasic
            | ClientAuthentication::ClientSecretPost
            | ClientAuthentication::ClientSecretJwt
            | ClientAuthentication::PrivateKeyJwt => Err(ClientRefusal::WrongMethod),
        };
        Ok(proven.map(|()| client))
    }

    async fn found(&self, id: &str) -> Result<Result<Arc<Client>, ClientRefusal>, Error> {
        if id.is_empty() || id.len() > crate::authorize::LONGEST_ID {
            return Ok(Err(ClientRefusal::Unknown));
        }
        match self.known_client(&ClientId::from(id), Fallback::Allowed).await {
            Err(Error::ClientDocument(fault)) => {
                tracing::debug!(client = id, fault, "a client's metadata document can't be used");
                Ok(Err(ClientRefusal::Document))
            }
            known => Ok(known?.ok_or(ClientRefusal::Unknown)),
        }
    }

    /// The client of this name, if it is registered for this method. A client is never let in by a weaker way than
    /// the one it chose (OpenID Connect Core §9).
    async fn registered_for(
        &self,
        id: &str,
        method: ClientAuthentication,
    ) -> Result<Result<Arc<Client>, ClientRefusal>, Error> {
        Ok(self.found(id).await?.and_then(|client| {
            let fits = client.authentication == method || takes_either_place(&client, method);
            if fits { Ok(client) } else { Err(ClientRefusal::WrongMethod) }
        }))
    }
}

/// Whether the client's profile lets it put its secret elsewhere than it registered. Both places are as strong
/// (RFC 6749 §2.3.1).
fn takes_either_place(client: &Client, method: ClientAuthentication) -> bool {
    let is_place = |method| {
        matches!(method, ClientAuthentication::ClientSecretBasic | ClientAuthentication::ClientSecretPost)
    };
    Rules::of(client.profile).secret_in_either_place && is_place(client.authentication) && is_place(method)
}

/// Whose name a call uses, before anything of it is believed: for counting alone.
#[must_use]
pub fn claimed_client<'a>(call: &ClientCall<'a>) -> Option<Cow<'a, str>> {
    let name = match call.authorization {
        Authorization::Basic { name, .. } => client_secret_basic::form_decoded(name),
        Authorization::Absent | Authorization::Unusable => match call.form.one("client_id") {
            Some(id) => Some(Cow::Borrowed(id)),
            None => assertion::claimed_client(call.form.one("client_assertion")?).map(Cow::Owned),
        },
    };
    name.filter(|name| name.len() <= crate::authorize::LONGEST_ID)
}

/// RFC 6749 §2.3: one method in a request.
fn presented<'a>(authorization: Authorization<'a>, form: &'a Parameters<'_>) -> Result<Presented<'a>, Error> {
    let refused = |reason| Err(Error::InvalidClient { reason });
    let (secret, assertion) = (form.one("client_secret"), form.one("client_assertion"));
    let in_form = usize::from(secret.is_some())
        + usize::from(assertion.is_some() || form.one("client_assertion_type").is_some());
    let presented = match (authorization, secret, assertion) {
        (Authorization::Absent, _, _) if in_form > 1 => return Err(Error::TwoMethods),
        (Authorization::Basic { .. } | Authorization::Unusable, _, _) if in_form > 0 => {
            return Err(Error::TwoMethods);
        }
        (Authorization::Unusable, _, _) => return refused(ClientRefusal::Malformed),
        (Authorization::Basic { name, secret }, _, _) => Presented::Basic { name, secret },
        (Authorization::Absent, Some(secret), _) => match form.one("client_id") {
            Some(id) => Presented::Post { id, secret },
            None => return refused(ClientRefusal::Absent),
        },
        (Authorization::Absent, None, Some(assertion)) => Presented::Assertion { assertion },
        (Authorization::Absent, None, None) => match form.one("client_id") {
            Some(id) if in_form == 0 => Presented::Id { id },
            Some(_) | None => return refused(ClientRefusal::Absent),
        },
    };
    Ok(presented)
}
