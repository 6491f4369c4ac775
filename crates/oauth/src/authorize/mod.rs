//! The authorization endpoint (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2).
//!
//! ```text
//! begin ─┬─▶ SignIn ──(person signs in)──▶ resume ─┐
//!        ├─▶ Consent ◀─────────────────────────────┤
//!        │      └──▶ consent_given / denied ──▶ Respond
//!        └─▶ Respond ◀─────────────────────────────┘
//! ```

mod redirect_uri;

use std::sync::Arc;

use countersign_model::{Client, ScopeSet, SecretString, Session, TokenHash};

use crate::ports::Ports;
use crate::{Engine, Error, Parameters};

pub use redirect_uri::CheckedRedirectUri;

/// What the person's browser should see next.
#[derive(Debug)]
pub enum Step {
    /// The sign-in page.
    SignIn(SignInRequest),
    /// The consent page.
    Consent(ConsentRequest),
    /// Back to the client, with a code or with an error.
    Respond(AuthorizationResponse),
}

/// What the sign-in page needs.
#[derive(Debug)]
pub struct SignInRequest {
    /// Names the waiting request in the page's address.
    pub interaction: SecretString,
    /// Who asks.
    pub client: Arc<Client>,
    /// What to write into the name field (OpenID Connect Core §3.1.2.1, `login_hint`).
    pub login_hint: Option<String>,
}

/// What the consent page needs.
#[derive(Debug)]
pub struct ConsentRequest {
    /// Names the waiting request in the page's address.
    pub interaction: SecretString,
    /// Who asks.
    pub client: Arc<Client>,
    /// Everything it asks for.
    pub scopes: ScopeSet,
    /// The part of it that was agreed to earlier.
    pub granted: ScopeSet,
    /// Where the answer goes.
    pub redirect_uri: CheckedRedirectUri,
}

/// An answer for the client, by way of the browser (RFC 6749 §4.1.2). Send it as a 303 (RFC 9700 §4.12).
#[derive(Clone, Debug)]
pub struct AuthorizationResponse {
    redirect_uri: CheckedRedirectUri,
    parameters: Vec<(&'static str, String)>,
}

impl AuthorizationResponse {
    /// The URL to send the browser to.
    #[must_use]
    pub fn location(&self) -> String {
        todo!()
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

impl<P: Ports> Engine<P> {
    /// An authorization request came. `browser` is the hash of the browser's cookie, to which a waiting request is
    /// tied.
    ///
    /// # Errors
    /// What must be shown here and never be sent to a redirect URI (RFC 6749 §4.1.2.1): the client is not known, or
    /// the redirect URI is not its own. Every other error is a [`Step::Respond`].
    pub async fn begin(
        &self,
        parameters: &Parameters<'_>,
        session: Option<&Session>,
        browser: &TokenHash,
    ) -> Result<Step, Error> {
        let _ = (parameters, session, browser);
        todo!()
    }

    /// Looks again at a waiting request: after a sign-in, or when one of its pages is loaded.
    ///
    /// # Errors
    /// As [`Engine::begin`]; [`Error::UnknownInteraction`] when nothing waits under this name for this browser.
    pub async fn resume(
        &self,
        interaction: &str,
        session: Option<&Session>,
        browser: &TokenHash,
    ) -> Result<Step, Error> {
        let _ = (interaction, session, browser);
        todo!()
    }

    /// The person agreed to these scopes: all that were asked for, or some.
    ///
    /// # Errors
    /// As [`Engine::resume`].
    pub async fn consent_given(
        &self,
        interaction: &str,
        session: &Session,
        browser: &TokenHash,
        scopes: &ScopeSet,
    ) -> Result<Step, Error> {
        let _ = (interaction, session, browser, scopes);
        todo!()
    }

    /// The person said no, to the sign-in or to the consent.
    ///
    /// # Errors
    /// As [`Engine::resume`].
    pub async fn denied(
        &self,
        interaction: &str,
        browser: &TokenHash,
    ) -> Result<AuthorizationResponse, Error> {
        let _ = (interaction, browser);
        todo!()
    }
}
