//! What the operator decides about the protocol, already checked.

use std::time::Duration;

use countersign_jose::{Algorithm, Algorithms};
use countersign_keys::MasterKey;
use countersign_model::ScopeSet;
use url::Url;

use crate::register::{ClientDocumentPolicy, RegistrationPolicy};
use crate::{
    AcrClass, BackchannelPolicy, DetailTypes, ExchangeRule, JwtBearerRule, Resources, TrustedIssuers,
};

/// Settings of the engine. [`Settings::new`] gives every default; change what differs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The issuer (RFC 8414 §2), exactly as tokens and metadata carry it: no trailing slash.
    pub issuer: String,
    /// Where the endpoints are.
    pub endpoints: Endpoints,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// The longest life of a signed access token: keys are published for their last token that long, and no longer.
    pub longest_signed_token: Duration,
    /// For how long a rotated refresh token may be rotated once more, for a client whose answer was lost.
    pub refresh_grace: Duration,
    /// How long a client waits between two polls (RFC 8628 §3.2, `interval`).
    pub poll_interval: Duration,
    /// Backchannel authentication.
    pub backchannel: BackchannelPolicy,
    /// The audience of access tokens whose client and request name none.
    pub default_audience: String,
    /// Resources (RFC 8707) any client may ask for, besides those registered for it.
    pub resources: Resources,
    /// Whether one access token may be for several resources. Each of them could use it at the others.
    pub several_audiences: bool,
    /// Whether signing out revokes what was given in that session without `offline_access`.
    pub sign_out_revokes: bool,
    /// Classes of sign-ins, the strongest first.
    pub acr_classes: Vec<AcrClass>,
    /// The types of authorization details that may be asked for (RFC 9396 §2.1).
    pub authorization_details_types: DetailTypes,
    /// Issuers whose tokens some grants take.
    pub trusted_issuers: TrustedIssuers,
    /// Who may exchange tokens (RFC 8693). Empty: nobody.
    pub exchange_rules: Vec<ExchangeRule>,
    /// Who may bring assertions of which issuer (RFC 7523 §2.1). Empty: nobody.
    pub jwt_bearer_rules: Vec<JwtBearerRule>,
    /// The scopes that the metadata names.
    pub scopes: ScopeSet,
    /// Takes authorization requests of confidential clients without PKCE. Public clients always need it.
    pub insecure_pkce_optional: bool,
    /// Takes authorization requests only where they were pushed before (RFC 9126 §5), whoever asks.
    pub require_pushed_authorization_requests: bool,
    /// Takes authorization requests only as signed request objects (RFC 9101 §10.5), whoever asks.
    pub require_signed_request_object: bool,
    /// Algorithms request objects may be signed with (RFC 9101 §10.1). Never `none`, never HMAC.
    pub request_object_algorithms: Algorithms,
    /// Algorithms client assertions may be signed with (RFC 7523 §3). Never `none`, never HMAC.
    pub assertion_algorithms: Algorithms,
    /// How far ahead the `exp` of a client assertion may be. An hour is what client libraries commonly set.
    pub assertion_lifetime: Duration,
    /// Opens the secrets of clients that sign with one (`client_secret_jwt`); without it nobody can.
    pub master_key: Option<MasterKey>,
    /// Whether DPoP proofs must have a nonce of ours (RFC 9449 §8).
    pub dpop_nonce: bool,
    /// Where clients with certificates find the endpoints (RFC 8705 §5): the same paths below this address, without a
    /// slash at its end, in the issuer's place.
    pub mtls_url: Option<String>,
    /// By how much another machine's clock may differ from ours.
    pub leeway: Duration,
    /// Who may register clients, and what such clients may have.
    pub registration: RegistrationPolicy,
    /// Which clients may be known by a document at the URL that is their name; `None`: no such client.
    pub client_documents: Option<ClientDocumentPolicy>,
}

