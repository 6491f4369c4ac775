//! The configuration once it can be believed: defaults filled in, paths made absolute. Only `check` makes it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use countersign_jose::Algorithm;
use countersign_model::{AccessTokenFormat, GrantType, Profile, Scope, ScopeSet, SecretString};
use countersign_oauth::{DetailTypes, ExchangeRule, JwtBearerRule};
use countersign_server::RateLimits;
use ipnet::IpNet;
use url::Url;

use super::raw::{
    LogFormat, RawClientCertificates, RawCompatibility, RawIssuer, RawRegistrationAccess, RawRoute,
};

/// The checked configuration.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) data_dir: PathBuf,
    pub(crate) server: Option<Server>,
    pub(crate) gateway: Option<Gateway>,
    pub(crate) management: Option<SocketAddr>,
    pub(crate) store: Store,
    pub(crate) keys: Keys,
    pub(crate) tokens: Tokens,
    pub(crate) resources: Vec<Resource>,
    pub(crate) authorization: Authorization,
    pub(crate) acr_classes: Vec<AcrClass>,
    pub(crate) grants: Grants,
    pub(crate) registration: Registration,
    pub(crate) limits: RateLimits,
    pub(crate) compatibility: RawCompatibility,
    pub(crate) ca: Ca,
    pub(crate) basic: Basic,
    pub(crate) issuers: BTreeMap<String, RawIssuer>,
    pub(crate) network: Network,
    pub(crate) log_format: Option<LogFormat>,
    pub(crate) log_level: String,
}

impl Config {
    /// Keys whose new values a running process does not take up. What a reload refuses altogether is not among them.
    pub(crate) fn waiting_for_a_start(&self, new: &Self) -> Vec<&'static str> {
        self.what_waits(new).into_iter().filter(|(_, changed)| *changed).map(|(key, _)| key).collect()
    }

    /// Each such key, and whether its value is another.
    pub(super) fn what_waits(&self, new: &Self) -> [(&'static str, bool); 15] {
        let server = |config: &Self| {
            let server = config.server.as_ref()?;
            Some((server.trusted_proxies.clone(), server.dpop_nonce, server.strict_transport_security))
        };
        let gateway = |config: &Self| {
            // Every field by its name, so that a new one is put here or deliberately not.
            let Gateway {
                trusted_proxies,
                max_connections,
                max_connections_per_address,
                listen: _,
                tls: _,
                client_certificates: _,
                trust_bundles: _,
                trust_domains: _,
                certificate_scopes: _,
                routes: _,
            } = config.gateway.as_ref()?;
            Some((trusted_proxies.clone(), *max_connections, *max_connections_per_address))
        };
        [
            (
                "server.trusted_proxies, server.dpop_nonce and server.strict_transport_security",
                server(self) != server(new),
            ),
            (
                "gateway.trusted_proxies, gateway.max_connections and gateway.max_connections_per_address",
                gateway(self) != gateway(new),
            ),
            ("[keys]", self.keys != new.keys),
            ("[tokens]", self.tokens != new.tokens),
            ("[[resources]]", self.resources != new.resources),
            ("[[acr_classes]]", self.acr_classes != new.acr_classes),
            ("[authorization] and [[authorization_details]]", self.authorization != new.authorization),
            ("[grants]", self.grants != new.grants),
            ("[registration]", self.registration != new.registration),
            ("[limits]", self.limits != new.limits),
            ("[compatibility]", self.compatibility != new.compatibility),
            ("[ca]", self.ca != new.ca),
            ("basic.concurrent_hashes", self.basic.concurrent_hashes != new.basic.concurrent_hashes),
            ("[network]", self.network != new.network),
            ("[log]", (self.log_format, &self.log_level) != (new.log_format, &new.log_level)),
        ]
    }
}

/// The authorization server.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) listen: SocketAddr,
    pub(crate) issuer: Url,
    pub(crate) tls: Option<Tls>,
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) mtls: Option<ServerMtls>,
    pub(crate) dpop_nonce: bool,
    /// RFC 6797; zero: not at all.
    pub(crate) strict_transport_security: Duration,
}

/// The authorization server's address for clients with certificates.
#[derive(Clone, Debug)]
pub(crate) struct ServerMtls {
    pub(crate) listen: SocketAddr,
    /// Without a slash at its end.
    pub(crate) url: String,
    pub(crate) tls: Tls,
    pub(crate) trust_bundles: BTreeMap<String, PathBuf>,
}

/// Where a listener's certificate comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Tls {
    /// From two PEM files.
    Files { certificate: PathBuf, key: PathBuf },
    /// From the built-in authority, for these names.
    BuiltIn { names: Vec<String> },
}

/// The gateway.
#[derive(Clone, Debug)]
pub(crate) struct Gateway {
    pub(crate) listen: SocketAddr,
    pub(crate) tls: Option<Tls>,
    pub(crate) client_certificates: RawClientCertificates,
    pub(crate) trust_bundles: BTreeMap<String, PathBuf>,
    pub(crate) trust_domains: BTreeMap<String, String>,
    pub(crate) certificate_scopes: Vec<CertificateScopes>,
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) max_connections: u32,
    pub(crate) max_connections_per_address: u32,
    pub(crate) routes: Vec<Route>,
}

/// What certificates of one name may do.
#[derive(Clone, Debug)]
pub(crate) struct CertificateScopes {
    pub(crate) bundle: String,
    pub(crate) name: String,
    pub(crate) scopes: ScopeSet,
}

