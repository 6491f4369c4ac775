//! What the pipeline needs to know, filled in-process beside the server and through standards when it runs alone.
//!
//! Asked only on a cache miss, so these are boxed.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use countersign_model::{
    ApiKey, ClientId, GrantId, PasswordHashText, ScopeSet, Subject, Timestamp, TokenHash, TokenId, UserId,
    Username,
};

/// A boxed future, for the seams.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The answer could not be had: the request is refused with 503, never let through.
#[derive(Debug, thiserror::Error)]
#[error("what is needed to check this credential could not be looked up: {0}")]
pub struct Unavailable(pub String);

/// An account as Basic authentication sees it.
#[derive(Clone, Debug)]
pub struct Account {
    /// Who it is.
    pub subject: Subject,
    /// The account's identifier when it is one of our own; `None` for an htpasswd entry.
    pub user: Option<UserId>,
    /// The stored hash; an account without one can't use Basic.
    pub password: Option<PasswordHashText>,
    /// Whether it may be used at all.
    pub enabled: bool,
    /// What it may do.
    pub scopes: ScopeSet,
}

/// Accounts that may use Basic authentication: own users, an htpasswd file.
pub trait Accounts: Send + Sync {
    /// The account of this name.
    fn account<'a>(&'a self, name: &'a Username) -> BoxFuture<'a, Result<Option<Account>, Unavailable>>;
    /// A better hash of the same password, made because the stored one was weak; kept if the stored hash is still `old`.
    fn upgrade_password<'a>(
        &'a self,
        account: &'a Account,
        old: &'a PasswordHashText,
        new: PasswordHashText,
    ) -> BoxFuture<'a, Result<(), Unavailable>>;
}

/// API keys by hash.
pub trait ApiKeys: Send + Sync {
    /// The key of this hash, revoked and expired ones included.
    fn api_key<'a>(&'a self, hash: &'a TokenHash) -> BoxFuture<'a, Result<Option<Arc<ApiKey>>, Unavailable>>;
}

/// What a reference token stands for: the claims of its JWT (RFC 9068 §2.2) or the introspection answer (RFC 7662 §2.2).
#[derive(Clone, Debug)]
pub struct ReferenceToken {
    /// The claims.
    pub claims: serde_json::Map<String, serde_json::Value>,
    /// How long the answer may be kept without asking again; the token's own `exp` bounds it too.
    pub fresh_until: Timestamp,
}

/// Reference tokens: the own store's, or another server's by introspection.
pub trait ReferenceTokens: Send + Sync {
    /// The live token behind this text; `None` when it is unknown, expired or revoked.
    fn reference_token<'a>(
        &'a self,
        token: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<ReferenceToken>, Unavailable>>;
}

/// Something changed that a checker may have remembered. The store announces it, across processes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// This API key was made, changed or revoked.
    ApiKey(TokenHash),
    /// This user's password, status or scopes changed. The name is the one it signs in with.
    User(UserId, Username),
    /// This client was changed, disabled or deleted.
    Client(ClientId),
    /// This token was revoked; it would have expired at the given time.
    TokenRevoked(TokenId, Timestamp),
    /// Everything of this grant was revoked; its last token would have expired at the given time.
    GrantRevoked(GrantId, Timestamp),
    /// The signing keys changed.
    SigningKeys,
    /// A certificate was revoked or the authorities changed.
    Certificates,
}
