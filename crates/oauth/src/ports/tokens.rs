//! Refresh tokens and access tokens as they rest.

use std::future::Future;

use countersign_access::Confirmation;
use countersign_model::{
    ClientId, GrantId, ScopeSet, SessionId, Subject, Timestamp, TokenHash, TokenId, UserId,
};
use serde::{Deserialize, Serialize};

use super::{Answer, AuthenticationEvent};
use crate::AuthorizationDetails;

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

/// How many access tokens without an end a person and a client have together.
pub const MOST_ENDLESS_TOKENS: u32 = 10;

/// Whether an issuance was kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Recorded {
    /// It was.
    Kept,
    /// The grant was revoked meanwhile (a code replay), or the client removed: nothing may be given out.
    Revoked,
}

/// Access tokens.
pub trait AccessTokens: Send + Sync {
    /// Keeps what is about to be given out, in one transaction, if its grant still counts; without a grant, if its client
    /// is still there. Of access tokens without an end a person and a client have [`MOST_ENDLESS_TOKENS`] together: the
    /// oldest is given up, with the grant it came from.
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
    /// Revokes one access token and keeps another in its place, in one transaction: of two callers one has the new one.
    /// None is made when the old one was revoked before, or when their grant does not count.
    fn replace_access_token(
        &self,
        old: &TokenId,
        next: &AccessToken,
        now: Timestamp,
    ) -> impl Future<Output = Answer<Recorded>> + Send;
}
