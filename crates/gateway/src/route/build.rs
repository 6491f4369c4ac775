//! From configuration to the table: every fault at once.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::table::{Route, RouteTable};
use super::{HostPattern, RouteConfig};
use crate::hygiene::normalise_path;
use crate::proxy::{Address, Upstream};
use crate::resource_metadata::Published;

/// Why a route can't be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RouteError {
    /// The text is no host.
    #[error("{0:?} is no host: a name, an address, or '*.' and a name, without a port")]
    Host(String),
    /// The name is empty or has characters that metrics and logs can't hold.
    #[error("{0:?} is no route name: 1 to 64 letters, digits, '-', '_' and '.'")]
    Name(String),
    /// Two routes share a name.
    #[error("two routes are called {0:?}")]
    DuplicateName(String),
    /// The prefix is no path in the form that paths are compared in.
    #[error(
        "route {route:?}: {prefix:?} is no path prefix: it begins with '/', has no '//', '.', '..', ';' and no query"
    )]
    Prefix {
        /// The route.
        route: String,
        /// The text.
        prefix: String,
    },
    /// Two routes serve the same host and prefix.
    #[error("routes {0:?} and {1:?} serve the same host and path prefix")]
    Overlap(String, String),
    /// The upstream's address can't be used.
    #[error(
        "route {route:?}: {address:?} is no upstream: http://host:port, or https://host:port with TLS settings"
    )]
    Upstream {
        /// The route.
        route: String,
        /// The text.
        address: String,
    },
    /// There is no upstream.
    #[error("route {0:?} has no upstream")]
    NoUpstream(String),
    /// An identity token needs an audience and an issuer.
    #[error("route {0:?} sends an identity token but names no audience, or there is no key to sign it with")]
    Identity(String),
}

/// Checks the routes and builds the table; connections to upstreams that `previous` has too are kept.
pub(crate) fn build(
    configs: Vec<RouteConfig>,
    previous: Option<&RouteTable>,
    can_sign: bool,
    pool_idle: Duration,
) -> Result<RouteTable, Vec<RouteError>> {
    let mut errors = Vec::new();
    let mut names = HashSet::new();
    let mut table = RouteTable::default();
    table.resources = Published::of(configs.iter().filter_map(|config| config.resource.clone()));
    for config in configs {
        if !names.insert(config.name.clone()) {
            errors.push(RouteError::DuplicateName(config.name.clone()));
        }
        match checked(config, previous, can_sign, pool_idle) {
            Ok((hosts, route)) => table.insert(&hosts, &Arc::new(route), &mut errors),
            Err(mut found) => errors.append(&mut found),
        }
    }
    if errors.is_empty() { Ok(table) } else { Err(errors) }
}

fn checked(
    config: RouteConfig,
    previous: Option<&RouteTable>,
    can_sign: bool,
    pool_idle: Duration,
) -> Result<(Vec<HostPattern>, Route), Vec<RouteError>> {
    let mut errors = Vec::new();
    let name = config.name.clone();
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
        errors.push(RouteError::Name(name.clone()));
    }
    let prefix = prefix(&config.path_prefix);
    if prefix.is_none() {
        errors.push(RouteError::Prefix { route: name.clone(), prefix: config.path_prefix.clone() });
    }
    if config.upstream.addresses.is_empty() {
        errors.push(RouteError::NoUpstream(name.clone()));
    }
    if config.identity.token && (config.identity.audience.is_empty() || !can_sign) {
        errors.push(RouteError::Identity(name.clone()));
    }
    let mut addresses = Vec::new();
    for text in &config.upstream.addresses {
        match Address::parse(text) {
            Some(address) if !address.tls || config.upstream.tls.is_some() => addresses.push(address),
            Some(_) | None => {
                errors.push(RouteError::Upstream { route: name.clone(), address: text.clone() });
            }
        }
    }
    let Some(prefix) = prefix.filter(|_| errors.is_empty()) else { return Err(errors) };
    let upstream = Upstream::new(addresses, &config.upstream, pool_idle);
    let upstream =
        previous.and_then(|table| table.same_upstream(&upstream)).unwrap_or_else(|| Arc::new(upstream));
    let hosts = config.hosts.clone();
    Ok((hosts, Route::new(config, prefix, upstream)))
}

/// The prefix in the form that is compared: normalised, without trailing slash; the root is empty.
fn prefix(text: &str) -> Option<String> {
    if text.contains(['?', '#']) {
        return None;
    }
    let path = normalise_path(text).ok()?;
    Some(path.strip_suffix('/').unwrap_or(&path).to_owned())
}
