//! The table that requests are matched against.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use countersign_access::{Rule, public_referer};
use http::HeaderValue;
use http::uri::PathAndQuery;

use super::{HostPattern, IdentityOptions, RequestLimits, RouteConfig, RouteError};
use crate::meters::Meters;
use crate::proxy::{Destination, Upstream};
use crate::resource_metadata::Published;

/// One route, ready to be used.
pub(crate) struct Route {
    /// No other route of this process ever had it.
    pub(crate) number: u64,
    pub(crate) name: Box<str>,
    /// Without trailing slash; empty for the root.
    pub(crate) prefix: Box<str>,
    pub(crate) strip_prefix: bool,
    pub(crate) destination: Destination,
    pub(crate) rule: Rule,
    pub(crate) limits: RequestLimits,
    pub(crate) websocket: bool,
    pub(crate) identity: IdentityOptions,
    pub(crate) meters: Meters,
}

impl Route {
    pub(crate) fn new(config: RouteConfig, prefix: String, upstream: Arc<Upstream>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            meters: Meters::new(&config.name),
            name: config.name.into(),
            prefix: prefix.into(),
            strip_prefix: config.strip_prefix,
            destination: Destination { upstream, timeouts: config.timeouts },
            rule: config.rule,
            limits: config.limits,
            websocket: config.websocket,
            identity: config.identity,
        }
    }

    /// What the upstream is asked for: what was matched, without the prefix where the route says so, without the
    /// parameter that may hold an API key.
    pub(crate) fn upstream_target(&self, matched: &PathAndQuery) -> Option<PathAndQuery> {
        let public = matched.query().map(|query| self.rule.public_query(query));
        let query_changed = matches!(public, Some(std::borrow::Cow::Owned(_)))
            || public.as_deref().map(str::len) != matched.query().map(str::len);
        let strips = self.strip_prefix && !self.prefix.is_empty();
        if !strips && !query_changed {
            return Some(matched.clone());
        }
        let path = matched.path();
        let path = if strips { path.strip_prefix(&*self.prefix)? } else { path };
        let mut text = String::with_capacity(matched.as_str().len() + 1);
        if !path.starts_with('/') {
            text.push('/');
        }
        text.push_str(path);
        if let Some(query) = public.filter(|query| !query.is_empty()) {
            text.push('?');
            text.push_str(&query);
        }
        PathAndQuery::from_maybe_shared(bytes::Bytes::from(text)).ok()
    }
}

/// Every route: the most specific host decides alone, then the longest prefix. A host that has routes of its own never
/// falls through to the routes of a less specific one, which may be more open.
#[derive(Default)]
pub(crate) struct RouteTable {
    exact: HashMap<Box<str>, Paths>,
    /// By the part below which they serve.
    below: HashMap<Box<str>, Paths>,
    any: Paths,
    /// Names of the parameters that may hold an API key on any route.
    key_parameters: Vec<Box<str>>,
    /// Metadata of what the routes protect.
    pub(super) resources: Published,
}

/// The routes of one host.
#[derive(Default)]
struct Paths {
    by_prefix: HashMap<Box<str>, Arc<Route>>,
    /// The prefixes in lower case.
    folded: HashSet<Box<str>>,
    /// Lengths of the prefixes, longest first.
    lengths: Vec<usize>,
    /// Whether a prefix has upper case.
    has_upper: bool,
}

impl RouteTable {
    /// The route of a request in normal form.
    pub(crate) fn find(&self, host: &str, path: &str) -> Option<&Arc<Route>> {
        self.paths(host).find(path)
    }

    /// The metadata of a protected resource, if that is what is asked for (RFC 9728 §3.1).
    pub(crate) fn resource_metadata(&self, host: &str, path: &str) -> Option<&Bytes> {
        self.resources.find(host, path)
    }

