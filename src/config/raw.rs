//! The configuration file as it is written: every key optional, unknown keys refused, nothing believed yet.
//!
//! The doc comments here are the schema's descriptions: `countersign config schema` prints them.

mod authorization;
mod compatibility;
mod grants;
mod issuers;
mod limits;
mod registration;
mod resources;
mod route;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units::Span;

pub(crate) use authorization::{RawAuthorization, RawDetailField, RawDetailKind, RawDetailType};
pub(crate) use compatibility::RawCompatibility;
pub(crate) use grants::{RawGrants, RawJwtBearer, RawSubjects, RawTokenExchange};
pub(crate) use issuers::RawIssuer;
pub(crate) use limits::RawLimits;
pub(crate) use registration::{RawRegistration, RawRegistrationAccess, RawStatementIssuer};
pub(crate) use resources::{RawAcrClass, RawResource};
pub(crate) use route::{RawProtocol, RawRoute};

/// The whole file.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RawConfig {
    /// Where everything is kept that is not in PostgreSQL: the database, the master key, certificates. Default: `data`.
    pub data_dir: Option<PathBuf>,
    /// The authorization server.
    pub server: Option<RawServer>,
    /// The gateway.
    pub gateway: Option<RawGateway>,
    /// Health, readiness and metrics.
    pub management: RawManagement,
    /// The database.
    pub store: RawStore,
    /// Master key and signing keys.
    pub keys: RawKeys,
    /// How long tokens live.
    pub tokens: RawTokens,
    /// Authorization requests.
    pub authorization: RawAuthorization,
    /// The types of authorization details that clients may ask for (RFC 9396).
    pub authorization_details: Vec<RawDetailType>,
    /// The resources that access tokens are for.
    pub resources: Vec<RawResource>,
    /// Classes of sign-ins that routes and clients may ask for, the strongest first.
    pub acr_classes: Vec<RawAcrClass>,
    /// Grants that nobody may use without a rule: token exchange, JWT bearer.
    pub grants: RawGrants,
    /// Clients that register themselves.
    pub registration: RawRegistration,
    /// How often clients may call the authorization server.
    pub limits: RawLimits,
    /// Addresses for clients that were written for another server.
    pub compatibility: RawCompatibility,
    /// The certificate authority in the binary.
    pub ca: RawCa,
    /// Basic authentication.
    pub basic: RawBasic,
    /// Issuers other than our own whose tokens are accepted, by a name that routes use.
    pub issuers: BTreeMap<String, RawIssuer>,
    /// Fetching URLs that others supplied, and threads.
    pub network: RawNetwork,
    /// Logs.
    pub log: RawLog,
}

/// The authorization server and the pages people meet.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawServer {
    /// Address and port to listen on, such as `0.0.0.0:8400`.
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// The issuer URL (RFC 8414 §2): what clients configure and tokens carry. `https`, or `http` on a loopback name.
    pub issuer: String,
    /// TLS on this listener. Without it, TLS must end in front of it unless `issuer` is on loopback.
    #[serde(default)]
    pub tls: Option<RawTls>,
    /// Proxies in front of this listener that may say who the client is.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub trusted_proxies: Vec<IpNet>,
    /// A second address for clients with certificates (RFC 8705 §5). Browsers never come there.
    #[serde(default)]
    pub mtls: Option<RawServerMtls>,
    /// Whether DPoP proofs at the token endpoint and at userinfo must have a nonce of ours (RFC 9449 §8). Default: no.
    #[serde(default)]
    pub dpop_nonce: bool,
    /// How long browsers that were here by https come by https alone (RFC 6797); `0s` says nothing of it. Only where the
    /// issuer is an https URL, and not on localhost. Default: `365d`.
    #[serde(default)]
    pub strict_transport_security: Option<Span>,
}

/// Where clients with certificates find the authorization server.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawServerMtls {
    /// Address and port to listen on, such as `0.0.0.0:8403`.
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// The URL under which clients reach it, without a path: what the metadata name as `mtls_endpoint_aliases`.
    pub url: String,
    /// TLS on this listener. Default: as `server.tls`.
    #[serde(default)]
    pub tls: Option<RawTls>,
    /// Trust bundles for client certificates besides the built-in authority: a name and a PEM file.
    #[serde(default)]
    pub trust_bundles: BTreeMap<String, PathBuf>,
}

/// The gateway.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawGateway {
    /// Address and port to listen on, such as `0.0.0.0:8443`.
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// TLS on this listener. Without it client certificates and Basic authentication are refused.
    #[serde(default)]
    pub tls: Option<RawTls>,
    /// Whether callers may or must show a certificate.
    #[serde(default)]
    pub client_certificates: RawClientCertificates,
    /// Trust bundles for client certificates besides the built-in authority, which is called `own`: a name and a PEM
    /// file. A route accepts them only if it says so.
    #[serde(default)]
    pub trust_bundles: BTreeMap<String, PathBuf>,
    /// Which of them vouches for a SPIFFE trust domain; the built-in authority does for its own. A SPIFFE ID of any
    /// other domain, or from any other bundle, is not believed.
    #[serde(default)]
    pub trust_domains: BTreeMap<String, String>,
    /// What callers may do by certificate: a SPIFFE ID or DNS name (`*` at the end matches any rest) and its scopes.
    /// Names of the built-in authority; for another bundle's write `bundle:name`.
    #[serde(default)]
    pub certificate_scopes: BTreeMap<String, Vec<String>>,
    /// Proxies in front of this listener whose `X-Forwarded-For` is believed.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub trusted_proxies: Vec<IpNet>,
    /// The most connections held open at once. Default: 10000.
    #[serde(default)]
    pub max_connections: Option<u32>,
    /// The most connections from one address (of IPv6, one /64), trusted proxies excepted. Default: a quarter of all.
    #[serde(default)]
    pub max_connections_per_address: Option<u32>,
    /// Which requests go where, and who may make them.
    #[serde(default)]
    pub routes: Vec<RawRoute>,
}

