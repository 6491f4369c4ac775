//! What the engine needs kept: small traits whose operations are intentions. `store` implements them.
//!
//! One-time values are consumed in a single statement, never found and then deleted, so that of two callers who come
//! at the same instant exactly one wins. An operation that returns `Ok` is durable.

mod applications;
mod backchannel;
mod decoupled;
mod registrations;
mod requests;
mod tokens;

use std::future::Future;
use std::sync::Arc;

use countersign_access::Confirmation;
use countersign_model::{
    Client, ClientId, GrantId, ScopeSet, Session, SessionId, Timestamp, TokenHash, User, UserId, Username,
};
use serde::{Deserialize, Serialize};

pub use applications::Applications;
pub use backchannel::{BackchannelLimits, BackchannelRequest, BackchannelRequests, BegunBackchannel};
pub use decoupled::{Approval, DecoupledKind, DecoupledRequest, DecoupledRequests, Poll, PollRequest};
pub use registrations::{DocumentedClient, NewRegistration, Registered, Registrations};
pub use requests::{Interaction, Interactions, Origin, PushedRequest, PushedRequests};
pub use tokens::{
    AccessToken, AccessTokens, FoundAccessToken, FoundRefreshToken, MOST_ENDLESS_TOKENS, Recorded,
    RefreshToken, RefreshTokens, Rotation,
};

use crate::{AuthorizationDetails, Consent};

/// The store could not answer. Always our own fault, never the caller's, and it is logged; the caller may try again:
/// `temporarily_unavailable`.
#[derive(Debug, thiserror::Error)]
#[error("the store could not answer: {0}")]
pub struct Unavailable(#[source] pub Box<dyn std::error::Error + Send + Sync>);

type Answer<T> = Result<T, Unavailable>;

/// Everything the engine needs, in one bound.
pub trait Ports:
    Clients
    + People
    + Grants
    + Codes
    + RefreshTokens
    + AccessTokens
    + Interactions
    + Assertions
    + Proofs
    + DecoupledRequests
    + BackchannelRequests
    + Registrations
    + PushedRequests
    + Applications
    + 'static
{
}

impl<T> Ports for T where
    T: Clients
        + People
        + Grants
        + Codes
        + RefreshTokens
        + AccessTokens
        + Interactions
        + Assertions
        + Proofs
        + DecoupledRequests
        + BackchannelRequests
        + Registrations
        + PushedRequests
        + Applications
        + 'static
{
}

/// Registered clients.
pub trait Clients: Send + Sync {
    /// The client of this name, enabled or not. Shared, because the document is read at every request and never
    /// changed: an implementation may answer from memory as long as it follows the changes of every process.
    fn client(&self, id: &ClientId) -> impl Future<Output = Answer<Option<Arc<Client>>>> + Send;
}

/// People and their sessions.
pub trait People: Send + Sync {
    /// The account that signs in under this name.
    fn user_by_name(&self, name: &Username) -> impl Future<Output = Answer<Option<User>>> + Send;
    /// The account itself.
    fn user(&self, id: &UserId) -> impl Future<Output = Answer<Option<User>>> + Send;
    /// Keeps a new session, if its person may sign in and has the password that was verified, which was that of this
    /// account as it was read before; `false` when not. Looked at in the same transaction: whoever is disabled at that
    /// instant is not signed in afterwards, and neither is who came with a password that was changed while it was compared.
    fn begin_session(&self, session: &Session, verified: &User) -> impl Future<Output = Answer<bool>> + Send;
    /// The live session of a cookie: not expired at `now`, not ended, its person enabled and the password not changed
    /// since `auth_time`.
    fn session(
        &self,
        secret: &TokenHash,
        now: Timestamp,
    ) -> impl Future<Output = Answer<Option<Session>>> + Send;
    /// Ends a session; ending it twice is no error.
    fn end_session(&self, id: &SessionId) -> impl Future<Output = Answer<()>> + Send;
    /// Ends a session and revokes what was given in it, and tells the checkers; also when the session itself has ended
    /// before.
    fn revoke_session(
        &self,
        id: &SessionId,
        offline: Offline,
        now: Timestamp,
    ) -> impl Future<Output = Answer<()>> + Send;
}

/// What becomes of grants that a person agreed should last while they are away (`offline_access`, OpenID Connect Core
/// §11) when the session they were given in is revoked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Offline {
    /// They stay (OpenID Connect Back-Channel Logout §2.7).
    Kept,
    /// They end too.
    Ended,
}

/// What a person gave a client in one authorization. Every code and token of it dies with it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Grant {
    /// Names the family.
    pub id: GrantId,
    /// To whom.
    pub client: ClientId,
    /// By whom.
    pub user: UserId,
    /// In which session, when it still mattered.
    pub session: Option<SessionId>,
    /// What was given.
    pub scopes: ScopeSet,
    /// When.
    pub created_at: Timestamp,
    /// Since when it no longer counts.
    pub revoked_at: Option<Timestamp>,
}