    fn paths(&self, host: &str) -> &Paths {
        if self.exact.is_empty() && self.below.is_empty() {
            return &self.any;
        }
        if let Some(paths) = self.exact.get(host) {
            return paths;
        }
        if !self.below.is_empty() && !host.starts_with('[') {
            let mut rest = host;
            while let Some((_, parent)) = rest.split_once('.') {
                if let Some(paths) = self.below.get(parent) {
                    return paths;
                }
                rest = parent;
            }
        }
        &self.any
    }

    pub(super) fn insert(&mut self, hosts: &[HostPattern], route: &Arc<Route>, errors: &mut Vec<RouteError>) {
        if let Some(name) = route.rule.key_parameter()
            && !self.key_parameters.iter().any(|known| **known == *name)
        {
            self.key_parameters.push(name.into());
        }
        if hosts.is_empty() {
            self.any.insert(route, errors);
        }
        for host in hosts {
            let paths = match host {
                HostPattern::Exact(host) => self.exact.entry(host.to_ascii_lowercase().into()).or_default(),
                HostPattern::Below(host) => self.below.entry(host.to_ascii_lowercase().into()).or_default(),
            };
            paths.insert(route, errors);
        }
    }

    /// What `Referer` may say to an upstream, when it is not what it says: the page before may have been asked for with
    /// a key in its URL, on whichever route.
    pub(crate) fn public_referer(&self, referer: &HeaderValue) -> Option<HeaderValue> {
        public_referer(referer, self.key_parameters.iter().map(|name| &**name))
    }

    /// Looks at the connections that rest.
    pub(crate) fn sweep(&self) {
        self.upstreams().for_each(|upstream| upstream.sweep());
    }

    fn upstreams(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        let all = self.exact.values().chain(self.below.values()).chain(std::iter::once(&self.any));
        all.flat_map(|paths| paths.by_prefix.values()).map(|route| &route.destination.upstream)
    }

    /// An upstream of this table that is the same as `other`.
    pub(super) fn same_upstream(&self, other: &Upstream) -> Option<Arc<Upstream>> {
        self.upstreams().find(|upstream| upstream.is_same(other)).cloned()
    }
}

impl Paths {
    fn find(&self, path: &str) -> Option<&Arc<Route>> {
        let route = self.prefixes(path).find_map(|prefix| self.by_prefix.get(prefix))?;
        let has_upper = self.has_upper || path.bytes().any(|byte| byte.is_ascii_uppercase());
        (!has_upper || !self.is_beside_a_stricter_route(path, route)).then_some(route)
    }

    /// What of the path may be a prefix, longest first. A prefix ends where a segment ends.
    fn prefixes<'p>(&self, path: &'p str) -> impl Iterator<Item = &'p str> {
        let ends = |length: &&usize| matches!(path.as_bytes().get(**length), None | Some(b'/'));
        self.lengths.iter().filter(ends).filter_map(|length| path.get(..*length))
    }

    /// Whether a longer prefix would fit if case did not count. To an upstream that does not tell `/ADMIN` from
    /// `/admin` the one would be a way around the rule of the other.
    fn is_beside_a_stricter_route(&self, path: &str, route: &Route) -> bool {
        if self.lengths.len() < 2 {
            return false;
        }
        let path = path.to_ascii_lowercase();
        let folded = self.prefixes(&path).find(|prefix| self.folded.contains(*prefix));
        folded.is_some_and(|prefix| prefix.len() > route.prefix.len())
    }

    fn insert(&mut self, route: &Arc<Route>, errors: &mut Vec<RouteError>) {
        if let Some(other) = self.by_prefix.insert(route.prefix.clone(), Arc::clone(route)) {
            errors.push(RouteError::Overlap(other.name.to_string(), route.name.to_string()));
        }
        self.folded.insert(route.prefix.to_ascii_lowercase().into());
        self.has_upper |= route.prefix.bytes().any(|byte| byte.is_ascii_uppercase());
        self.lengths.push(route.prefix.len());
        self.lengths.sort_unstable_by(|a, b| b.cmp(a));
        self.lengths.dedup();
    }
}
