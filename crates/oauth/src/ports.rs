//! What the engine needs kept: small traits whose operations are intentions. `store` implements them.
//!
//! One-time values are consumed in a single statement, never found and then deleted, so that of two callers who come
//! at the same instant exactly one wins. An operation that returns `Ok` is durable.

mod applications;
mod backchannel;
mod decoupled;

use std::future::Future;
use std::sync::Arc;

use countersign_access::Confirmation;
use countersign_model::{
    Client, ClientId, GrantId, ScopeSet, Session, SessionId, Subject, Timestamp, TokenHash, TokenId, User,
    UserId, Username,
};
use serde::{Deserialize, Serialize};

pub use applications::Applications;
pub use backchannel::{BackchannelLimits, BackchannelRequest, BackchannelRequests, BegunBackchannel};
pub use decoupled::{Approval, DecoupledKind, DecoupledRequest, DecoupledRequests, Poll, PollRequest};

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
    /// Keeps a new session.
    fn begin_session(&self, session: &Session) -> impl Future<Output = Answer<()>> + Send;
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
    /// Keeps a new grant that nothing was issued on yet.
    fn begin_grant(&self, grant: &Grant, now: Timestamp) -> impl Future<Output = Answer<()>> + Send;
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
    /// Keeps a new grant and its code, in one transaction.
    fn store_code(&self, grant: &Grant, code: &AuthorizationCode) -> impl Future<Output = Answer<()>> + Send;
    /// Takes the code, once.
    fn consume_code(
        &self,
        hash: &TokenHash,
        now: Timestamp,
    ) -> impl Future<Output = Answer<ConsumedCode>> + Send;
}

/// A refresh token (RFC 6749 §6) as it rests.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RefreshToken {
    /// Hash of the token.
    pub hash: TokenHash,
    /// Its family.
    pub grant: GrantId,
    /// Whose it is.
    pub client: ClientId,
    /// Who agreed.
    pub user: UserId,
    /// In which session.
    pub session: Option<SessionId>,
    /// How they had signed in.
    pub authentication: AuthenticationEvent,
    /// The key that its holder must prove, when the client is public (RFC 8705 §4, RFC 9449 §5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmation: Option<Confirmation>,
    /// The most it can give.
    pub scopes: ScopeSet,
    /// The resources it is for.
    pub resources: Vec<String>,
    /// The most it can give in more words (RFC 9396).
    #[serde(default, skip_serializing_if = "AuthorizationDetails::is_empty")]
    pub authorization_details: AuthorizationDetails,
    /// When it was made.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A refresh token that was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FoundRefreshToken {
    /// The token.
    pub token: RefreshToken,
    /// When it was rotated away, if it was.
    pub rotated_at: Option<Timestamp>,
    /// Whether its grant still counts.
    pub grant_is_live: bool,
}

/// What became of an attempt to rotate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rotation {
    /// The successor and the access token are kept, the presented token is spent.
    Rotated,
    /// It had been spent when the grace period began: the grant has been revoked by this very call (RFC 9700 §4.14).
    Replayed,
    /// The grant no longer counts.
    Revoked,
}

/// Refresh tokens.
pub trait RefreshTokens: Send + Sync {
    /// The token, spent or not, expired or not.
    fn refresh_token(
        &self,
        hash: &TokenHash,
    ) -> impl Future<Output = Answer<Option<FoundRefreshToken>>> + Send;
    /// Spends `presented` and keeps its successor and the new access token, in one transaction.
    ///
    /// A token spent after `grace_began` may be rotated again, for a client whose answer was lost; its other successors
    /// are spent by that. Spent then or earlier: a replay.
    #[expect(clippy::too_many_arguments, reason = "five facts of one transaction, and the store itself")]
    fn rotate_refresh_token(
        &self,
        presented: &TokenHash,
        grace_began: Timestamp,
        next: &RefreshToken,
        access: &AccessToken,
        now: Timestamp,
    ) -> impl Future<Output = Answer<Rotation>> + Send;
}

