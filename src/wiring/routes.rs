//! From the configuration's routes to the gateway's.

use std::path::Path;
use std::sync::Arc;

use countersign_access::{ApiKeyPlacement, DpopSettings, OWN, Rule, RuleSettings, StepUp};
use countersign_gateway::{
    HostPattern, IdentityOptions, ProtectedResource, RequestLimits, RouteConfig, UpstreamConfig,
    UpstreamHost, UpstreamProtocol, UpstreamTimeouts,
};
use countersign_model::{Clock, Method};
use countersign_net::{Alpn, ClientTls, ClientTlsSettings, Roots, TrustBundle};

use super::live;
use crate::config::Config;
use crate::config::checked::{Gateway, Route};
use crate::config::raw::RawProtocol;
use crate::output::Failure;

/// Every route of the gateway, checked.
///
/// # Errors
/// The first route that can't be meant, by name.
pub(super) fn build(
    config: &Config,
    gateway: &Gateway,
    issuer: &str,
    clock: &Arc<dyn Clock>,
) -> Result<Vec<RouteConfig>, Failure> {
    let build = |route: &Route| {
        one(config, route, issuer, clock)
            .map_err(|error| format!("route {:?}: {error}", route.raw.name).into())
    };
    gateway.routes.iter().map(build).collect()
}

fn one(config: &Config, route: &Route, issuer: &str, clock: &Arc<dyn Clock>) -> Result<RouteConfig, Failure> {
    let raw = &route.raw;
    let origin = origin(&route.upstream);
    let identity = &raw.identity;
    let resource = protected_resource(config, route, issuer);
    let metadata = resource.as_ref().map(ProtectedResource::metadata_address);
    Ok(RouteConfig {
        name: raw.name.clone(),
        hosts: raw.hosts.iter().map(|host| HostPattern::parse(host)).collect::<Result<_, _>>()?,
        path_prefix: route.path.clone(),
        strip_prefix: raw.strip_prefix,
        rule: rule(route, live::default_audience(config, issuer), metadata)?,
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
        resource,
    })
}

/// What a route protects, to be told to clients (RFC 9728): where it takes tokens, says for whom they must be, and that
/// is an address this gateway answers at. Those of a default that nobody chose are the authorization server's.
fn protected_resource(config: &Config, route: &Route, issuer: &str) -> Option<ProtectedResource> {
    let takes_tokens = route.raw.accept.iter().any(|method| matches!(method, Method::Jwt | Method::Oauth));
    let identifier = route.audience.as_ref().or(config.tokens.default_audience.as_ref())?;
    let mut resource = ProtectedResource::new(identifier).filter(|resource| {
        takes_tokens
            && (route.raw.hosts.is_empty() || route.raw.hosts.iter().any(|host| host == resource.host()))
    })?;
    let servers = route.issuers.iter().filter_map(|name| match name.as_str() {
        OWN => Some(issuer.to_owned()),
        name => config.issuers.get(name).map(|external| external.issuer.clone()),
    });
    resource.authorization_servers = servers.collect();
    resource.scopes = route.scopes.clone();
    if let Some(registered) = config.resources.iter().find(|known| known.identifier == *identifier) {
        resource.name = registered.name.clone();
        resource.documentation = registered.documentation.clone();
        resource.scopes = resource.scopes.union(&registered.scopes);
    }
    Some(resource)
}

/// Who may pass.
fn rule(route: &Route, default_audience: String, resource_metadata: Option<String>) -> Result<Rule, Failure> {
    let raw = &route.raw;
    let placement = &raw.api_key;
    Ok(Rule::new(RuleSettings {
        name: raw.name.clone(),
        accept: raw.accept.clone(),
        anonymous: raw.anonymous,
        scopes: route.scopes.clone(),
        audience: Some(route.audience.clone().unwrap_or(default_audience)),
        issuers: route.issuers.clone(),
        trust_bundles: route.trust_bundles.clone(),
        subjects: raw.subjects.clone(),
        certificate_names: raw.certificate_names.clone(),
        api_key: ApiKeyPlacement {
            authorization: placement.authorization,
            bearer: placement.bearer,
            headers: placement.headers.clone(),
            query: placement.query.clone(),
        },
        token_scheme: raw.token_scheme,
        dpop: DpopSettings { nonce: raw.dpop.nonce, origins: raw.dpop.origins.clone() },
        insecure_allow_basic_over_http: raw.insecure_allow_basic_over_http,
        step_up: StepUp { acr_values: raw.acr_values.clone(), max_age: raw.max_age.map(|span| span.0) },
        resource_metadata,
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
