//! The answer to the client, by way of the browser (RFC 6749 §4.1.2, §4.1.2.1).

use countersign_model::ResponseMode;

use super::CheckedRedirectUri;

/// An answer for the client, by way of the browser.
#[derive(Clone)]
pub struct AuthorizationResponse {
    pub(super) redirect_uri: CheckedRedirectUri,
    pub(super) mode: ResponseMode,
    pub(super) parameters: Vec<(&'static str, String)>,
    pub(super) error: Option<&'static str>,
}

/// How the browser brings it there.
#[derive(Clone)]
pub enum Delivery<'a> {
    /// It is sent to this address, by a 303 (RFC 9700 §4.12).
    Redirect(String),
    /// It posts this form to the redirect URI (OAuth 2.0 Form Post Response Mode §2).
    Form(&'a [(&'static str, String)]),
}

impl AuthorizationResponse {
    /// How the browser brings it there.
    #[must_use]
    pub fn delivery(&self) -> Delivery<'_> {
        match self.mode {
            ResponseMode::Query | ResponseMode::QueryJwt => Delivery::Redirect(self.in_query()),
            ResponseMode::Fragment | ResponseMode::FragmentJwt => Delivery::Redirect(self.in_fragment()),
            ResponseMode::FormPost | ResponseMode::FormPostJwt => Delivery::Form(&self.parameters),
        }
    }

    /// The redirect URI with the answer after whatever query it has (RFC 6749 §3.1.2).
    fn in_query(&self) -> String {
        let uri = self.redirect_uri.as_str();
        let separator = match uri.split_once('?') {
            None => "?",
            Some((_, "")) => "",
            Some((_, query)) if query.ends_with('&') => "",
            Some(_) => "&",
        };
        format!("{uri}{separator}{}", self.encoded())
    }

    /// The redirect URI, which has no fragment of its own, with the answer in one.
    fn in_fragment(&self) -> String {
        format!("{}#{}", self.redirect_uri.as_str(), self.encoded())
    }

    fn encoded(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.parameters).finish()
    }

    /// The redirect URI without the answer.
    #[must_use]
    pub fn redirect_uri(&self) -> &CheckedRedirectUri {
        &self.redirect_uri
    }

    /// The error code that it carries; `None` when the person and the server agreed.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.error
    }
}

impl std::fmt::Debug for AuthorizationResponse {
    /// Without the code.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthorizationResponse")
            .field("redirect_uri", &self.redirect_uri)
            .field("mode", &self.mode)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}