/// An access token as it rests: of a JWT only what revocation and introspection need.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AccessToken {
    /// Its `jti`.
    pub id: TokenId,
    /// Hash of the reference token; `None` for a JWT.
    pub reference: Option<TokenHash>,
    /// Its family; `None` when a client acts in its own name.
    pub grant: Option<GrantId>,
    /// Whose it is.
    pub client: ClientId,
    /// Whom it speaks of: a user's id, or the client's own.
    pub subject: Subject,
    /// The claims, as the JWT has them or would have them (RFC 9068 §2.2). Empty for a JWT, which carries its own.
    pub claims: Option<serde_json::Map<String, serde_json::Value>>,
    /// When it was made.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// An access token that was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FoundAccessToken {
    /// The token.
    pub token: AccessToken,
    /// Whether it still counts: neither it nor its grant revoked, its client and user enabled. Expiry is for the engine.
    pub is_live: bool,
}

/// Whether an issuance was kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Recorded {
    /// It was.
    Kept,
    /// The grant was revoked meanwhile (a code replay): nothing may be given out.
    GrantRevoked,
}

/// Access tokens.
pub trait AccessTokens: Send + Sync {
    /// Keeps what is about to be given out, in one transaction, if its grant still counts.
    fn record_issuance(
        &self,
        access: &AccessToken,
        refresh: Option<&RefreshToken>,
    ) -> impl Future<Output = Answer<Recorded>> + Send;
    /// The token of this `jti`.
    fn access_token(&self, id: &TokenId) -> impl Future<Output = Answer<Option<FoundAccessToken>>> + Send;
    /// The token of this reference.
    fn reference_token(
        &self,
        hash: &TokenHash,
    ) -> impl Future<Output = Answer<Option<FoundAccessToken>>> + Send;
    /// Revokes one access token and tells the checkers; twice is no error.
    fn revoke_access_token(&self, id: &TokenId, now: Timestamp) -> impl Future<Output = Answer<()>> + Send;
}

/// An authorization request that waits for a person (to sign in, to agree).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Interaction {
    /// Hash of the identifier in the page's address.
    pub hash: TokenHash,
    /// Hash of the cookie that ties it to one browser.
    pub browser: TokenHash,
    /// The request's parameters as they were checked.
    pub parameters: Vec<(String, String)>,
    /// How the request came.
    #[serde(default)]
    pub origin: Origin,
    /// The session the browser had when the request came: where a new sign-in is demanded, this one will not do.
    #[serde(default)]
    pub session: Option<SessionId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it is forgotten.
    pub expires_at: Timestamp,
}

/// How an authorization request came.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Origin {
    /// The pushed request (RFC 9126) that it is; spent when it is answered.
    pub pushed: Option<TokenHash>,
    /// Whether the client signed it (RFC 9101).
    pub signed: bool,
}

/// A pushed authorization request (RFC 9126), every check passed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PushedRequest {
    /// Hash of its name in `request_uri`.
    pub hash: TokenHash,
    /// Who pushed it.
    pub client: ClientId,
    /// The parameters that count.
    pub parameters: Vec<(String, String)>,
    /// Whether the client signed them.
    pub signed: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it may be begun.
    pub expires_at: Timestamp,
    /// Until when it may be answered, by a person who takes their time.
    pub kept_until: Timestamp,
}

/// Pushed authorization requests.
pub trait PushedRequests: Send + Sync {
    /// Keeps one.
    fn keep_pushed_request(&self, request: &PushedRequest) -> impl Future<Output = Answer<()>> + Send;
    /// Looks at one that was not answered, expired or not.
    fn pushed_request(&self, hash: &TokenHash) -> impl Future<Output = Answer<Option<PushedRequest>>> + Send;
    /// Takes one, once: whether this caller, and no other, has it now.
    fn consume_pushed_request(&self, hash: &TokenHash) -> impl Future<Output = Answer<bool>> + Send;
}

