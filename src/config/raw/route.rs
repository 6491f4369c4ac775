//! `[[gateway.routes]]`: what may pass where.

use std::path::PathBuf;

use countersign_model::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::units::{ByteSize, Span};

/// One route.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawRoute {
    /// A name for logs, metrics and API keys that are limited to routes.
    pub name: String,
    /// Host names: exact, or `*.example.com`. Empty: every host.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Path prefix, matched on whole segments; the longest wins. Default: `/`.
    #[serde(default)]
    pub path: Option<String>,
    /// Where requests go: `http://host:port` or `https://host:port`.
    pub upstream: String,
    /// What the upstream speaks. Default: `http1`.
    #[serde(default)]
    pub protocol: RawProtocol,
    /// PEM file of the authorities an `https` upstream is checked against. Default: the machine's.
    #[serde(default)]
    pub upstream_ca: Option<PathBuf>,
    /// Whether the path prefix is taken off before forwarding.
    #[serde(default)]
    pub strip_prefix: bool,
    /// The methods of authentication that are accepted.
    #[serde(default)]
    #[schemars(with = "Vec<RawMethod>")]
    pub accept: Vec<Method>,
    /// Whether requests without any credential pass too. A wrong credential is refused even so.
    #[serde(default)]
    pub anonymous: bool,
    /// Scopes a caller must have, all of them.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The audience a token must name (RFC 9068 §4). Default: the server's default audience.
    #[serde(default)]
    pub audience: Option<String>,
    /// Which issuers' tokens are accepted: `own` and names from `[issuers]`. Default: `own`.
    #[serde(default)]
    pub issuers: Option<Vec<String>>,
    /// Which trust bundles' certificates are accepted: `own` and names from `gateway.trust_bundles`. Default: `own`.
    #[serde(default)]
    pub trust_bundles: Option<Vec<String>>,
    /// Subjects that may pass; `*` at the end matches any rest. Our own; those of an issuer or a trust bundle are
    /// written `partner:alice`. Empty: all.
    #[serde(default)]
    pub subjects: Vec<String>,
    /// Certificate names (DNS name or SPIFFE ID) that may pass by mTLS; `*` and `bundle:` as in `subjects`. Empty: all.
    #[serde(default)]
    pub certificate_names: Vec<String>,
    /// Classes of sign-ins, one of which a token must name (RFC 9470). Empty: any.
    #[serde(default)]
    pub acr_values: Vec<String>,
    /// How long ago the person behind a token may have signed in (RFC 9470). Default: as long as the token lives.
    #[serde(default)]
    pub max_age: Option<Span>,
    /// Where an API key may be.
    #[serde(default)]
    pub api_key: RawApiKeyPlacement,
    /// Whether `Authorization: token …` is taken for reference tokens, as clients written for GitHub send it. Default: no.
    #[serde(default)]
    pub token_scheme: bool,
    /// What is asked of DPoP proofs (RFC 9449).
    #[serde(default)]
    pub dpop: RawDpop,
    /// Allows Basic on plain HTTP, where everyone on the way can read the password (RFC 7617 §4).
    #[serde(default)]
    pub insecure_allow_basic_over_http: bool,
    /// What the upstream is told about the caller.
    #[serde(default)]
    pub identity: RawIdentity,
    /// Time limits.
    #[serde(default)]
    pub timeouts: RawTimeouts,
    /// The largest request body. Default: 10 MiB.
    #[serde(default)]
    pub max_body: Option<ByteSize>,
    /// Whether WebSocket upgrades pass. Default: yes.
    #[serde(default)]
    pub websocket: Option<bool>,
}

/// The words of `accept`, for the schema.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum RawMethod {
    /// A signed token.
    Jwt,
    /// A reference token.
    Oauth,
    /// A client certificate.
    Mtls,
    /// User name and password.
    Basic,
    /// An API key.
    ApiKey,
}

/// What is asked of DPoP proofs.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RawDpop {
    /// Whether a proof must have a nonce of ours (RFC 9449 §9). Default: no.
    pub nonce: bool,
    /// Under which origins callers know the route, such as `https://api.example.com`, where scheme and host change on
    /// the way. Default: as the request arrives.
    pub origins: Vec<String>,
}

/// What an upstream speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RawProtocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2, with prior knowledge on `http://`.
    Http2,
}

/// Where an API key may be.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RawApiKeyPlacement {
    /// In `Authorization: ApiKey …`.
    pub authorization: bool,
    /// In `Authorization: Bearer …`.
    pub bearer: bool,
    /// In these header fields.
    pub headers: Vec<String>,
    /// In this URL parameter. It is taken off before logs and upstream see it.
    pub query: Option<String>,
}

impl Default for RawApiKeyPlacement {
    fn default() -> Self {
        Self { authorization: true, bearer: false, headers: vec!["X-API-Key".to_owned()], query: None }
    }
}

/// What the upstream is told about the caller.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RawIdentity {
    /// A signed JWT in `Countersign-Identity`.
    pub token: bool,
    /// Plain `Countersign-Subject` and so on.
    pub headers: bool,
    /// The audience of that JWT. Default: the upstream's URL.
    pub audience: Option<String>,
}

impl Default for RawIdentity {
    fn default() -> Self {
        Self { token: true, headers: true, audience: None }
    }
}

/// Time limits of a route.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RawTimeouts {
    /// Until a connection to the upstream stands. Default: `5s`.
    pub connect: Option<Span>,
    /// Until the upstream's response header is there. Default: `60s`.
    pub response: Option<Span>,
    /// Without a byte in either direction. Default: `60s`.
    pub idle: Option<Span>,
}
