//! The pages' Content Security Policy.

use axum::http::HeaderValue;
use countersign_model::Client;
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
    picture: Option<String>,
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
        Self { forms: sources, ..Self::default() }
    }

    /// To the redirect URIs of a client: the one that gets the answer first.
    pub(crate) fn to_client(client: &Client, answer: Option<&str>) -> Self {
        Self::of(answer.into_iter().chain(client.redirect_uris.iter().map(String::as_str)))
    }

    /// The page has a script of ours.
    pub(crate) fn with_own_script(self) -> Self {
        Self { own_script: true, ..self }
    }

    /// The page shows a picture from this address, and from no other place of that origin's neighbours.
    pub(crate) fn with_picture(self, address: Option<&str>) -> Self {
        Self { picture: address.and_then(picture), ..self }
    }

    pub(crate) fn content_security_policy(&self) -> HeaderValue {
        let mut policy = "default-src 'none'; style-src 'self'; base-uri 'none'; \
                          frame-ancestors 'none'; form-action 'self'"
            .to_owned();
        for source in &self.forms {
            policy.push(' ');
            policy.push_str(source);
        }
        policy.push_str("; img-src 'self'");
        if let Some(picture) = &self.picture {
            policy.push(' ');
            policy.push_str(picture);
        }
        if self.own_script {
            policy.push_str("; script-src 'self'");
        }
        HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
    }
}

/// The origin of a picture as a source expression; `None` for one that must not be shown. Only `https`, by name: what is
/// fetched in the clear says to whoever listens which application somebody is looking at.
pub(crate) fn picture(address: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    let is_named = matches!(url.host(), Some(url::Host::Domain(_)));
    let fits = url.scheme() == "https" && is_named && url.username().is_empty() && url.password().is_none();
    if fits { source(address) } else { None }
}

/// A client's address as a source expression (CSP 3 §2.3.1); `None` for one that would be a pattern: what stands for every
/// host or port is ours to write, never a client's.
fn source(redirect_uri: &str) -> Option<String> {
    let url = Url::parse(redirect_uri).ok()?;
    if url.host_str().is_some_and(|host| host.contains('*')) {
        return None;
    }
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
            ("https://*/cb", None),
            ("https://*.example/cb", None),
            ("http://%2A/cb", None),
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
        assert!(policy.contains("form-action 'self' https://a.example https://b.example;"), "{policy}");
        assert!(policy.ends_with("; img-src 'self'"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && policy.starts_with("default-src 'none'"));
    }

    #[test]
    fn a_picture_is_shown_from_one_origin_by_https() {
        let policy = |address| {
            let policy = Destinations::own().with_picture(Some(address)).content_security_policy();
            policy.to_str().unwrap().to_owned()
        };
        let shown = policy("https://cdn.app.example:8443/logo.svg?x=1");
        assert!(shown.ends_with("; img-src 'self' https://cdn.app.example:8443"), "{shown}");
        for address in [
            "http://app.example/logo.png",
            "https://*/x.png",
            "https://*.app.example/x.png",
            "https://%2a:8443/x.png",
            "https://192.0.2.1/logo.png",
            "https://[2001:db8::1]/logo.png",
            "https://me:secret@app.example/logo.png",
            "https://app;script-src.example/logo.png",
            "data:image/png;base64,AA==",
            "javascript:alert(1)",
        ] {
            assert!(policy(address).ends_with("; img-src 'self'"), "{address}");
        }
    }
}
