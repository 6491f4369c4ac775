//! The answer to the client, by way of the browser (RFC 6749 §4.1.2, §4.1.2.1).

use super::CheckedRedirectUri;
use crate::Error;

/// An answer for the client, by way of the browser. Send it as a 303 (RFC 9700 §4.12).
#[derive(Clone)]
pub struct AuthorizationResponse {
    redirect_uri: CheckedRedirectUri,
    parameters: Vec<(&'static str, String)>,
}

impl AuthorizationResponse {
    /// A code (RFC 6749 §4.1.2).
    pub(super) fn code(to: CheckedRedirectUri, state: Option<String>, issuer: &str, code: &str) -> Self {
        Self { redirect_uri: to, parameters: vec![("code", code.to_owned())] }.with(state, issuer)
    }

    /// An error (RFC 6749 §4.1.2.1).
    pub(super) fn refusal(
        to: CheckedRedirectUri,
        state: Option<String>,
        issuer: &str,
        error: &Error,
    ) -> Self {
        let parameters = vec![("error", error.code().to_owned()), ("error_description", error.description())];
        Self { redirect_uri: to, parameters }.with(state, issuer)
    }

    /// RFC 6749 §4.1.2: `state` exactly as it came. RFC 9207 §2: `iss`, in errors too.
    fn with(mut self, state: Option<String>, issuer: &str) -> Self {
        self.parameters.extend(state.map(|state| ("state", state)));
        self.parameters.push(("iss", issuer.to_owned()));
        self
    }

    /// The URL to send the browser to: the redirect URI with the answer after whatever query it has
    /// (RFC 6749 §3.1.2).
    #[must_use]
    pub fn location(&self) -> String {
        let uri = self.redirect_uri.as_str();
        let separator = match uri.split_once('?') {
            None => "?",
            Some((_, "")) => "",
            Some((_, query)) if query.ends_with('&') => "",
            Some(_) => "&",
        };
        let answer = form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.parameters).finish();
        format!("{uri}{separator}{answer}")
    }

    /// The redirect URI without the answer.
    #[must_use]
    pub fn redirect_uri(&self) -> &CheckedRedirectUri {
        &self.redirect_uri
    }

    /// The error code that it carries; `None` when it carries a code.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.parameters.iter().find(|(name, _)| *name == "error").map(|(_, value)| value.as_str())
    }
}

impl std::fmt::Debug for AuthorizationResponse {
    /// Without the code.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthorizationResponse")
            .field("redirect_uri", &self.redirect_uri)
            .field("error", &self.error())
            .finish_non_exhaustive()
    }
}
