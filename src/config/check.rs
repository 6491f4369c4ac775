//! From what was written to what can be believed: contradictions refused, every problem reported with its key's path.

mod authorization;
mod certificates;
mod grants;
mod limits;
mod registration;
mod resources;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_model::{Method, ScopeSet, SecretString};
use url::{Host, Url};

use super::checked::{
    Basic, Ca, Config, Gateway, Keys, Network, Route, Server, ServerMtls, Store, Tls, Tokens,
};
use super::raw::{
    RawBasic, RawCa, RawClientCertificates, RawConfig, RawGateway, RawIssuer, RawKeys, RawNetwork, RawRoute,
    RawServer, RawServerMtls, RawStore, RawTls, RawTokens,
};
use super::read::nearest;
use super::units::{ByteSize, Span};

/// One thing that is wrong, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Problem {
    /// The key's path.
    pub(crate) key: String,
    /// What is wrong and what to do.
    pub(crate) message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.message)
    }
}

/// Checks the whole; `base` is where relative paths begin.
pub(super) fn check(raw: RawConfig, base: &Path) -> Result<Config, Vec<Problem>> {
    let mut check = Check { base: base.to_owned(), problems: Vec::new() };
    let config = check.config(raw);
    match config {
        Some(config) if check.problems.is_empty() => Ok(config),
        _ => Err(check.problems),
    }
}

struct Check {
    base: PathBuf,
    problems: Vec<Problem>,
}

const DAY: Duration = Duration::from_secs(86_400);
const MINUTE: Duration = Duration::from_secs(60);

