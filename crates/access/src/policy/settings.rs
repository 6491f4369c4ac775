//! A rule as an operator says it, and what can be wrong with it.

use std::time::Duration;

use countersign_model::{Method, ScopeSet};

use crate::OWN;

/// A rule as the configuration says it.
#[derive(Clone, Debug)]
pub struct RuleSettings {
    /// The route's name, for API keys that are limited to routes.
    pub name: String,
    /// Methods that are accepted. With none and `anonymous`, credentials are not looked at.
    pub accept: Vec<Method>,
    /// Whether a request without a credential passes. A wrong credential is refused even so.
    pub anonymous: bool,
    /// Scopes the caller must have, all of them.
    pub scopes: ScopeSet,
    /// The audience a token must name, unless its issuer has an audience of its own. Without either no token passes.
    pub audience: Option<String>,
    /// Names of the issuers whose tokens are accepted: [`OWN`] and keys of `[issuers]`.
    pub issuers: Vec<String>,
    /// Names of the trust bundles whose certificates are accepted: [`OWN`] and others that TLS knows.
    pub trust_bundles: Vec<String>,
    /// Subjects that may pass; `*` at the end stands for any rest. A subject is one of our own, or one of the issuer or
    /// trust bundle that is named before a colon: `partner:alice`. Empty: all.
    pub subjects: Vec<String>,
    /// Certificate names (DNS name, SPIFFE ID) that may pass by mTLS; `*` and `bundle:` as in `subjects`. Empty: all.
    pub certificate_names: Vec<String>,
    /// Where an API key may be.
    pub api_key: ApiKeyPlacement,
    /// Whether `Authorization: token …` is taken for reference tokens, as clients for GitHub send it.
    pub token_scheme: bool,
    /// What is asked of DPoP proofs.
    pub dpop: DpopSettings,
    /// Whether Basic is accepted where everyone on the way can read the password (RFC 7617 §4).
    pub insecure_allow_basic_over_http: bool,
    /// How a person must have signed in for the token that calls (RFC 9470).
    pub step_up: StepUp,
    /// The realm named in challenges.
    pub realm: String,
    /// Where the resource's metadata is, to be named in challenges (RFC 9728 §5.1).
    pub resource_metadata: Option<String>,
}

impl Default for RuleSettings {
    /// Accepts nothing: every request is refused.
    fn default() -> Self {
        Self {
            name: String::new(),
            accept: Vec::new(),
            anonymous: false,
            scopes: ScopeSet::empty(),
            audience: None,
            issuers: vec![OWN.to_owned()],
            trust_bundles: vec![OWN.to_owned()],
            subjects: Vec::new(),
            certificate_names: Vec::new(),
            api_key: ApiKeyPlacement::default(),
            token_scheme: false,
            dpop: DpopSettings::default(),
            insecure_allow_basic_over_http: false,
            step_up: StepUp::default(),
            realm: "countersign".to_owned(),
            resource_metadata: None,
        }
    }
}

/// What is asked of DPoP proofs (RFC 9449).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DpopSettings {
    /// Whether a proof must have a nonce of ours (§9).
    pub nonce: bool,
    /// The origins (`https://host` with its port) under which callers know this route, where they are not those of the
    /// requests as they arrive: a proof is for one of them. Empty: scheme and host of the request.
    pub origins: Vec<String>,
}

/// Where an API key may be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApiKeyPlacement {
    /// `Authorization: ApiKey …`.
    pub authorization: bool,
    /// `Authorization: Bearer …`.
    pub bearer: bool,
    /// These header fields.
    pub headers: Vec<String>,
    /// This URL parameter, which is taken off before anything is logged or forwarded.
    pub query: Option<String>,
}

impl Default for ApiKeyPlacement {
    /// `Authorization: ApiKey` and `X-API-Key`.
    fn default() -> Self {
        Self { authorization: true, bearer: false, headers: vec!["X-API-Key".to_owned()], query: None }
    }
}

/// How a person must have signed in (RFC 9470 §3). By default it does not matter.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StepUp {
    /// Authentication context classes, one of which the token must name. Empty: any.
    pub acr_values: Vec<String>,
    /// How long ago the person may have signed in.
    pub max_age: Option<Duration>,
}

impl StepUp {
    /// Whether anything is asked for.
    pub(crate) fn is_asked(&self) -> bool {
        !self.acr_values.is_empty() || self.max_age.is_some()
    }
}

/// Why a rule can't be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidRule {
    /// A pattern is empty, too long, or has a `*` that is not its last character.
    #[error("{0:?} is no pattern: a name, or the beginning of one followed by '*'")]
    Pattern(String),
    /// The header field's name can't be one, or means something else.
    #[error("{0:?} can't be the header field of an API key")]
    KeyHeader(String),
    /// The URL parameter's name is empty or has characters that need escaping.
    #[error("{0:?} can't be the URL parameter of an API key: letters, digits, '-', '_' and '.' only")]
    KeyParameter(String),
    /// An origin of DPoP proofs is none.
    #[error("{0:?} is no origin: scheme and host, such as https://api.example.com, without a path")]
    DpopOrigin(String),
    /// The realm can't be quoted.
    #[error("{0:?} can't be a realm: printable ASCII without '\"' and '\\'")]
    Realm(String),
    /// API keys are accepted, but nowhere.
    #[error("API keys are accepted, but no place for them is")]
    NoPlace,
    /// An authentication context class can't stand in a challenge.
    #[error("{0:?} can't be an authentication context class: printable ASCII without space, '\"' and '\\'")]
    AcrValue(String),
    /// How a person signed in is known of tokens alone.
    #[error(
        "acr_values and max_age ask how a person signed in, which only a token tells: accept jwt or oauth"
    )]
    StepUpWithoutTokens,
    /// The address of the metadata can't stand in a challenge.
    #[error("{0:?} can't be the address of a resource's metadata")]
    ResourceMetadata(String),
}
