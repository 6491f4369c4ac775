//! One browser: its cookie, and the proof that a form came from a page that we gave to it.
//!
//! A form carries a token derived from the browser's cookie by a hash. Whoever can't read the cookie (it is HttpOnly,
//! and `__Host-` over https, so that nobody else can plant one) can't make the token, and the token doesn't reveal the
//! cookie. No server key is needed, so any node takes a form that another one gave out.

use axum::http::HeaderMap;
use axum::http::header::ORIGIN;
use axum::response::Response;
use countersign_model::{Env, SecretString, TokenHash};

use crate::cookies::{Cookie, Cookies};

/// A browser, as its cookie names it.
pub(crate) struct Browser {
    secret: SecretString,
    is_new: bool,
}

impl Browser {
    /// The browser of this request, if it has been here before.
    pub(crate) fn known(cookies: Cookies, headers: &HeaderMap) -> Option<Self> {
        cookies.read(headers, Cookie::Browser).map(|secret| Self { secret, is_new: false })
    }

    /// The browser of this request, given a cookie if it has none.
    pub(crate) fn known_or_new(cookies: Cookies, headers: &HeaderMap, env: &Env) -> Self {
        Self::known(cookies, headers).unwrap_or_else(|| Self { secret: env.rng.token(), is_new: true })
    }

    /// Hash of its cookie: what a waiting request is tied to.
    pub(crate) fn hash(&self) -> TokenHash {
        self.secret.hash()
    }

    /// The answer, with which the browser gets its cookie if it is a new one.
    pub(crate) fn remembered(&self, cookies: Cookies, mut response: Response) -> Response {
        if self.is_new {
            cookies.set(response.headers_mut(), Cookie::Browser, &self.secret);
        }
        response
    }

    /// The token of a form of this kind, about this thing (an interaction, a session).
    pub(crate) fn form_token(&self, form: Form, about: &str) -> String {
        self.form_hash(form, about).to_base64url()
    }

    /// Whether the token is the one that this browser was given for the form.
    pub(crate) fn accepts(&self, form: Form, about: &str, token: &str) -> bool {
        let expected = self.form_token(form, about);
        SecretString::new(expected).ct_eq(token.as_bytes())
    }

    fn form_hash(&self, form: Form, about: &str) -> TokenHash {
        let text = format!("countersign form\0{}\0{about}\0{}", form.as_str(), self.secret.expose());
        SecretString::new(text).hash()
    }
}

/// The kinds of forms we give out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    SignIn,
    Application,
    ApplicationDelete,
    ApplicationSecret,
    Authorization,
    Consent,
    SignOut,
    Device,
    DeviceDecision,
    Approval,
}

impl Form {
    const fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
            Self::Application => "application",
            Self::ApplicationDelete => "application-delete",
            Self::ApplicationSecret => "application-secret",
            Self::Authorization => "given-authorization",
            Self::Consent => "consent",
            Self::SignOut => "sign-out",
            Self::Device => "device",
            Self::DeviceDecision => "device-decision",
            Self::Approval => "approval",
        }
    }
}

/// Whether the browser says that the form was sent from our own origin, or says nothing.
///
/// Fetch Metadata (`Sec-Fetch-Site`) decides where it is there. `Origin: null` is what a page with
/// `Referrer-Policy: no-referrer` sends, ours included, so it says nothing (Fetch §3.2). The form's token decides in
/// any case; this only refuses earlier and more plainly.
pub(crate) fn is_same_origin(headers: &HeaderMap, own_origin: &str) -> bool {
    match (headers.get("sec-fetch-site"), headers.get(ORIGIN)) {
        (Some(site), _) => site.as_bytes() == b"same-origin",
        (None, Some(origin)) => origin.as_bytes() == b"null" || origin.as_bytes() == own_origin.as_bytes(),
        (None, None) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn form_tokens_hold_for_one_browser_one_form_one_thing() {
        let browser = |cookie: &str| Browser { secret: SecretString::from(cookie), is_new: false };
        let token = browser("one").form_token(Form::Consent, "i1");
        assert!(browser("one").accepts(Form::Consent, "i1", &token));
        assert!(!browser("two").accepts(Form::Consent, "i1", &token));
        assert!(!browser("one").accepts(Form::SignOut, "i1", &token));
        assert!(!browser("one").accepts(Form::Consent, "i2", &token));
        assert!(!browser("one").accepts(Form::Consent, "i1", ""));
    }

    #[test]
    fn foreign_origins_are_seen() {
        let own = "https://auth.example";
        assert!(is_same_origin(&headers(&[]), own));
        assert!(is_same_origin(&headers(&[("origin", "https://auth.example")]), own));
        assert!(is_same_origin(&headers(&[("origin", "null")]), own));
        assert!(is_same_origin(&headers(&[("origin", "null"), ("sec-fetch-site", "same-origin")]), own));
        assert!(!is_same_origin(&headers(&[("origin", "https://evil.example")]), own));
        assert!(!is_same_origin(&headers(&[("origin", "null"), ("sec-fetch-site", "cross-site")]), own));
        assert!(!is_same_origin(&headers(&[("sec-fetch-site", "same-site")]), own));
    }
}