impl Check {
    fn wrong(&mut self, key: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem { key: key.into(), message: message.into() });
    }

    /// From where the file is, and without the `.` in the middle that would make messages odd.
    fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.base.join(path).components().collect()
    }

    fn config(&mut self, raw: RawConfig) -> Option<Config> {
        if raw.server.is_none() && raw.gateway.is_none() {
            self.wrong("server", "there is neither [server] nor [gateway]: nothing would be served");
        }
        let data_dir = self.path(raw.data_dir.unwrap_or_else(|| "data".into()));
        let had_server = raw.server.is_some();
        let server = raw.server.and_then(|server| self.server(server));
        let issuer_names: Vec<String> = raw.issuers.keys().cloned().collect();
        let gateway = raw.gateway.map(|gateway| self.gateway(gateway, &issuer_names));
        let issuers = raw.issuers.into_iter().map(|(name, issuer)| {
            let issuer = self.issuer(&name, issuer);
            (name, issuer)
        });
        let issuers: BTreeMap<_, _> = issuers.collect();
        let grants = self.grants(raw.grants, &issuers);
        if had_server && server.is_none() {
            return None;
        }
        let keys = self.keys(raw.keys, &data_dir);
        let authorization = self.authorization(&raw.authorization, raw.authorization_details);
        let registration = self.registration(raw.registration, &authorization.details);
        Some(Config {
            store: self.store(raw.store),
            resources: self.resources(raw.resources, &keys.algorithms),
            authorization,
            acr_classes: self.acr_classes(raw.acr_classes),
            keys,
            tokens: self.tokens(&raw.tokens),
            grants,
            registration,
            limits: limits::limits(raw.limits),
            compatibility: raw.compatibility,
            ca: self.ca(raw.ca, server.as_ref()),
            basic: self.basic(raw.basic),
            issuers,
            network: self.network(raw.network),
            log_format: raw.log.format,
            log_level: raw.log.level.unwrap_or_else(|| "info".to_owned()),
            management: raw.management.listen,
            data_dir,
            server,
            gateway,
        })
    }

    fn server(&mut self, raw: RawServer) -> Option<Server> {
        let issuer = match Url::parse(&raw.issuer) {
            Ok(issuer) => issuer,
            Err(error) => {
                self.wrong("server.issuer", format!("{:?} is no URL: {error}", raw.issuer));
                return None;
            }
        };
        // RFC 8414 §2: https, no query, no fragment. Plain http is for trying things out on one's own machine.
        if issuer.scheme() != "https" && !(issuer.scheme() == "http" && is_loopback(&issuer)) {
            self.wrong("server.issuer", "an issuer is an https URL (http only on localhost; RFC 8414 §2)");
        }
        if issuer.query().is_some() || issuer.fragment().is_some() || issuer.path() != "/" {
            self.wrong(
                "server.issuer",
                "write it without path, query and fragment, such as \"https://id.example.com\"",
            );
        }
        let tls = self.tls("server.tls", raw.tls);
        let mtls = raw.mtls.and_then(|mtls| self.server_mtls(mtls, tls.as_ref()));
        Some(Server {
            listen: raw.listen,
            issuer,
            tls,
            trusted_proxies: raw.trusted_proxies,
            mtls,
            dpop_nonce: raw.dpop_nonce,
            strict_transport_security: span(raw.strict_transport_security, Duration::from_secs(365 * 86_400)),
        })
    }

    fn server_mtls(&mut self, raw: RawServerMtls, server: Option<&Tls>) -> Option<ServerMtls> {
        let url = Url::parse(&raw.url).ok();
        let fits = |url: &Url| {
            let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
            url.scheme() == "https" && url.has_host() && bare
        };
        if !url.as_ref().is_some_and(fits) {
            self.wrong(
                "server.mtls.url",
                "an https URL without a path, such as \"https://mtls.id.example.com\"",
            );
        }
        let tls = self.tls("server.mtls.tls", raw.tls).or_else(|| server.cloned());
        if tls.is_none() {
            self.wrong("server.mtls", "client certificates need TLS: give [server.mtls.tls] or [server.tls]");
        }
        let trust_bundles =
            raw.trust_bundles.into_iter().map(|(name, path)| (name, self.base.join(path))).collect();
        let url = raw.url.trim_end_matches('/').to_owned();
        Some(ServerMtls { listen: raw.listen, url, tls: tls?, trust_bundles })
    }

    fn tls(&mut self, key: &str, raw: Option<RawTls>) -> Option<Tls> {
        let raw = raw?;
        match (raw.certificate, raw.key, raw.built_in_ca.is_empty()) {
            (Some(certificate), Some(private), true) => {
                Some(Tls::Files { certificate: self.path(certificate), key: self.path(private) })
            }
            (None, None, false) => Some(Tls::BuiltIn { names: raw.built_in_ca }),
            _ => {
                self.wrong(key, "give `certificate` and `key`, or `built_in_ca = [\"name\", …]`, not both");
                None
            }
        }
    }

    fn gateway(&mut self, raw: RawGateway, issuers: &[String]) -> Gateway {
        if raw.client_certificates == RawClientCertificates::Required && raw.tls.is_none() {
            self.wrong("gateway.client_certificates", "\"required\" needs [gateway.tls]");
        }
        let mut raw = raw;
        let routes_as_written = std::mem::take(&mut raw.routes);
        self.vouchers(&raw, issuers);
        let mut names = BTreeSet::new();
        let mut routes = Vec::with_capacity(routes_as_written.len());
        for (index, route) in routes_as_written.into_iter().enumerate() {
            let key = format!("gateway.routes[{index}]");
            if !names.insert(route.name.clone()) {
                self.wrong(format!("{key}.name"), format!("there is another route named {:?}", route.name));
            }
            let trust_bundles = self.route_bundles(&key, &route, &raw);
            routes.extend(self.route(&key, route, issuers).map(|route| Route { trust_bundles, ..route }));
        }
        let certificate_scopes = self.certificate_scopes(&raw);
        let trust_bundles =
            raw.trust_bundles.into_iter().map(|(name, path)| (name, self.path(path))).collect();
        let max_connections = raw.max_connections.unwrap_or(10_000);
        Gateway {
            certificate_scopes,
            listen: raw.listen,
            tls: self.tls("gateway.tls", raw.tls),
            client_certificates: raw.client_certificates,
            trust_bundles,
            trust_domains: raw.trust_domains,
            trusted_proxies: raw.trusted_proxies,
            max_connections,
            max_connections_per_address: raw
                .max_connections_per_address
                .unwrap_or_else(|| (max_connections / 4).max(1)),
            routes,
        }
    }

    fn route(&mut self, key: &str, raw: RawRoute, issuers: &[String]) -> Option<Route> {
        if raw.accept.is_empty() && !raw.anonymous {
            self.wrong(
                format!("{key}.accept"),
                "name the methods that are accepted, or say `anonymous = true`",
            );
        }
        let path = raw.path.clone().unwrap_or_else(|| "/".to_owned());
        if !path.starts_with('/') || path.contains(['?', '#', '%', '\\']) || path.contains("//") {
            self.wrong(format!("{key}.path"), "a prefix begins with / and holds no ?, #, %, \\ and //");
        }
        let scopes = self.scopes(&format!("{key}.scopes"), &raw.scopes);
        let named = raw.issuers.clone().unwrap_or_else(|| vec!["own".to_owned()]);
        for issuer in named.iter().filter(|name| *name != "own" && !issuers.contains(name)) {
            let known: Vec<&str> = issuers.iter().map(String::as_str).chain(["own"]).collect();
            let hint =
                nearest(issuer, &known).map_or(String::new(), |name| format!(": did you mean {name:?}?"));
            self.wrong(format!("{key}.issuers"), format!("there is no [issuers.{issuer}]{hint}"));
        }
        if raw.accept.contains(&Method::ApiKey) && !has_placement(&raw) {
            self.wrong(format!("{key}.api_key"), "api_key is accepted but may be nowhere: allow a placement");
        }
        let takes_tokens = raw.accept.iter().any(|method| matches!(method, Method::Jwt | Method::Oauth));
        if (!raw.acr_values.is_empty() || raw.max_age.is_some()) && !takes_tokens {
            self.wrong(
                key,
                "acr_values and max_age need a token that tells of a sign-in: accept jwt or oauth",
            );
        }
        if raw.token_scheme && !raw.accept.contains(&Method::Oauth) {
            self.wrong(format!("{key}.token_scheme"), "the scheme is for reference tokens: accept oauth");
        }
        let upstream = self.upstream(&format!("{key}.upstream"), &raw.upstream)?;
        Some(Route {
            upstream,
            path,
            scopes,
            audience: raw.audience.clone(),
            issuers: named,
            trust_bundles: Vec::new(),
            upstream_ca: raw.upstream_ca.as_ref().map(|file| self.path(file)),
            max_body: raw.max_body.unwrap_or(ByteSize(10 << 20)).0,
            connect_timeout: span(raw.timeouts.connect, Duration::from_secs(5)),
            response_timeout: span(raw.timeouts.response, MINUTE),
            idle_timeout: span(raw.timeouts.idle, MINUTE),
            raw,
        })
    }

    fn upstream(&mut self, key: &str, text: &str) -> Option<Url> {
        let url = Url::parse(text).ok().filter(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.path() == "/"
                && url.query().is_none()
                && url.username().is_empty()
        });
        if url.is_none() {
            self.wrong(
                key,
                format!("{text:?} is no upstream: write \"http://host:port\" or \"https://host:port\""),
            );
        }
        url
    }

    fn scopes(&mut self, key: &str, texts: &[String]) -> ScopeSet {
        match texts.iter().map(|text| text.parse()).collect::<Result<ScopeSet, _>>() {
            Ok(scopes) => scopes,
            Err(error) => {
                self.wrong(key, error.to_string());
                ScopeSet::empty()
            }
        }
    }

    fn issuer(&mut self, name: &str, mut raw: RawIssuer) -> RawIssuer {
        let key = format!("issuers.{name}");
        self.voucher(&key, name);
        let sources = [raw.jwks_uri.is_some(), raw.jwks_file.is_some(), raw.hs256_secret_file.is_some()];
        if sources.into_iter().filter(|given| *given).count() > 1 {
            self.wrong(&key, "give one of jwks_uri, jwks_file and hs256_secret_file, or none for discovery");
        }
        let symmetric = raw.hs256_secret_file.is_some();
        let algorithms = raw.algorithms.get_or_insert_with(|| {
            let defaults: &[&str] = if symmetric { &["HS256"] } else { &["RS256", "ES256"] };
            defaults.iter().map(|name| (*name).to_owned()).collect()
        });
        // RFC 8725 §3.1: an algorithm is for one kind of key, or a public key could be taken for a secret.
        if algorithms.iter().any(|algorithm| algorithm.starts_with("HS") != symmetric) {
            self.wrong(
                format!("{key}.algorithms"),
                "HS256 goes with hs256_secret_file, and nothing else does",
            );
        }
        raw.jwks_file = raw.jwks_file.map(|file| self.path(file));
        raw.hs256_secret_file = raw.hs256_secret_file.map(|file| self.path(file));
        if let Some(introspection) = &mut raw.introspection {
            introspection.client_secret_file = self.path(&introspection.client_secret_file);
        }
        raw
    }

    fn store(&mut self, raw: RawStore) -> Store {
        match (raw.url, raw.url_file) {
            (None, None) => Store::Sqlite,
            (Some(url), None) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                Store::PostgresUrl(SecretString::new(url))
            }
            (None, Some(file)) => Store::PostgresUrlFile(self.path(file)),
            (Some(_), None) => {
                self.wrong(
                    "store.url",
                    "write \"postgres://user@host/database\", or leave it out for SQLite",
                );
                Store::Sqlite
            }
            (Some(_), Some(_)) => {
                self.wrong("store", "give `url` or `url_file`, not both");
                Store::Sqlite
            }
        }
    }

    fn keys(&mut self, raw: RawKeys, data_dir: &Path) -> Keys {
        const KNOWN: [&str; 6] = ["ES256", "ES384", "RS256", "PS256", "EdDSA", "ES512"];
        let algorithms = raw.algorithms.unwrap_or_else(|| vec!["ES256".to_owned()]);
        for algorithm in algorithms.iter().filter(|name| !KNOWN.contains(&name.as_str())) {
            self.wrong(
                "keys.algorithms",
                format!("{algorithm:?} does not sign here: one of {}", KNOWN.join(", ")),
            );
        }
        if algorithms.is_empty() {
            self.wrong("keys.algorithms", "name at least one");
        }
        let master_key_file =
            raw.master_key_file.map_or_else(|| data_dir.join("master.key"), |file| self.path(file));
        Keys {
            master_key_file,
            algorithms,
            rotate_after: span(raw.rotate_after, 90 * DAY),
            prepublish: span(raw.prepublish, 60 * MINUTE),
        }
    }

    fn tokens(&mut self, raw: &RawTokens) -> Tokens {
        let tokens = Tokens {
            default_audience: raw.default_audience.clone(),
            authorization_code: span(raw.authorization_code, MINUTE),
            access_token: span(raw.access_token, 10 * MINUTE),
            refresh_token: span(raw.refresh_token, 30 * DAY),
            refresh_grace: span(raw.refresh_grace, Duration::from_secs(10)),
            id_token: span(raw.id_token, 10 * MINUTE),
            device_code: span(raw.device_code, 10 * MINUTE),
            backchannel_request: span(raw.backchannel_request, 5 * MINUTE),
            session: span(raw.session, 12 * 60 * MINUTE),
            several_audiences: raw.several_audiences,
            sign_out_revokes: raw.sign_out_revokes,
        };
        // RFC 6749 §4.1.2 recommends at most ten minutes.
        if tokens.authorization_code > 10 * MINUTE {
            self.wrong("tokens.authorization_code", "at most 10m (RFC 6749 §4.1.2)");
        }
        // RFC 8628 §5.1: the longer codes live, the more of them can be guessed.
        if tokens.device_code < MINUTE || tokens.device_code > 30 * MINUTE {
            self.wrong("tokens.device_code", "between 1m and 30m (RFC 8628 §5.1)");
        }
        if tokens.access_token > 30 * DAY {
            self.wrong(
                "tokens.access_token",
                "at most 30d: single clients may have reference tokens that live longer",
            );
        }
        // The longer one waits, the less its person remembers of it.
        if tokens.backchannel_request < MINUTE / 2 || tokens.backchannel_request > 30 * MINUTE {
            self.wrong("tokens.backchannel_request", "between 30s and 30m");
        }
        if tokens.refresh_grace > 5 * MINUTE {
            self.wrong("tokens.refresh_grace", "at most 5m: a stolen token could be used that long");
        }
        tokens
    }

    fn ca(&mut self, raw: RawCa, server: Option<&Server>) -> Ca {
        let host = server.and_then(|server| server.issuer.host_str()).unwrap_or("countersign.local");
        let trust_domain = raw.trust_domain.unwrap_or_else(|| host.to_owned());
        let leaf_lifetime = span(raw.leaf_lifetime, DAY);
        if leaf_lifetime < 5 * MINUTE || leaf_lifetime > 398 * DAY {
            self.wrong("ca.leaf_lifetime", "between 5m and 398d");
        }
        Ca { trust_domain, leaf_lifetime }
    }

    fn basic(&mut self, raw: RawBasic) -> Basic {
        Basic {
            htpasswd: raw.htpasswd.iter().map(|file| self.path(file)).collect(),
            htpasswd_scopes: self.scopes("basic.htpasswd_scopes", &raw.htpasswd_scopes),
            remember: span(raw.remember, 5 * MINUTE),
            concurrent_hashes: raw.concurrent_hashes,
        }
    }

    fn network(&mut self, raw: RawNetwork) -> Network {
        if raw.workers == Some(0) {
            self.wrong("network.workers", "at least 1");
        }
        Network {
            fetch_from: raw.fetch_from,
            insecure_fetch_over_http: raw.insecure_fetch_over_http,
            fetch_ca: raw.fetch_ca.map(|file| self.path(file)),
            workers: raw.workers,
            drain: span(raw.drain, Duration::from_secs(30)),
        }
    }
}

fn span(written: Option<Span>, default: Duration) -> Duration {
    written.map_or(default, |span| span.0)
}

fn has_placement(route: &RawRoute) -> bool {
    let placement = &route.api_key;
    placement.authorization || placement.bearer || placement.query.is_some() || !placement.headers.is_empty()
}

/// Whether a URL's host is this machine and nothing else: `localhost`, 127.0.0.0/8, `[::1]`.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