/// What a grant rests on. It is looked at in the transaction that keeps the grant, so that none outlives a revocation
/// that happens at the same instant. The client must be there and count in any case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Basis {
    /// The live session that the grant names.
    Session,
    /// That session, and an answer of its person to this client that they have not taken back.
    Consent,
    /// A token or an assertion, which were verified: no session has to be there.
    Voucher,
}

/// Grants and remembered consent.
pub trait Grants: Send + Sync {
    /// What this person has already answered to this client; `None` when they were never asked, or took it back. An
    /// answer to a request for nothing is an answer.
    fn consent(
        &self,
        user: &UserId,
        client: &ClientId,
    ) -> impl Future<Output = Answer<Option<Consent>>> + Send;
    /// Remembers an answer, after earlier ones ([`Consent::followed_by`]).
    fn remember_consent(
        &self,
        user: &UserId,
        client: &ClientId,
        answer: &Consent,
        now: Timestamp,
    ) -> impl Future<Output = Answer<()>> + Send;
    /// Forgets that a person agreed to anything for a client, and revokes what the client holds of it, in one
    /// transaction.
    fn withdraw_consent(
        &self,
        user: &UserId,
        client: &ClientId,
        now: Timestamp,
    ) -> impl Future<Output = Answer<()>> + Send;
    /// Keeps a new grant that nothing was issued on yet, on the word of another; `false` when its client does not count
    /// any more.
    fn begin_grant(&self, grant: &Grant, now: Timestamp) -> impl Future<Output = Answer<bool>> + Send;
    /// The grant, revoked or not.
    fn grant(&self, id: &GrantId) -> impl Future<Output = Answer<Option<Grant>>> + Send;
    /// Revokes the grant with every code, refresh token and access token of it, and tells the checkers.
    fn revoke_grant(&self, id: &GrantId, now: Timestamp) -> impl Future<Output = Answer<()>> + Send;
}

/// How and when the person of a grant proved who they are; copied into every token of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AuthenticationEvent {
    /// When (OpenID Connect Core §2).
    pub auth_time: Timestamp,
    /// How (RFC 8176).
    pub amr: Vec<String>,
    /// How strongly.
    pub acr: Option<String>,
}

/// An authorization code (RFC 6749 §4.1.2) as it rests: the code itself is only hashed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AuthorizationCode {
    /// Hash of the code.
    pub hash: TokenHash,
    /// The family it begins.
    pub grant: GrantId,
    /// Whom it was given to.
    pub client: ClientId,
    /// Who agreed.
    pub user: UserId,
    /// In which session.
    pub session: Option<SessionId>,
    /// How they had signed in.
    pub authentication: AuthenticationEvent,
    /// The redirect URI of the authorization request.
    pub redirect_uri: String,
    /// Whether the request named it, so that the token request must repeat it (RFC 6749 §4.1.3).
    pub redirect_uri_was_sent: bool,
    /// The S256 code challenge (RFC 7636 §4.2), when there was one.
    pub code_challenge: Option<String>,
    /// The thumbprint of the key that the code is bound to (RFC 9449 §10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpop_jkt: Option<Confirmation>,
    /// The OpenID Connect nonce.
    pub nonce: Option<String>,
    /// What was agreed to.
    pub scopes: ScopeSet,
    /// Which resources were named (RFC 8707).
    pub resources: Vec<String>,
    /// What was agreed to in more words (RFC 9396).
    #[serde(default, skip_serializing_if = "AuthorizationDetails::is_empty")]
    pub authorization_details: AuthorizationDetails,
    /// When it was made.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// What became of a presented code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConsumedCode {
    /// This caller, and no other, has it now. It may have expired: the engine looks.
    Fresh(Box<AuthorizationCode>),
    /// It was consumed before; its grant has been revoked by this very call (RFC 6749 §4.1.2).
    Replayed(GrantId),
    /// No such code.
    Unknown,
}

/// Authorization codes.
pub trait Codes: Send + Sync {
    /// Keeps a new grant and its code, in one transaction; `false` when what the grant rests on is no more, and nothing
    /// was kept.
    fn store_code(
        &self,
        grant: &Grant,
        basis: Basis,
        code: &AuthorizationCode,
    ) -> impl Future<Output = Answer<bool>> + Send;
    /// Takes the code, once.
    fn consume_code(
        &self,
        hash: &TokenHash,
        now: Timestamp,
    ) -> impl Future<Output = Answer<ConsumedCode>> + Send;
}

/// Memory against replayed DPoP proofs (RFC 9449 §11.1).
pub trait Proofs: Send + Sync {
    /// Remembers this proof, by its key and `jti`, until it is too old; `false` when it was remembered already.
    fn remember_proof(&self, id: &TokenHash, until: Timestamp) -> impl Future<Output = Answer<bool>> + Send;
}

/// Memory against replayed client assertions (RFC 7523 §3, `jti`).
pub trait Assertions: Send + Sync {
    /// Remembers this `jti` of this client until it expires; `false` when it was remembered already.
    fn remember_assertion(
        &self,
        client: &ClientId,
        jti: &str,
        expires_at: Timestamp,
    ) -> impl Future<Output = Answer<bool>> + Send;
}
