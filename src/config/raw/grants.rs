//! Grants that need rules of their own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::units::Span;

/// Grants that nobody may use without a rule. The client must be registered for the grant type as well.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RawGrants {
    /// Who may exchange whose tokens for what (RFC 8693). The first rule that fits counts.
    pub token_exchange: Vec<RawTokenExchange>,
    /// Whose assertions give tokens to whom (RFC 7523 §2.1).
    pub jwt_bearer: Vec<RawJwtBearer>,
}

/// A rule for token exchange.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawTokenExchange {
    /// The client that exchanges.
    pub client: String,
    /// Whose tokens: `own` and names from `[issuers]`. Default: `own`.
    #[serde(default)]
    pub subject_issuers: Option<Vec<String>>,
    /// Tokens that were given to these clients. Default: to any.
    #[serde(default)]
    pub subject_clients: Option<Vec<String>>,
    /// Audiences of tokens that it may exchange besides its own.
    #[serde(default)]
    pub subject_audiences: Vec<String>,
    /// What the new token may be for; the first where the request does not say.
    pub audiences: Vec<String>,
    /// The most the new token may say. It never says more than the token it is traded for.
    pub scopes: Vec<String>,
    /// Whether the new token may hide who acts. Default: no.
    #[serde(default)]
    pub impersonation: bool,
}

/// A rule for JWT bearer assertions.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawJwtBearer {
    /// Who signs the assertions: a name from `[issuers]`.
    pub issuer: String,
    /// The clients that may bring them.
    pub clients: Vec<String>,
    /// The most a token may say.
    pub scopes: Vec<String>,
    /// How far ahead an assertion's end may be. Default: `10m`.
    #[serde(default)]
    pub max_lifetime: Option<Span>,
}

/// Whom the subject of another issuer is here, where one of its tokens is exchanged or brought as an assertion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RawSubjects {
    /// Nobody: our token says `name|subject`, with the issuer's name from `[issuers]`.
    #[default]
    Foreign,
    /// The account with this id.
    UserId,
    /// The account that signs in under this name.
    Username,
}