/// Where the endpoints are, as absolute URLs.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "each is the endpoint of its name")]
pub struct Endpoints {
    pub authorization: String,
    pub pushed_authorization_request: String,
    pub token: String,
    pub introspection: String,
    pub revocation: String,
    pub userinfo: String,
    pub jwks: String,
    pub device_authorization: String,
    pub backchannel_authentication: String,
    /// The page where people type user codes (RFC 8628 §3.2, `verification_uri`): short, because they type it too.
    pub verification: String,
    pub registration: String,
}

/// How long things live.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lifetimes {
    /// Authorization codes (RFC 6749 §4.1.2: ten minutes at most).
    pub authorization_code: Duration,
    /// Access tokens, unless the client has a life of its own.
    pub access_token: Duration,
    /// Refresh tokens from their last use, unless the client has a life of its own.
    pub refresh_token: Duration,
    /// ID tokens.
    pub id_token: Duration,
    /// Sessions, whatever happens.
    pub session: Duration,
    /// How long an authorization request waits for a person.
    pub interaction: Duration,
    /// Device and user codes (RFC 8628 §3.2, `expires_in`).
    pub device_code: Duration,
    /// How long a pushed authorization request may be begun (RFC 9126 §2.2: some tens of seconds).
    pub pushed_request: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            authorization_code: Duration::from_secs(60),
            access_token: Duration::from_secs(600),
            refresh_token: Duration::from_secs(30 * 86_400),
            id_token: Duration::from_secs(600),
            session: Duration::from_secs(12 * 3_600),
            interaction: Duration::from_secs(1_800),
            device_code: Duration::from_secs(600),
            pushed_request: Duration::from_secs(90),
        }
    }
}

/// Why settings can't be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidSettings {
    /// RFC 8414 §2.
    #[error(
        "the issuer must be an https URL without query and fragment (http on a loopback host only), not {0:?}"
    )]
    Issuer(String),
    /// RFC 6749 §4.1.2.
    #[error("an authorization code must live from one second to ten minutes")]
    CodeLifetime,
    /// RFC 8628 §5.1: the longer codes live, the more of them can be guessed.
    #[error("a device code must live from one minute to half an hour, and be polled every second at most")]
    DeviceCodeLifetime,
    /// Nothing can live for no time.
    #[error("a lifetime must be at least one second")]
    Lifetime,
    /// RFC 8707 §2.
    #[error("a resource must be an absolute URI without a fragment, not {0:?}")]
    Resource(String),
    /// There is no such key.
    #[error("resource {0}: no key signs with {1}; add it to keys.algorithms")]
    ResourceAlgorithm(String, Algorithm),
    /// Tokens for the server itself open its own doors.
    #[error("resource {0}: the server itself shares no secret with anybody; it signs with a key")]
    OwnSecret(String),
    /// RFC 8725 §2.4 in spirit: each could make tokens for the other.
    #[error(
        "resources {0} and {1} share one secret: each could make tokens for the other; give each its own"
    )]
    OneSecret(String, String),
    /// Its name goes into a list separated by spaces, and into a quoted text.
    #[error("a class of sign-ins can't be called {0:?}: printable ASCII without spaces and quotation marks")]
    Acr(String),
}

impl Settings {
    /// Settings with every default for this issuer.
    ///
    /// # Errors
    /// The issuer is no https URL (http is taken on a loopback host), or has a query or a fragment.
    pub fn new(issuer: &str) -> Result<Self, InvalidSettings> {
        let invalid = || InvalidSettings::Issuer(issuer.to_owned());
        let url = Url::parse(issuer).map_err(|_| invalid())?;
        // RFC 8414 §2: https, no query, no fragment.
        let fits = (url.scheme() == "https" || url.scheme() == "http" && is_loopback(&url))
            && url.has_host()
            && !issuer.contains(['?', '#'])
            && url.username().is_empty()
            && url.password().is_none();
        if !fits {
            return Err(invalid());
        }
        let issuer = issuer.trim_end_matches('/').to_owned();
        Ok(Self {
            endpoints: Endpoints::of(&issuer),
            lifetimes: Lifetimes::default(),
            longest_signed_token: Duration::from_secs(86_400),
            refresh_grace: Duration::from_secs(10),
            poll_interval: Duration::from_secs(5),
            backchannel: BackchannelPolicy::default(),
            default_audience: issuer.clone(),
            resources: Resources::default(),
            several_audiences: false,
            sign_out_revokes: false,
            acr_classes: Vec::new(),
            authorization_details_types: DetailTypes::new(),
            scopes: "openid profile email offline_access".parse().unwrap_or_default(),
            trusted_issuers: TrustedIssuers::new(),
            exchange_rules: Vec::new(),
            jwt_bearer_rules: Vec::new(),
            insecure_pkce_optional: false,
            require_pushed_authorization_requests: false,
            require_signed_request_object: false,
            request_object_algorithms: Algorithm::ALL
                .into_iter()
                .filter(|known| !known.is_symmetric())
                .collect(),
            assertion_algorithms: Algorithm::ALL.into_iter().filter(|known| !known.is_symmetric()).collect(),
            assertion_lifetime: Duration::from_secs(3_600),
            master_key: None,
            dpop_nonce: false,
            mtls_url: None,
            leeway: Duration::from_secs(10),
            registration: RegistrationPolicy::default(),
            client_documents: None,
            issuer,
        })
    }

