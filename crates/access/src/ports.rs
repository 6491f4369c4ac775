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

/// The own issuer's verifying keys, when its key ring lives in this process.
pub trait KeySource: Send + Sync {
    /// The key of this `kid` that tokens may be verified with now.
    fn verifying_key(&self, kid: &str, now: Timestamp) -> Option<Arc<countersign_jose::VerifyingKey>>;
    /// A number that changes whenever the set of keys does: verified tokens are remembered no longer than that.
    fn generation(&self) -> u64;
}

/// Fetches a JSON document from an external issuer: its metadata or its JWK Set. The implementation guards against
/// requests into private networks, and limits size and time.
pub trait JwksFetch: Send + Sync {
    /// The document at this URL.
    fn fetch<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Vec<u8>, Unavailable>>;
}

/// Is told which API keys are used. Called on the hot path: it must neither wait nor allocate much; an atomic or a
/// bounded queue that drops will do.
pub trait KeyUse: Send + Sync {
    /// The key was used for a request that was allowed. Told once a minute while it is used, and whenever it comes from
    /// another address than the last one told.
    fn used(&self, key: &Arc<ApiKey>, address: std::net::IpAddr, now: Timestamp);
}

/// Everything of the own issuer that was revoked and has not expired.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Revocations {
    /// Tokens, and when each would have expired.
    pub tokens: Vec<(TokenId, Timestamp)>,
    /// Grants, and when the last token of each would have expired.
    pub grants: Vec<(GrantId, Timestamp)>,
    /// Clients that are disabled or deleted.
    pub disabled_clients: Vec<ClientId>,
    /// Accounts that are disabled or deleted.
    pub disabled_users: Vec<UserId>,
}

/// Revocations of the own issuer. Announcements keep the list current; it is loaded at start.
pub trait RevocationList: Send + Sync {
    /// The whole list.
    fn revocations(&self, now: Timestamp) -> BoxFuture<'_, Result<Revocations, Unavailable>>;
    /// Whether the client exists and is enabled; asked once after each [`Change::Client`].
    fn client_is_enabled<'a>(&'a self, client: &'a ClientId) -> BoxFuture<'a, Result<bool, Unavailable>>;
    /// Whether the account exists and is enabled; asked once after each [`Change::User`].
    fn user_is_enabled<'a>(&'a self, user: &'a UserId) -> BoxFuture<'a, Result<bool, Unavailable>>;
}