/// Waiting authorization requests.
pub trait Interactions: Send + Sync {
    /// Keeps one.
    fn keep_interaction(&self, interaction: &Interaction) -> impl Future<Output = Answer<()>> + Send;
    /// Looks at one that has not expired.
    fn interaction(
        &self,
        hash: &TokenHash,
        now: Timestamp,
    ) -> impl Future<Output = Answer<Option<Interaction>>> + Send;
    /// Takes one that has not expired, once.
    fn consume_interaction(
        &self,
        hash: &TokenHash,
        now: Timestamp,
    ) -> impl Future<Output = Answer<Option<Interaction>>> + Send;
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

/// A client that is about to be registered.
#[derive(Clone, Debug)]
pub struct NewRegistration {
    /// The client.
    pub client: Arc<Client>,
    /// Hash of the registration access token (RFC 7592 §1.2).
    pub token: TokenHash,
    /// Hash of the initial access token one use of which this takes.
    pub initial: Option<TokenHash>,
    /// How many clients may have registered themselves, this one included.
    pub most_clients: u32,
    /// When it is forgotten unless it is used.
    pub expires_at: Timestamp,
    /// Now.
    pub now: Timestamp,
}

/// What became of a registration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Registered {
    /// It is kept, and the use is counted.
    Kept,
    /// The initial access token was used up or ended meanwhile: nothing is kept.
    TokenSpent,
    /// There are as many clients as may be: nothing is kept, no use is counted.
    Full,
}

/// A client that is known by a document at the URL that is its name.
#[derive(Clone, Debug)]
pub struct DocumentedClient {
    /// The client as the document has it.
    pub client: Client,
    /// How many clients may be known by document or have registered themselves, this one included.
    pub most_clients: u32,
    /// When it is forgotten unless it is used.
    pub expires_at: Timestamp,
    /// Now.
    pub now: Timestamp,
}

/// Clients that nobody but themselves looks after (RFC 7591, RFC 7592, Client ID Metadata Documents).
pub trait Registrations: Send + Sync {
    /// Whether this initial access token has a use left at `now`.
    fn initial_access_token_counts(
        &self,
        hash: &TokenHash,
        now: Timestamp,
    ) -> impl Future<Output = Answer<bool>> + Send;
    /// Keeps a new client and takes one use of its initial access token, in one transaction: a token for one client
    /// registers one, however many come at the same instant.
    fn register_client(
        &self,
        registration: NewRegistration,
    ) -> impl Future<Output = Answer<Registered>> + Send;
    /// The hash of a client's registration access token; `None` for a client that did not register itself.
    fn registration_token(&self, id: &ClientId) -> impl Future<Output = Answer<Option<TokenHash>>> + Send;
    /// Changes a client that registered itself and puts `next` in the place of the presented token, if that still
    /// counts; `false` when it does not.
    fn replace_registration(
        &self,
        presented: &TokenHash,
        client: &Client,
        next: &TokenHash,
        now: Timestamp,
    ) -> impl Future<Output = Answer<bool>> + Send;
    /// Removes a client with all it holds if the presented token counts; `false` when it does not.
    fn delete_registration(
        &self,
        id: &ClientId,
        presented: &TokenHash,
        now: Timestamp,
    ) -> impl Future<Output = Answer<bool>> + Send;
    /// Notes that the client was used, so that it stays until `expires_at` at least.
    fn keep_registration(
        &self,
        id: &ClientId,
        expires_at: Timestamp,
    ) -> impl Future<Output = Answer<()>> + Send;
    /// Keeps a client as its metadata document has it, in the place of what an earlier document said. Whether it may
    /// be used and when it was first seen stay as they were; a client that is registered in another way stays as it is.
    /// Returns the client as it is kept now, or `None` when there is no room for another.
    fn keep_documented_client(
        &self,
        documented: DocumentedClient,
    ) -> impl Future<Output = Answer<Option<Arc<Client>>>> + Send;
}
