//! The pages' Content Security Policy.

use axum::http::HeaderValue;
use url::Url;

/// Where the forms of a page may lead, our own origin aside.
///
/// Chromium holds `form-action` against every redirect that follows a form, so the sign-in and consent pages must
/// name where the client's answer goes. The client's other registered redirect URIs are named as well, since its
/// first address often sends people on to another one of its own.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Destinations {
    forms: Vec<String>,
    own_script: bool,
}

/// A policy is a header: it must stay short.
const MAX_SOURCES: usize = 16;

impl Destinations {
    /// Nowhere else.
    pub(crate) fn own() -> Self {
        Self::default()
    }

    /// The answer's redirect URI first, then the client's others.
    pub(crate) fn of<'a>(redirect_uris: impl Iterator<Item = &'a str>) -> Self {
        let mut sources = Vec::new();
        for source in redirect_uris.filter_map(source) {
            if sources.len() < MAX_SOURCES && !sources.contains(&source) {
                sources.push(source);
            }
        }
        Self { forms: sources, own_script: false }
    }

    /// The page has a script of ours.
    pub(crate) fn with_own_script(self) -> Self {
        Self { own_script: true, ..self }
    }

    pub(crate) fn content_security_policy(&self) -> HeaderValue {
        let mut policy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
                          frame-ancestors 'none'; form-action 'self'"
            .to_owned();
        for source in &self.forms {
            policy.push(' ');
            policy.push_str(source);
        }
        if self.own_script {
            policy.push_str("; script-src 'self'");
        }
        HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
    }
}

/// A redirect URI as a source expression (CSP 3 §2.3.1).
fn source(redirect_uri: &str) -> Option<String> {
    let url = Url::parse(redirect_uri).ok()?;
    let source = match (url.scheme(), url.host()) {
        // The grammar has no IPv6 address: only the scheme can be named.
        ("http" | "https", Some(url::Host::Ipv6(_))) => format!("{}:", url.scheme()),
        // RFC 8252 §7.3: a native application listens on whatever port it gets.
        ("http", Some(url::Host::Ipv4(address))) if address.is_loopback() => format!("http://{address}:*"),
        ("http", Some(url::Host::Domain("localhost"))) => "http://localhost:*".to_owned(),
        ("http" | "https", Some(_)) => url.origin().ascii_serialization(),
        // RFC 8252 §7.1: a scheme of the application's own.
        (scheme, _) => format!("{scheme}:"),
    };
    // Nothing that could end the directive or the policy.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.:/*".contains(&byte);
    source.bytes().all(is_plain).then_some(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirect_uris_become_sources() {
        for (uri, expected) in [
            ("https://app.example/cb?x=1", Some("https://app.example")),
            ("https://app.example:8443/cb", Some("https://app.example:8443")),
            ("http://127.0.0.1:4711/cb", Some("http://127.0.0.1:*")),
            ("http://localhost/cb", Some("http://localhost:*")),
            ("http://[::1]:4711/cb", Some("http:")),
            ("com.example.app:/cb", Some("com.example.app:")),
            ("https://app;script-src.example/cb", None),
            ("no uri", None),
        ] {
            assert_eq!(source(uri).as_deref(), expected, "{uri}");
        }
    }

    #[test]
    fn the_policy_names_each_once() {
        let uris = ["https://a.example/1", "https://a.example/2", "https://b.example/"];
        let policy = Destinations::of(uris.into_iter()).content_security_policy();
        let policy = policy.to_str().unwrap();
        assert!(policy.ends_with("form-action 'self' https://a.example https://b.example"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && policy.starts_with("default-src 'none'"));
    }
}