/// Certificate and key for a listener: from files or from the built-in authority.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawTls {
    /// Certificate chain, PEM, leaf first.
    #[serde(default)]
    pub certificate: Option<PathBuf>,
    /// Private key, PEM.
    #[serde(default)]
    pub key: Option<PathBuf>,
    /// Instead of files: names and addresses the built-in authority puts into a certificate it renews by itself.
    #[serde(default)]
    pub built_in_ca: Vec<String>,
}

/// Whether callers may or must show a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RawClientCertificates {
    /// None is asked for.
    Off,
    /// One is asked for; who has none may use other methods.
    #[default]
    Optional,
    /// Nobody gets in without one.
    Required,
    /// One is asked for; one that no bundle vouches for is let in too. It is no credential: it only confirms tokens
    /// that are bound to it (RFC 8705 §3).
    Unvouched,
}

/// Health, readiness and metrics on a listener of their own. `/healthz` and `/readyz` are on the server's too.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RawManagement {
    /// Address and port. Default: none.
    #[schemars(with = "Option<String>")]
    pub listen: Option<SocketAddr>,
}

/// The database.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RawStore {
    /// `postgres://user@host/database`. Default: SQLite in the data directory.
    pub url: Option<String>,
    /// A file that holds the URL, for one with a password in it.
    pub url_file: Option<PathBuf>,
}

/// Master key and signing keys.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RawKeys {
    /// The file of the master key that seals everything secret at rest. Default: `master.key` in the data directory,
    /// made at first start. The environment variable `COUNTERSIGN_MASTER_KEY` comes first.
    pub master_key_file: Option<PathBuf>,
    /// Signing algorithms; the first signs by default. Default: `["ES256"]`. Also RS256, PS256, ES384, EdDSA.
    pub algorithms: Option<Vec<String>>,
    /// How long a key signs before the next takes over. Default: `90d`.
    pub rotate_after: Option<Span>,
    /// How long a new key is published before it signs. Default: `1h`.
    pub prepublish: Option<Span>,
}

/// How long tokens live, and what they are for.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RawTokens {
    /// The audience of access tokens when a request names no resource. Default: the issuer.
    pub default_audience: Option<String>,
    /// Authorization codes. Default: `60s`.
    pub authorization_code: Option<Span>,
    /// Access tokens. Default: `10m`.
    pub access_token: Option<Span>,
    /// Refresh tokens, from their last use. Default: `30d`.
    pub refresh_token: Option<Span>,
    /// How long a spent refresh token may be used once more, for a client whose answer was lost. Default: `10s`.
    pub refresh_grace: Option<Span>,
    /// ID tokens. Default: `10m`.
    pub id_token: Option<Span>,
    /// Codes of the device flow (RFC 8628). Default: `10m`.
    pub device_code: Option<Span>,
    /// How long a backchannel request waits for its person (CIBA). Default: `5m`.
    pub backchannel_request: Option<Span>,
    /// Sign-in sessions. Default: `12h`.
    pub session: Option<Span>,
    /// Whether one access token may be for several resources, each of which could use it at the others. Default: no.
    pub several_audiences: bool,
    /// Whether signing out revokes what was given in that session, except with `offline_access`. Default: no.
    pub sign_out_revokes: bool,
}

/// The certificate authority in the binary.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RawCa {
    /// The trust domain of SPIFFE IDs it issues. Default: the issuer's host.
    pub trust_domain: Option<String>,
    /// How long a certificate lives. Default: `24h`.
    pub leaf_lifetime: Option<Span>,
}

/// Basic authentication.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RawBasic {
    /// htpasswd files (argon2, bcrypt, SHA-crypt, apr1), asked after the own users.
    pub htpasswd: Vec<PathBuf>,
    /// Scopes of everyone in those files.
    pub htpasswd_scopes: Vec<String>,
    /// How long a verified pair is remembered. Default: `5m`.
    pub remember: Option<Span>,
    /// Passwords hashed at the same time. Default: half of the processors, at least one.
    pub concurrent_hashes: Option<u32>,
}

/// Fetching URLs that others supplied, and threads.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RawNetwork {
    /// Private networks from which keys and introspection answers may be fetched; public ones always may.
    #[schemars(with = "Vec<String>")]
    pub fetch_from: Vec<IpNet>,
    /// Allows fetching over plain HTTP, where anyone on the way can change keys.
    pub insecure_fetch_over_http: bool,
    /// A PEM file of authorities for fetching, besides the machine's.
    pub fetch_ca: Option<PathBuf>,
    /// Worker threads. Default: one a processor.
    pub workers: Option<u16>,
    /// How long a stopping process waits for requests in progress. Default: `30s`.
    pub drain: Option<Span>,
}

/// Logs, on standard error.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RawLog {
    /// Default: `human` on a terminal, `json` elsewhere.
    pub format: Option<LogFormat>,
    /// `error`, `warn`, `info`, `debug`, or a filter such as `info,countersign_gateway=debug`. Default: `info`.
    pub level: Option<String>,
}

/// What log lines look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    /// For eyes.
    Human,
    /// One JSON object a line.
    Json,
}
