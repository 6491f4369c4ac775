//! What a person is asked, and what they answer.

use std::net::IpAddr;
use std::sync::Arc;

use countersign_model::{Client, ClientId, ScopeSet, Session, SessionId, Timestamp, TokenHash, UserId};

use crate::acr::class_of;
use crate::device::Decided;
use crate::ports::{AuthenticationEvent, Basis, DecoupledKind, DecoupledRequest, Ports};
use crate::{Engine, Error};

/// The scope with which a program answers in a person's name. Nobody who registers a client for themselves has it.
pub const APPROVALS_SCOPE: &str = "approvals";

/// A request that waits for a person.
#[derive(Clone, Debug)]
pub struct PendingApproval {
    /// Its name.
    pub id: String,
    /// Who asks.
    pub client: Arc<Client>,
    /// For what.
    pub scopes: ScopeSet,
    /// What of it the person may leave out.
    pub optional: ScopeSet,
    /// What the person's other screen shows.
    pub binding_message: Option<String>,
    /// The classes of sign-ins that are asked for; empty: any will do.
    pub acr_values: Vec<String>,
    /// From where.
    pub address: Option<IpAddr>,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
}

/// The person who answers, and how they proved who they are: what the tokens will say of it.
#[derive(Clone, Copy, Debug)]
pub enum Approver<'a> {
    /// In a browser.
    Session(&'a Session),
    /// By a program of theirs, with an access token.
    Token {
        /// Who.
        user: &'a UserId,
        /// The program, as a client.
        client: &'a ClientId,
        /// The session that the token was made in.
        session: Option<&'a SessionId>,
        /// The sign-in that the token speaks of.
        authentication: &'a AuthenticationEvent,
    },
}

impl Approver<'_> {
    fn user(&self) -> &UserId {
        match self {
            Self::Session(session) => &session.user,
            Self::Token { user, .. } => user,
        }
    }

    /// Whether they may answer what this client asks. CIBA §1: the device that consents is another than the one that
    /// asks. A program that answers itself would be nobody's consent.
    #[must_use]
    pub fn may_answer(&self, asking: &Client) -> bool {
        match self {
            Self::Session(_) => true,
            Self::Token { client, .. } => **client != asking.client_id,
        }
    }
}

impl<P: Ports> Engine<P> {
    /// What waits for this person, oldest first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn approvals(&self, user: &UserId) -> Result<Vec<PendingApproval>, Error> {
        let mut approvals = Vec::new();
        for request in self.ports.waiting_backchannel(user, self.now()).await? {
            if let Some((_, pending)) = self.pending(Some(request), user).await? {
                approvals.push(pending);
            }
        }
        Ok(approvals)
    }

    /// What waits for this person under this name.
    ///
    /// # Errors
    /// [`Error::UnknownApproval`]: nothing, or it waits for somebody else.
    pub async fn approval(&self, id: &str, user: &UserId) -> Result<PendingApproval, Error> {
        self.waiting_approval(id, user).await.map(|(_, pending)| pending)
    }

    /// The person agreed to these scopes: all that were asked for, or all but some that can be left out. `openid` never
    /// is.
    ///
    /// # Errors
    /// As [`Engine::approval`], also for the request of the program that answers; [`Error::UnmetAuthentication`]: the
    /// request asks for another class of sign-in than theirs; something was left out that can't be.
    pub async fn approve_backchannel(
        &self,
        id: &str,
        approver: Approver<'_>,
        agreed: &ScopeSet,
    ) -> Result<Arc<Client>, Error> {
        let (request, pending) = self.waiting_approval(id, approver.user()).await?;
        if !approver.may_answer(&pending.client) {
            return Err(Error::UnknownApproval);
        }
        let authentication = self.sign_in_of(approver, &pending.acr_values)?;
        let decided = match approver {
            Approver::Session(session) => Decided::in_session(session, authentication),
            Approver::Token { user, session, .. } => {
                Decided { user, session, basis: Basis::Voucher, authentication }
            }
        };
        if self.approve(&request, &pending.client, decided, agreed).await? {
            Ok(pending.client)
        } else {
            Err(Error::UnknownApproval)
        }
    }

    /// The person said no.
    ///
    /// # Errors
    /// As [`Engine::approval`].
    pub async fn deny_backchannel(&self, id: &str, user: &UserId) -> Result<Arc<Client>, Error> {
        let (request, pending) = self.waiting_approval(id, user).await?;
        let denied = self.ports.deny_decoupled(&request.handle, self.now()).await?;
        if denied { Ok(pending.client) } else { Err(Error::UnknownApproval) }
    }

    /// Whether this sign-in is one that a request with these `acr_values` asks for.
    #[must_use]
    pub fn is_met(&self, approver: Approver<'_>, acr_values: &[String]) -> bool {
        self.sign_in_of(approver, acr_values).is_ok()
    }

    /// How they signed in, in the request's own words where it has any. Names that nobody here knows were left out
    /// before; those that are left were asked for because the operator has such classes, so they are insisted on.
    fn sign_in_of(
        &self,
        approver: Approver<'_>,
        acr_values: &[String],
    ) -> Result<AuthenticationEvent, Error> {
        let (classes, now) = (&self.settings.acr_classes, self.now());
        let authentication = match approver {
            Approver::Session(session) => {
                let class = class_of(classes, acr_values, session, false, now);
                AuthenticationEvent {
                    auth_time: session.auth_time,
                    amr: session.amr.clone(),
                    acr: class.map(str::to_owned).or_else(|| session.acr.clone()),
                }
            }
            // RFC 9068 §2.2.1: `acr` is what it was at the sign-in, and a refreshed token carries it on. Whether the sign-in
            // is recent enough is asked of the clock.
            Approver::Token { authentication, .. } => {
                let class = class_of(classes, acr_values, authentication, false, now);
                AuthenticationEvent { acr: class.map(str::to_owned), ..authentication.clone() }
            }
        };
        let fits = authentication.acr.as_ref().is_some_and(|acr| acr_values.contains(acr));
        if acr_values.is_empty() || fits { Ok(authentication) } else { Err(Error::UnmetAuthentication) }
    }

    async fn waiting_approval(
        &self,
        id: &str,
        user: &UserId,
    ) -> Result<(DecoupledRequest, PendingApproval), Error> {
        let found = self.ports.waiting_decoupled(&TokenHash::of(id.as_bytes()), self.now()).await?;
        self.pending(found, user).await?.ok_or(Error::UnknownApproval)
    }

    /// The request with its client, which may have been disabled meanwhile, if it is this person's to answer.
    async fn pending(
        &self,
        found: Option<DecoupledRequest>,
        user: &UserId,
    ) -> Result<Option<(DecoupledRequest, PendingApproval)>, Error> {
        let Some(request) = found.filter(|request| request.kind == DecoupledKind::Backchannel) else {
            return Ok(None);
        };
        let Some(asked) = request.backchannel.clone().filter(|asked| asked.user == *user) else {
            return Ok(None);
        };
        let client = self.ports.client(&request.client).await?.filter(|client| client.is_enabled());
        Ok(client.map(|client| {
            let pending = PendingApproval {
                id: asked.id,
                optional: client.optional_scopes.of(&request.scopes),
                client,
                scopes: request.scopes.clone(),
                binding_message: asked.binding_message,
                acr_values: asked.acr_values,
                address: request.address,
                created_at: request.created_at,
                expires_at: request.expires_at,
            };
            (request, pending)
        }))
    }
}
