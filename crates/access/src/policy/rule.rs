//! A rule: what one route accepts. Checked once, read on every request.

use std::sync::Arc;

use countersign_model::{Method, ScopeSet};
use http::HeaderName;

use super::matcher::Qualified;
use super::settings::{InvalidRule, RuleSettings, StepUp};
use crate::challenge::Challenges;

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
