//! `redirect_uri`: where the answer may go.

use countersign_model::Client;

use url::Url;

use super::scope::asks_for_openid;
use crate::profile::Rules;
use crate::settings::is_loopback;
use crate::{Error, Parameters};

/// A redirect URI that is registered for the client that asked. Only the check makes one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckedRedirectUri {
    uri: String,
    was_sent: bool,
}

impl CheckedRedirectUri {
    /// The URI as the client sent it, or as it is registered if the client sent none.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.uri
    }

    /// Whether the request named it, so that the token request must repeat it (RFC 6749 §4.1.3).
    pub(crate) fn was_sent(&self) -> bool {
        self.was_sent
    }
}

pub(super) fn registered(client: &Client, sent: &Parameters<'_>) -> Result<CheckedRedirectUri, Error> {
    if sent.repeats("redirect_uri") {
        return Err(Error::DuplicateParameter);
    }
    let uri = match (sent.one("redirect_uri"), client.redirect_uris.as_slice()) {
        (Some(uri), registered) if registered.iter().any(|known| fits(known, uri)) => uri,
        (Some(_), _) => return Err(Error::RedirectUriUnregistered),
        // OpenID Connect Core §3.1.2.1: in an OpenID request it is required, whatever is registered.
        (None, _) if asks_for_openid(sent) => return Err(Error::RedirectUriMissing),
        // RFC 6749 §3.1.2.3: it may be left out only where there is nothing to choose.
        (None, [only]) => only,
        (None, _) => return Err(Error::RedirectUriMissing),
    };
    if !may_be_followed(uri) {
        return Err(Error::RedirectUriUnregistered);
    }
    let redirects = Rules::of(client.profile).redirects;
    if redirects.must_be_named() && sent.one("redirect_uri").is_none() {
        return Err(Error::RedirectUriMissing);
    }
    if !redirects.allow(uri) {
        return Err(Error::RedirectUriUnregistered);
    }
    Ok(CheckedRedirectUri { uri: uri.to_owned(), was_sent: sent.one("redirect_uri").is_some() })
}

/// RFC 9700 §2.1: equal to the letter. RFC 8252 §7.3: but any port on a loopback address, because a native
/// application can't know in advance which one it gets.
fn fits(registered: &str, sent: &str) -> bool {
    registered == sent
        || match (loopback(registered), loopback(sent)) {
            (Some(registered), Some(sent)) => registered == sent,
            (Some(_) | None, _) => false,
        }
}

/// Address and path of a loopback redirect, its port left out. Read from the text itself, so that no parser's idea of
/// a host can differ from the browser's: what follows the address is a port or the path, and nothing else. The name
/// `localhost` has no such freedom (RFC 8252 §8.3).
fn loopback(uri: &str) -> Option<(&'static str, &str)> {
    let (address, rest) = ["http://127.0.0.1", "http://[::1]"]
        .into_iter()
        .find_map(|address| uri.strip_prefix(address).map(|rest| (address, rest)))?;
    let path = match rest.strip_prefix(':') {
        Some(port_and_path) => {
            let digits = port_and_path.bytes().take_while(u8::is_ascii_digit).count();
            let (port, path) = port_and_path.split_at_checked(digits)?;
            port.parse::<u16>().ok().filter(|port| *port != 0)?;
            path
        }
        None => rest,
    };
    (path.is_empty() || path.starts_with(['/', '?'])).then_some((address, path))
}

/// RFC 6749 §3.1.2: absolute, without a fragment; and nothing a browser would run instead of visit, whoever
/// registered it. RFC 9700 §2.6: a code travels in the clear to nowhere but this machine.
fn may_be_followed(uri: &str) -> bool {
    let Some((scheme, _)) = uri.split_once(':') else { return false };
    let runs = ["javascript", "data", "vbscript", "blob", "file", "about"];
    !uri.contains('#')
        && uri.bytes().all(|byte| byte.is_ascii_graphic())
        && !runs.iter().any(|known| scheme.eq_ignore_ascii_case(known))
        && (!scheme.eq_ignore_ascii_case("http") || Url::parse(uri).is_ok_and(|url| is_loopback(&url)))
}

/// Whether another program on the person's machine could take this address (RFC 8252 §8.6): a loopback address or a
/// scheme of an application's own.
pub(super) fn may_be_anybodys(uri: &CheckedRedirectUri) -> bool {
    !uri.as_str().starts_with("https://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_to_the_letter() {
        assert!(fits("https://app.example/cb", "https://app.example/cb"));
        for sent in [
            "https://app.example/cb/",
            "https://app.example/c",
            "https://app.example",
            "https://app.example/cb?x=1",
            "https://app.example/CB",
            "https://APP.example/cb",
            "https://app.example:443/cb",
            "https://app.example/cb/../cb",
            "https://app.example/c%62",
            "http://app.example/cb",
            "https://app.example.evil.example/cb",
            "https://app.example@evil.example/cb",
        ] {
            assert!(!fits("https://app.example/cb", sent), "{sent}");
        }
    }

    #[test]
    fn any_port_on_a_loopback_address_and_nothing_more() {
        for sent in ["http://127.0.0.1/cb", "http://127.0.0.1:1/cb", "http://127.0.0.1:65535/cb"] {
            assert!(fits("http://127.0.0.1/cb", sent) && fits("http://127.0.0.1:8000/cb", sent), "{sent}");
        }
        assert!(fits("http://[::1]/cb", "http://[::1]:8123/cb"));
        for sent in [
            "http://127.0.0.1:/cb",
            "http://127.0.0.1:0/cb",
            "http://127.0.0.1:65536/cb",
            "http://127.0.0.1:80@evil.example/cb",
            "http://127.0.0.1@evil.example/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://127.0.0.12/cb",
            "http://127.0.0.1:8000/other",
            "http://127.0.0.1:8000/cb?x",
            "https://127.0.0.1:8000/cb",
            "http://localhost:8000/cb",
            "http://[::1]:8000/cb",
        ] {
            assert!(!fits("http://127.0.0.1/cb", sent), "{sent}");
        }
        assert!(!fits("http://localhost:8401/cb", "http://localhost:8402/cb"));
        assert!(!fits("https://app.example/cb", "https://app.example:8443/cb"));
    }

    #[test]
    fn nothing_a_browser_would_run_and_nothing_in_the_clear() {
        for uri in [
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "data:text/html,x",
            "https://a/#f",
            "https://a/ b",
            "x",
            "http://app.example/cb",
            "HTTP://app.example/cb",
            "http://127.0.0.1.app.example/cb",
            "http://localhost@app.example/cb",
        ] {
            assert!(!may_be_followed(uri), "{uri}");
        }
        for uri in ["http://127.0.0.1:8400/cb", "http://[::1]/cb", "http://localhost:1/cb"] {
            assert!(may_be_followed(uri), "{uri}");
        }
        assert!(may_be_followed("com.example.app:/cb") && may_be_followed("https://a.example/cb?x=1"));
    }
}
