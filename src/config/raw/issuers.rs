//! `[issuers]`: whose tokens are taken besides our own.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::units::Span;
use super::RawSubjects;

/// An issuer other than our own.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawIssuer {
    /// The `iss` of its tokens, compared exactly.
    pub issuer: String,
    /// Where its keys are. Default, without any other source: found by discovery.
    #[serde(default)]
    pub jwks_uri: Option<String>,
    /// A file with its JWK Set.
    #[serde(default)]
    pub jwks_file: Option<PathBuf>,
    /// A file with the HS256 secret it shares with us.
    #[serde(default)]
    pub hs256_secret_file: Option<PathBuf>,
    /// Algorithms it may use. Default: `["RS256", "ES256"]`, or `["HS256"]` with a secret.
    #[serde(default)]
    pub algorithms: Option<Vec<String>>,
    /// The audience its tokens must name. Default: the route's.
    #[serde(default)]
    pub audience: Option<String>,
    /// Types (`typ`) its tokens may have. Default: `["at+jwt", "JWT"]`, and none at all.
    #[serde(default)]
    pub types: Option<Vec<String>>,
    /// Whom its subjects are here, where `[grants]` take its tokens. Default: `foreign`.
    #[serde(default)]
    pub subjects: RawSubjects,
    /// The claim that names them. Default: `sub`.
    #[serde(default)]
    pub subject_claim: Option<String>,
    /// Its reference tokens are introspected here (RFC 7662).
    #[serde(default)]
    pub introspection: Option<RawIntrospection>,
}

/// Introspection of another server's reference tokens.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawIntrospection {
    /// The endpoint.
    pub endpoint: String,
    /// Our name there.
    pub client_id: String,
    /// A file with our secret there.
    pub client_secret_file: PathBuf,
    /// How long an answer is kept. Default: `30s`.
    #[serde(default)]
    pub remember: Option<Span>,
}
