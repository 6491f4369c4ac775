//! `[registration]`: clients that register themselves.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::units::Span;

/// Clients that register themselves (RFC 7591, RFC 7592) or are known by a metadata document at their own URL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RawRegistration {
    /// Who may register a client. Default: `off`.
    pub access: RawRegistrationAccess,
    /// Grant types such a client may have. Default: `["authorization_code", "refresh_token"]`.
    pub grant_types: Option<Vec<String>>,
    /// The most it may be given. Default: `["openid", "profile", "email", "offline_access"]`.
    pub scopes: Option<Vec<String>>,
    /// Profiles it may ask for (`countersign_profile`); the first is for those that ask for none. Default: `["oauth2.1",
    /// "fapi2-security", "fapi2-message-signing", "mcp"]`.
    pub profiles: Option<Vec<String>>,
    /// The types of `[[authorization_details]]` it may ask for (RFC 9396 §10). Default: none.
    pub authorization_details_types: Vec<String>,
    /// How long a client stays that nobody uses. Default: `90d`.
    pub unused: Option<Span>,
    /// How many such clients there may be. Default: 10000.
    pub max_clients: Option<u32>,
    /// How many may be registered from one address in an hour. Default: 60.
    pub max_per_address_and_hour: Option<u32>,
    /// Whether people with an account may register applications on a page of their own.
    pub people: bool,
    /// How many applications one person may have. Default: 20.
    pub max_per_person: Option<u32>,
    /// Whether nobody registers without a software statement of a trusted issuer.
    pub require_statement: bool,
    /// Whose software statements (RFC 7591 §2.3) are believed, by a name of your choice.
    pub statement_issuers: BTreeMap<String, RawStatementIssuer>,
    /// Whether an `https` URL is taken as the name of a client whose metadata is there.
    pub client_documents: bool,
    /// Hosts such documents may be on: exact, or `*.example.com`. Empty: every host.
    pub client_document_hosts: Vec<String>,
}

/// Who may register a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RawRegistrationAccess {
    /// Nobody.
    #[default]
    Off,
    /// Whoever has a token of `countersign registration token create`.
    InitialAccessToken,
    /// Everybody.
    Open,
}

/// An issuer of software statements.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawStatementIssuer {
    /// The `iss` of its statements, compared exactly.
    pub issuer: String,
    /// Where its keys are.
    #[serde(default)]
    pub jwks_uri: Option<String>,
    /// Instead: a file with its JWK Set.
    #[serde(default)]
    pub jwks_file: Option<PathBuf>,
    /// Algorithms it may use. Default: every one with a public key.
    #[serde(default)]
    pub algorithms: Option<Vec<String>>,
}
