//! From the configuration's routes to the gateway's.

use std::path::Path;
use std::sync::Arc;

use countersign_access::{ApiKeyPlacement, Rule, RuleSettings};
use countersign_gateway::{
    HostPattern, IdentityOptions, RequestLimits, RouteConfig, UpstreamConfig, UpstreamHost, UpstreamProtocol,
    UpstreamTimeouts,
};
use countersign_model::Clock;
use countersign_net::{Alpn, ClientTls, ClientTlsSettings, Roots, TrustBundle};

use crate::config::checked::{Gateway, Route};
use crate::config::raw::RawProtocol;
use crate::output::Failure;

/// Every route of the gateway, checked.
///
/// # Errors
/// The first route that can't be meant, by name.
pub(super) fn build(
    gateway: &Gateway,
    default_audience: &str,
    clock: &Arc<dyn Clock>,
) -> Result<Vec<RouteConfig>, Failure> {
    let build = |route: &Route| {
        one(route, default_audience, clock)
            .map_err(|error| format!("route {:?}: {error}", route.raw.name).into())
    };
    gateway.routes.iter().map(build).collect()
}

fn one(route: &Route, default_audience: &str, clock: &Arc<dyn Clock>) -> Result<RouteConfig, Failure> {
    let raw = &route.raw;
    let origin = origin(&route.upstream);
    let identity = &raw.identity;
    Ok(RouteConfig {
        name: raw.name.clone(),
        hosts: raw.hosts.iter().map(|host| HostPattern::parse(host)).collect::<Result<_, _>>()?,
        path_prefix: route.path.clone(),
        strip_prefix: raw.strip_prefix,
        rule: rule(route, default_audience)?,
        timeouts: UpstreamTimeouts {
            connect: route.connect_timeout,
            response: route.response_timeout,
            idle: route.idle_timeout,
        },
        limits: RequestLimits { body: route.max_body, ..RequestLimits::default() },
        websocket: raw.websocket.unwrap_or(true),
        identity: IdentityOptions {
            token: identity.token,
            plain: identity.headers,
            audience: identity.audience.clone().unwrap_or_else(|| origin.clone()),
            keep_credential: false,
        },
        upstream: UpstreamConfig {
            tls: upstream_tls(route, clock)?,
            addresses: vec![origin],
            protocol: match raw.protocol {
                RawProtocol::Http1 => UpstreamProtocol::Http1,
                RawProtocol::Http2 => UpstreamProtocol::Http2,
            },
            host: UpstreamHost::Preserve,
            idle_connections: 256,
        },
    })
}

/// Who may pass.
fn rule(route: &Route, default_audience: &str) -> Result<Rule, Failure> {
    let raw = &route.raw;
    let placement = &raw.api_key;
    Ok(Rule::new(RuleSettings {
        name: raw.name.clone(),
        accept: raw.accept.clone(),
        anonymous: raw.anonymous,
        scopes: route.scopes.clone(),
        audience: Some(route.audience.clone().unwrap_or_else(|| default_audience.to_owned())),
        issuers: route.issuers.clone(),
        subjects: raw.subjects.clone(),
        certificate_names: raw.certificate_names.clone(),
        api_key: ApiKeyPlacement {
            authorization: placement.authorization,
            bearer: placement.bearer,
            headers: placement.headers.clone(),
            query: placement.query.clone(),
        },
        insecure_allow_basic_over_http: raw.insecure_allow_basic_over_http,
        ..RuleSettings::default()
    })?)
}

/// `scheme://host:port`, with the port written out.
fn origin(url: &url::Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{}://{host}:{port}", url.scheme())
}

fn upstream_tls(route: &Route, clock: &Arc<dyn Clock>) -> Result<Option<ClientTls>, Failure> {
    if route.upstream.scheme() != "https" {
        return Ok(None);
    }
    let roots = match &route.upstream_ca {
        Some(file) => Roots::Bundles(vec![bundle("upstream", file)?]),
        None => Roots::Platform,
    };
    let alpn = match route.raw.protocol {
        RawProtocol::Http1 => vec![Alpn::Http1],
        RawProtocol::Http2 => vec![Alpn::Http2],
    };
    Ok(Some(ClientTls::new(ClientTlsSettings { roots, certificate: None, alpn }, Arc::clone(clock))?))
}

/// A trust bundle from a PEM file.
pub(super) fn bundle(name: &str, file: &Path) -> Result<TrustBundle, Failure> {
    let pem = super::files::read(file)?;
    Ok(TrustBundle::from_pem(name, &file.display().to_string(), &pem)?)
}
