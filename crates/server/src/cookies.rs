//! The cookies of the pages: the session; the browser itself, to which waiting requests and form tokens are tied; and
//! that an account's owner has signed in here before.

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use countersign_model::SecretString;

/// Which cookie.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cookie {
    /// A signed-in session. Set anew at each sign-in, so that a planted one is worthless (session fixation).
    Session,
    /// One browser, signed in or not.
    Browser,
    /// A browser in which an account's owner has signed in before.
    KnownBrowser,
}

/// How cookies are named and guarded here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cookies {
    /// Whether people come by https. Only a loopback issuer may be without.
    secure: bool,
}

/// Longest value we ever set is 44 characters.
const MAX_VALUE: usize = 64;

impl Cookies {
    pub(crate) const fn new(secure: bool) -> Self {
        Self { secure }
    }

    /// The `__Host-` prefix keeps neighbours on the same domain from planting a cookie of ours (RFC 6265bis §4.1.3.2).
    const fn name(self, cookie: Cookie) -> &'static str {
        match (cookie, self.secure) {
            (Cookie::Session, true) => "__Host-countersign",
            (Cookie::Session, false) => "countersign",
            (Cookie::Browser, true) => "__Host-countersign-browser",
            (Cookie::Browser, false) => "countersign-browser",
            (Cookie::KnownBrowser, true) => "__Host-countersign-known",
            (Cookie::KnownBrowser, false) => "countersign-known",
        }
    }

    /// The cookie's value; `None` when it is absent, given twice (one of them was planted) or not of our shape.
    pub(crate) fn read(self, headers: &HeaderMap, cookie: Cookie) -> Option<SecretString> {
        let name = self.name(cookie);
        let mut found = None;
        for header in headers.get_all(COOKIE) {
            for pair in header.to_str().ok()?.split(';') {
                let Some((own, value)) = pair.trim().split_once('=') else { continue };
                if own != name {
                    continue;
                }
                if found.is_some() {
                    return None;
                }
                found = Some(value);
            }
        }
        let of_our_shape =
            |value: &str| (1..=MAX_VALUE).contains(&value.len()) && value.bytes().all(is_base64url);
        found.filter(|value| of_our_shape(value)).map(SecretString::from)
    }

    /// `Set-Cookie`. That a browser is known outlives its session (RFC 6265 §5.3); everything else ends with it.
    pub(crate) fn set(self, headers: &mut HeaderMap, cookie: Cookie, value: &SecretString) {
        let secure = if self.secure { "; Secure" } else { "" };
        let life = match cookie {
            Cookie::Session | Cookie::Browser => "",
            Cookie::KnownBrowser => "; Max-Age=15552000",
        };
        let text =
            format!("{}={}; Path=/{life}; HttpOnly; SameSite=Lax{secure}", self.name(cookie), value.expose());
        append(headers, &text);
    }

    /// `Set-Cookie` that makes the browser forget it.
    pub(crate) fn forget(self, headers: &mut HeaderMap, cookie: Cookie) {
        let secure = if self.secure { "; Secure" } else { "" };
        append(
            headers,
            &format!("{}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax{secure}", self.name(cookie)),
        );
    }
}

fn append(headers: &mut HeaderMap, text: &str) {
    if let Ok(mut value) = HeaderValue::from_str(text) {
        value.set_sensitive(true);
        headers.append(SET_COOKIE, value);
    }
}

const fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookies: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(COOKIE, HeaderValue::from_str(cookie).unwrap());
        }
        headers
    }

    fn read(cookies: &[&str]) -> Option<String> {
        Cookies::new(true).read(&headers(cookies), Cookie::Session).map(|value| value.expose().clone())
    }

    #[test]
    fn reads_one_well_formed_cookie() {
        assert_eq!(read(&["a=b; __Host-countersign=x-Y_1"]).as_deref(), Some("x-Y_1"));
        assert_eq!(read(&["a=b", "__Host-countersign=xY"]).as_deref(), Some("xY"));
        assert_eq!(read(&["countersign=xY"]), None, "the plain name is not believed over https");
        assert_eq!(read(&["__Host-countersign=x; __Host-countersign=y"]), None);
        assert_eq!(read(&["__Host-countersign=x", "__Host-countersign=x"]), None);
        assert_eq!(read(&["__Host-countersign="]), None);
        assert_eq!(read(&["__Host-countersign=a b"]), None);
    }

    #[test]
    fn set_cookies_carry_every_guard() {
        let mut headers = HeaderMap::new();
        Cookies::new(true).set(&mut headers, Cookie::Session, &SecretString::from("v"));
        assert_eq!(
            headers.get(SET_COOKIE).unwrap(),
            "__Host-countersign=v; Path=/; HttpOnly; SameSite=Lax; Secure"
        );
    }
}