/// A route whose texts have been read.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) raw: RawRoute,
    pub(crate) upstream: Url,
    pub(crate) path: String,
    pub(crate) scopes: ScopeSet,
    pub(crate) audience: Option<String>,
    pub(crate) issuers: Vec<String>,
    pub(crate) trust_bundles: Vec<String>,
    pub(crate) upstream_ca: Option<PathBuf>,
    pub(crate) max_body: u64,
    pub(crate) connect_timeout: Duration,
    pub(crate) response_timeout: Duration,
    pub(crate) idle_timeout: Duration,
}

/// Where the database is.
#[derive(Clone, Debug)]
pub(crate) enum Store {
    /// SQLite in the data directory.
    Sqlite,
    /// PostgreSQL at a URL, which may hold a password.
    PostgresUrl(SecretString),
    /// PostgreSQL at a URL that a file holds.
    PostgresUrlFile(PathBuf),
}

impl Store {
    /// Whether it is the same place.
    pub(crate) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sqlite, Self::Sqlite) => true,
            (Self::PostgresUrl(url), Self::PostgresUrl(other)) => url.ct_eq(other.expose().as_bytes()),
            (Self::PostgresUrlFile(file), Self::PostgresUrlFile(other)) => file == other,
            (Self::Sqlite | Self::PostgresUrl(_) | Self::PostgresUrlFile(_), _) => false,
        }
    }
}

/// Master key and signing keys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Keys {
    pub(crate) master_key_file: PathBuf,
    pub(crate) algorithms: Vec<String>,
    pub(crate) rotate_after: Duration,
    pub(crate) prepublish: Duration,
}

/// How long things live.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Tokens {
    pub(crate) default_audience: Option<String>,
    pub(crate) authorization_code: Duration,
    pub(crate) access_token: Duration,
    pub(crate) refresh_token: Duration,
    pub(crate) refresh_grace: Duration,
    pub(crate) id_token: Duration,
    pub(crate) device_code: Duration,
    pub(crate) backchannel_request: Duration,
    pub(crate) session: Duration,
    pub(crate) several_audiences: bool,
    pub(crate) sign_out_revokes: bool,
}

/// Authorization requests.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Authorization {
    pub(crate) require_pushed_requests: bool,
    pub(crate) require_signed_requests: bool,
    pub(crate) pushed_request: Duration,
    pub(crate) details: DetailTypes,
}

/// A resource that tokens are for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Resource {
    pub(crate) identifier: String,
    pub(crate) name: Option<String>,
    pub(crate) documentation: Option<String>,
    pub(crate) scopes: ScopeSet,
    /// The scopes in plain words.
    pub(crate) words: Vec<(Scope, String)>,
    pub(crate) access_token_format: AccessTokenFormat,
    pub(crate) signature: Signature,
}

/// What its tokens are signed with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Signature {
    /// The first key.
    First,
    /// The key of this algorithm.
    Key(Algorithm),
    /// The secret in this file.
    SecretFile(PathBuf),
}

/// What a sign-in may amount to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct AcrClass {
    pub(crate) acr: String,
    pub(crate) amr: Vec<String>,
    pub(crate) within: Option<Duration>,
}

/// Rules of grants that nobody may use without one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Grants {
    pub(crate) token_exchange: Vec<ExchangeRule>,
    pub(crate) jwt_bearer: Vec<JwtBearerRule>,
}

/// Clients that register themselves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Registration {
    pub(crate) access: RawRegistrationAccess,
    pub(crate) grant_types: BTreeSet<GrantType>,
    pub(crate) profiles: Vec<Profile>,
    pub(crate) authorization_details_types: BTreeSet<String>,
    pub(crate) scopes: ScopeSet,
    pub(crate) unused: Duration,
    pub(crate) max_clients: u32,
    pub(crate) max_per_address_and_hour: u32,
    /// How many applications one person may register; `None`: they may not.
    pub(crate) people: Option<u32>,
    pub(crate) require_statement: bool,
    pub(crate) statement_issuers: Vec<TrustedStatements>,
    /// Hosts metadata documents may be on, none meaning all; `None`: no documents.
    pub(crate) client_documents: Option<Vec<String>>,
}

/// Somebody whose software statements are believed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct TrustedStatements {
    pub(crate) issuer: String,
    pub(crate) keys: StatementKeys,
    pub(crate) algorithms: Option<Vec<String>>,
}

/// Where the keys of such an issuer are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum StatementKeys {
    /// A URL.
    Url(String),
    /// A file.
    File(PathBuf),
}

/// The built-in authority.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Ca {
    pub(crate) trust_domain: String,
    pub(crate) leaf_lifetime: Duration,
}

/// Basic authentication.
#[derive(Clone, Debug)]
pub(crate) struct Basic {
    pub(crate) htpasswd: Vec<PathBuf>,
    pub(crate) htpasswd_scopes: ScopeSet,
    pub(crate) remember: Duration,
    pub(crate) concurrent_hashes: Option<u32>,
}

/// Fetching and threads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Network {
    pub(crate) fetch_from: Vec<IpNet>,
    pub(crate) insecure_fetch_over_http: bool,
    pub(crate) fetch_ca: Option<PathBuf>,
    pub(crate) workers: Option<u16>,
    pub(crate) drain: Duration,
}
