//! Resources that tokens are for, and what sign-ins amount to.

use std::collections::BTreeMap;
use std::path::PathBuf;

use countersign_model::AccessTokenFormat;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::units::Span;

/// A resource that access tokens are for (RFC 8707): an API, by the identifier that is the audience of its tokens.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawResource {
    /// Its identifier, an absolute URI without a fragment, such as `https://orders.example.com`. Routes name it as their
    /// `audience`, clients as `resource`.
    pub resource: String,
    /// How people know it.
    #[serde(default)]
    pub name: Option<String>,
    /// Where developers read about it.
    #[serde(default)]
    pub documentation: Option<String>,
    /// Its scopes, each in words that people understand. Its tokens carry no others.
    #[serde(default)]
    pub scopes: BTreeMap<String, String>,
    /// What its access tokens look like: `jwt` or `reference`. Default: what the client is registered for.
    #[serde(default)]
    #[schemars(with = "Option<RawTokenFormat>")]
    pub access_token_format: Option<AccessTokenFormat>,
    /// The algorithm its tokens are signed with, one of `keys.algorithms`, or `HS256` with `hs256_secret_file`.
    /// Default: the first of them.
    #[serde(default)]
    pub signing_algorithm: Option<String>,
    /// A file with the secret that this resource server shares with Countersign, 32 bytes or more, for
    /// `signing_algorithm = "HS256"`. Whoever has it can make tokens for this resource.
    #[serde(default)]
    pub hs256_secret_file: Option<PathBuf>,
}

/// The words of `access_token_format`, for the schema.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum RawTokenFormat {
    /// A signed token (RFC 9068).
    Jwt,
    /// An opaque one that is looked up; the upstream still sees a signed identity.
    Reference,
}

/// A class of sign-ins (OpenID Connect Core §2, `acr`): what routes and clients may ask for (RFC 9470).
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawAcrClass {
    /// Its name, such as `urn:example:recent`.
    pub acr: String,
    /// The methods by which a person must have signed in, all of them: `pwd` for a password (RFC 8176).
    pub amr: Vec<String>,
    /// How long ago at most. Default: as long as the session lives.
    #[serde(default)]
    pub within: Option<Span>,
}
