//! Claims about a person (OpenID Connect Core §5.3).

use countersign_model::{ScopeSet, Subject};

use crate::ports::Ports;
use crate::{Engine, Error};

impl<P: Ports> Engine<P> {
    /// The claims an access token with these scopes may read about its subject, as a JSON object.
    ///
    /// The caller has checked the token: our own issuer, any audience (a token of an OpenID Connect request is good
    /// here whatever resource it is for).
    ///
    /// # Errors
    /// The scope `openid` is missing, or the subject is no enabled account.
    pub async fn userinfo(&self, subject: &Subject, scopes: &ScopeSet) -> Result<Vec<u8>, Error> {
        let _ = (subject, scopes);
        todo!()
    }
}