    /// One of our endpoints below the address that asks for certificates (RFC 8705 §5).
    pub(crate) fn mtls_alias(&self, endpoint: &str) -> Option<String> {
        let path = endpoint.strip_prefix(self.issuer.as_str())?;
        self.mtls_url.as_ref().map(|url| format!("{url}{path}"))
    }

    /// What can't be right, found before the server starts. `algorithms`: those there are keys for.
    pub(crate) fn check(&self, algorithms: &[Algorithm]) -> Result<(), InvalidSettings> {
        let lives = &self.lifetimes;
        let second = Duration::from_secs(1);
        if lives.authorization_code < second || lives.authorization_code > Duration::from_secs(600) {
            return Err(InvalidSettings::CodeLifetime);
        }
        let half_an_hour = Duration::from_secs(1_800);
        if lives.device_code < Duration::from_secs(60)
            || lives.device_code > half_an_hour
            || self.poll_interval < second
        {
            return Err(InvalidSettings::DeviceCodeLifetime);
        }
        let others = [
            lives.access_token,
            lives.refresh_token,
            lives.id_token,
            lives.session,
            lives.interaction,
            lives.pushed_request,
            self.backchannel.lifetime,
        ];
        if others.iter().any(|life| *life < second) {
            return Err(InvalidSettings::Lifetime);
        }
        if let Some(resource) = self.resources.malformed() {
            return Err(InvalidSettings::Resource(resource.clone()));
        }
        if let Some((resource, algorithm)) = self.resources.without_key(algorithms) {
            return Err(InvalidSettings::ResourceAlgorithm(resource.clone(), algorithm));
        }
        if self.resources.get(&self.issuer).is_some_and(|own| own.secret().is_some()) {
            return Err(InvalidSettings::OwnSecret(self.issuer.clone()));
        }
        if let Some((one, other)) = self.resources.of_one_secret() {
            return Err(InvalidSettings::OneSecret(one.clone(), other.clone()));
        }
        let plain = |acr: &str| !acr.is_empty() && acr.bytes().all(|b| matches!(b, 0x21..=0x7e) && b != b'"');
        match self.acr_classes.iter().find(|class| !plain(&class.acr)) {
            Some(class) => Err(InvalidSettings::Acr(class.acr.clone())),
            None => Ok(()),
        }
    }
}

impl Endpoints {
    /// The endpoints below an issuer.
    #[must_use]
    pub fn of(issuer: &str) -> Self {
        let at = |path: &str| format!("{issuer}{path}");
        Self {
            authorization: at("/authorize"),
            pushed_authorization_request: at("/par"),
            token: at("/token"),
            introspection: at("/introspect"),
            revocation: at("/revoke"),
            userinfo: at("/userinfo"),
            jwks: at("/jwks"),
            device_authorization: at("/device_authorization"),
            backchannel_authentication: at("/bc-authorize"),
            verification: at("/device"),
            registration: at("/register"),
        }
    }
}

/// Whether the URL's host is this machine (RFC 8252 §7.3; `localhost` for issuers of a development server).
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
