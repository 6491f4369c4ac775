//! A rule: what one route accepts. Checked once, read on every request.

use std::sync::Arc;
use std::time::Duration;

use countersign_model::{Method, ScopeSet};
use http::HeaderName;

use super::matcher::Qualified;
use crate::OWN;
use crate::challenge::Challenges;

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

/// A checked rule. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Rule(Arc<Checked>);

#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) name: Box<str>,
    accept: u8,
    pub(crate) anonymous: bool,
    pub(crate) scopes: ScopeSet,
    pub(crate) audience: Option<Box<str>>,
    pub(crate) issuers: Vec<Box<str>>,
    pub(crate) trust_bundles: Vec<Box<str>>,
    pub(crate) subjects: Vec<Qualified>,
    pub(crate) certificate_names: Vec<Qualified>,
    pub(crate) step_up: StepUp,
    pub(crate) key_in_authorization: bool,
    pub(crate) key_as_bearer: bool,
    pub(crate) key_headers: Vec<HeaderName>,
    pub(crate) key_parameter: Option<Box<str>>,
    pub(crate) token_scheme: bool,
    pub(crate) dpop_nonce: bool,
    pub(crate) dpop_origins: Vec<Box<str>>,
    pub(crate) basic_over_http: bool,
    /// A policy that can't be read denies.
    pub(crate) broken: bool,
    pub(crate) challenges: Arc<Challenges>,
}

impl Rule {
    /// Checks the settings.
    ///
    /// # Errors
    /// What can't be meant, with the text that is wrong.
    pub fn new(settings: RuleSettings) -> Result<Self, InvalidRule> {
        let patterns = |texts: &[String]| {
            texts
                .iter()
                .map(|text| {
                    let vouchers = settings.issuers.iter().chain(&settings.trust_bundles);
                    Qualified::read(text, vouchers.map(String::as_str))
                        .ok_or_else(|| InvalidRule::Pattern(text.clone()))
                })
                .collect::<Result<Vec<_>, _>>()
        };
        let takes_keys = settings.accept.contains(&Method::ApiKey);
        let place = &settings.api_key;
        if takes_keys
            && !place.authorization
            && !place.bearer
            && place.headers.is_empty()
            && place.query.is_none()
        {
            return Err(InvalidRule::NoPlace);
        }
        let key_headers = place.headers.iter().map(|name| key_header(name)).collect::<Result<Vec<_>, _>>()?;
        let key_parameter = place.query.as_deref().map(key_parameter).transpose()?;
        let takes_tokens = settings.accept.iter().any(|method| matches!(method, Method::Jwt | Method::Oauth));
        if settings.step_up.is_asked() && !takes_tokens {
            return Err(InvalidRule::StepUpWithoutTokens);
        }
        let challenges = Challenges::new(&settings)?;
        let (subjects, certificate_names) =
            (patterns(&settings.subjects)?, patterns(&settings.certificate_names)?);
        let origins = settings.dpop.origins.iter().map(|text| origin(text)).collect::<Result<_, _>>()?;
        Ok(Self(Arc::new(Checked {
            name: settings.name.into(),
            accept: settings.accept.iter().fold(0, |set, method| set | bit(*method)),
            anonymous: settings.anonymous,
            scopes: settings.scopes,
            audience: settings.audience.map(Into::into),
            issuers: settings.issuers.into_iter().map(Into::into).collect(),
            trust_bundles: settings.trust_bundles.into_iter().map(Into::into).collect(),
            subjects,
            certificate_names,
            step_up: settings.step_up,
            key_in_authorization: takes_keys && settings.api_key.authorization,
            key_as_bearer: takes_keys && settings.api_key.bearer,
            key_headers: if takes_keys { key_headers } else { Vec::new() },
            key_parameter: if takes_keys { key_parameter } else { None },
            token_scheme: settings.token_scheme,
            dpop_nonce: settings.dpop.nonce,
            dpop_origins: origins,
            basic_over_http: settings.insecure_allow_basic_over_http,
            broken: false,
            challenges: Arc::new(challenges),
        })))
    }

    /// The rule of a policy that can't be read: every request is refused with 503.
    #[must_use]
    pub fn broken(name: &str) -> Self {
        Self(Arc::new(Checked {
            name: name.into(),
            accept: 0,
            anonymous: false,
            scopes: ScopeSet::empty(),
            audience: None,
            issuers: Vec::new(),
            trust_bundles: Vec::new(),
            subjects: Vec::new(),
            certificate_names: Vec::new(),
            step_up: StepUp::default(),
            key_in_authorization: false,
            key_as_bearer: false,
            key_headers: Vec::new(),
            key_parameter: None,
            token_scheme: false,
            dpop_nonce: false,
            dpop_origins: Vec::new(),
            basic_over_http: false,
            broken: true,
            challenges: Arc::new(Challenges::none()),
        }))
    }

    /// The route's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether the method is accepted.
    #[must_use]
    pub fn accepts(&self, method: Method) -> bool {
        self.0.accept & bit(method) != 0
    }

    /// Whether everybody passes and nothing is looked at: anonymous, and no method accepted.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.0.anonymous && self.0.accept == 0 && !self.0.broken
    }

    /// The URL parameter that may hold an API key.
    #[must_use]
    pub fn key_parameter(&self) -> Option<&str> {
        self.0.key_parameter.as_deref()
    }

    /// The query fit for logs and the upstream: without the parameter that may hold an API key.
    #[must_use]
    pub fn public_query<'q>(&self, query: &'q str) -> std::borrow::Cow<'q, str> {
        match &self.0.key_parameter {
            Some(name) => crate::url_key::without_parameter(query, name),
            None => std::borrow::Cow::Borrowed(query),
        }
    }

    pub(crate) fn checked(&self) -> &Checked {
        &self.0
    }
}

const fn bit(method: Method) -> u8 {
    match method {
        Method::Jwt => 1,
        Method::Oauth => 2,
        Method::Mtls => 4,
        Method::Basic => 8,
        Method::ApiKey => 16,
    }
}

fn origin(text: &str) -> Result<Box<str>, InvalidRule> {
    let wrong = || InvalidRule::DpopOrigin(text.to_owned());
    let url = url::Url::parse(text).map_err(|_| wrong())?;
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let origin = url.origin();
    if is_bare && url.username().is_empty() && matches!(url.scheme(), "http" | "https") {
        Ok(origin.ascii_serialization().into())
    } else {
        Err(wrong())
    }
}

/// A header field for API keys: not one that HTTP, the pipeline or a cache reads in its own way.
fn key_header(name: &str) -> Result<HeaderName, InvalidRule> {
    const TAKEN: [&str; 12] = [
        "authorization",
        "proxy-authorization",
        "cookie",
        "host",
        "connection",
        "content-length",
        "content-type",
        "transfer-encoding",
        "te",
        "upgrade",
        "forwarded",
        "x-forwarded-for",
    ];
    HeaderName::try_from(name)
        .ok()
        .filter(|name| !TAKEN.contains(&name.as_str()))
        .ok_or_else(|| InvalidRule::KeyHeader(name.to_owned()))
}

fn key_parameter(name: &str) -> Result<Box<str>, InvalidRule> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if !name.is_empty() && name.len() <= 64 && name.bytes().all(plain) {
        Ok(name.into())
    } else {
        Err(InvalidRule::KeyParameter(name.to_owned()))
    }
}
