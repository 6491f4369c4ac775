//! Authorization requests that wait: for their person, or to be begun (RFC 9126).

use std::future::Future;

use countersign_model::{ClientId, SessionId, Timestamp, TokenHash};
use serde::{Deserialize, Serialize};

use super::Answer;

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
