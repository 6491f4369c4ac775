//! Claims about a person (OpenID Connect Core §5.3).

use countersign_model::{ScopeSet, Subject, User, UserId};
use serde::Serialize;

use crate::ports::Ports;
use crate::{Engine, Error};

/// The answer: whom it is about, and what may be told of them.
#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    #[serde(flatten)]
    told: ScopeClaims<'a>,
}

/// OpenID Connect Core §5.1, as far as it is known here: what scopes open.
#[derive(Clone, Copy, Default, Serialize)]
pub(crate) struct ScopeClaims<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
}

impl<P: Ports> Engine<P> {
    /// The claims an access token with these scopes may read about its subject, as a JSON object.
    ///
    /// The caller has checked the token: our own issuer, and this server among its audience.
    ///
    /// # Errors
    /// The scope `openid` is missing, or the subject is no enabled account.
    pub async fn userinfo(&self, subject: &Subject, scopes: &ScopeSet) -> Result<Vec<u8>, Error> {
        // OpenID Connect Core §5.3.1: a token of an OpenID Connect request.
        if !scopes.contains("openid") {
            return Err(Error::InsufficientScope);
        }
        let user = self.ports.user(&UserId::from(subject.as_str())).await?;
        let user = user.filter(User::is_enabled).ok_or(Error::InvalidToken)?;
        let claims = Claims { sub: user.id.as_str(), told: ScopeClaims::of(&user, scopes) };
        serde_json::to_vec(&claims).map_err(|_| Error::Signing(crate::SigningFailed))
    }
}

impl<'a> ScopeClaims<'a> {
    /// OpenID Connect Core §5.4: which scope opens which claims.
    pub(crate) fn of(user: &'a User, scopes: &ScopeSet) -> Self {
        let (profile, email) = (scopes.contains("profile"), scopes.contains("email"));
        let address = user.email.as_deref().filter(|_| email);
        Self {
            name: user.display_name.as_deref().filter(|_| profile),
            preferred_username: profile.then(|| user.username.as_str()),
            email: address,
            email_verified: address.map(|_| user.email_verified),
        }
    }
}
