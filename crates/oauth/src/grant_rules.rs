//! What the operator allows of token exchange and JWT bearer grants: data, checked by pure functions. Without a rule
//! nothing is allowed.

use std::collections::BTreeSet;
use std::time::Duration;

use countersign_model::{ClientId, ScopeSet};

/// The name under which rules know this server's own tokens.
pub const OWN_ISSUER: &str = "own";

/// Who may exchange whose tokens for what (RFC 8693 §1.1, §2.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExchangeRule {
    /// Who exchanges.
    pub client: ClientId,
    /// Whose tokens: [`OWN_ISSUER`] and names of trusted issuers.
    pub subject_issuers: BTreeSet<String>,
    /// Given to which clients; `None`: to any. A token of another issuer says so in `client_id` or `azp`.
    pub subject_clients: Option<BTreeSet<ClientId>>,
    /// Made for which audiences, besides the exchanging client's own.
    pub subject_audiences: BTreeSet<String>,
    /// For which audiences and resources; the first where the request names none.
    pub audiences: Vec<String>,
    /// The most the new token may say. The subject token's own scopes bound it too.
    pub scopes: ScopeSet,
    /// Whether the new token may hide who acts (RFC 8693 §1.1, impersonation). Otherwise it names the actor or, where
    /// no `actor_token` came, the exchanging client.
    pub impersonation: bool,
}

impl ExchangeRule {
    /// Whether it speaks of tokens of this issuer that were given to this client.
    pub(crate) fn admits(&self, issuer: &str, client: Option<&ClientId>) -> bool {
        let fits = |clients: &BTreeSet<ClientId>| client.is_some_and(|client| clients.contains(client));
        self.subject_issuers.contains(issuer) && self.subject_clients.as_ref().is_none_or(fits)
    }

    /// Whether it names this client, rather than admits whoever comes.
    pub(crate) fn names(&self, client: Option<&ClientId>) -> bool {
        let fits = |clients: &BTreeSet<ClientId>| client.is_some_and(|client| clients.contains(client));
        self.subject_clients.as_ref().is_some_and(fits)
    }
}

/// Whose assertions give tokens to whom (RFC 7523 §2.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JwtBearerRule {
    /// The name of the trusted issuer.
    pub issuer: String,
    /// Clients that may present its assertions.
    pub clients: BTreeSet<ClientId>,
    /// The most a token may say.
    pub scopes: ScopeSet,
    /// How far ahead an assertion's end may be (RFC 7523 §3, point 4).
    pub max_lifetime: Duration,
}
