//! What an application may ask of the tokens it was given, besides introspecting and revoking them: GitHub's calls to
//! check a token, to have another in its place, and to end it.
//!
//! The caller authenticates with its secret, and sees its own tokens only; another's is as unknown as one that never was.
//! To a client whose profile knows no such calls every token is.

use std::sync::Arc;

use countersign_access::Confirmation;
use countersign_model::{Client, ScopeSet, SessionId, Timestamp, TokenHash, User, UserId};
use serde::Deserialize as _;
use serde_json::{Map, Value};

use crate::ports::{AccessToken, FoundAccessToken, Ports, Recorded};
use crate::profile::Rules;
use crate::token::grants::token_exchange::{authentication, scopes};
use crate::token::{Made, Order, Person, Speaker, TokenResponse, text};
use crate::{AuthorizationDetails, ClientCall, ClientRefusal, Engine, Error};

/// A token of the caller's that counts.
#[derive(Debug)]
pub struct ApplicationToken {
    /// The application.
    pub client: Arc<Client>,
    /// The person who gave it; `None` where the application acts for itself.
    pub user: Option<User>,
    /// What it may do.
    pub scopes: ScopeSet,
    /// What is kept of it.
    pub record: AccessToken,
    claims: Map<String, Value>,
}

impl<P: Ports> Engine<P> {
    /// Whether a token counts, and what it says; `None`: no such token of the caller's.
    ///
    /// # Errors
    /// The caller is not the client of this name, or has no secret; there is no token.
    pub async fn check_token(
        &self,
        call: &ClientCall<'_>,
        client: &str,
        token: &str,
    ) -> Result<Option<ApplicationToken>, Error> {
        call.form.refuse_duplicates()?;
        let caller = self.calling_application(call, client).await?;
        if token.is_empty() {
            return Err(Error::Missing("access_token"));
        }
        if !Rules::of(caller.profile).manages_its_tokens {
            return Ok(None);
        }
        let Some((record, claims)) = self.own_token(&caller, token).await? else { return Ok(None) };
        let user = match &record.grant {
            Some(_) => self.ports.user(&UserId::from(record.subject.as_str())).await?,
            None => None,
        };
        Ok(Some(ApplicationToken { client: caller, user, scopes: scopes(&claims), record, claims }))
    }

    /// Another token in the place of this one, which ends at once; `None`: no such token of the caller's, or somebody
    /// else was faster. It is for the same, ends when the old one would have ended, and allows no more than the client may
    /// have by now: whoever was given an hour has no way to make it two. One that was exchanged is not the client's to renew
    /// (RFC 8693 §4.1: its actors were let in by a rule that is not asked here).
    ///
    /// # Errors
    /// As [`Engine::check_token`].
    pub async fn reset_token(
        &self,
        call: &ClientCall<'_>,
        client: &str,
        token: &str,
    ) -> Result<Option<(ApplicationToken, TokenResponse)>, Error> {
        let Some(mut found) = self.check_token(call, client, token).await? else { return Ok(None) };
        found.scopes = found.scopes.intersection(&found.client.scopes);
        let now = self.now();
        let Some(made) = self.made_again(&found, now)? else { return Ok(None) };
        let record = made.record.clone();
        match self.ports.replace_access_token(&found.record.id, &record, now).await? {
            Recorded::Kept => Ok(Some((ApplicationToken { record, ..found }, made.into_response()))),
            Recorded::Revoked => Ok(None),
        }
    }

    /// What takes the place of a token; `None` if nothing may.
    fn made_again(&self, found: &ApplicationToken, now: Timestamp) -> Result<Option<Made>, Error> {
        let claims = &found.claims;
        let user = found.user.as_ref().filter(|user| user.is_enabled());
        let (Some(grant), Some(user), None) = (&found.record.grant, user, claims.get("act")) else {
            return Ok(None);
        };
        // What it is bound to and limited to is never lost: unread, there is no new token.
        let Ok(confirmation) = claims.get("cnf").map(Confirmation::deserialize).transpose() else {
            return Ok(None);
        };
        let details = claims.get("authorization_details").map(AuthorizationDetails::deserialize);
        let Ok(details) = details.transpose() else { return Ok(None) };
        let session = claims.get("sid").and_then(Value::as_str).map(SessionId::from);
        let authentication = authentication(claims);
        let ends = found.record.expires_at;
        let order = Order {
            client: &found.client,
            speaker: Speaker::Person(Person {
                user: &user.id,
                grant: Some(grant),
                session: session.as_ref(),
                authentication: authentication.as_ref(),
            }),
            scopes: &found.scopes,
            resources: &self.named_resources(&found.client, claims),
            confirmation,
            details: &details.unwrap_or_default(),
            act: None,
            // One without an end is for as long as the client's tokens are now.
            lifetime: (ends != Timestamp::MAX).then(|| ends.since(now)),
        };
        self.make_access_token(&order, now).map(Some)
    }

    /// Ends a token; `false`: no such token of the caller's.
    ///
    /// # Errors
    /// As [`Engine::check_token`].
    pub async fn delete_token(
        &self,
        call: &ClientCall<'_>,
        client: &str,
        token: &str,
    ) -> Result<bool, Error> {
        let Some(found) = self.check_token(call, client, token).await? else { return Ok(false) };
        self.ports.revoke_access_token(&found.record.id, self.now()).await?;
        Ok(true)
    }

    /// Ends what the person of a token gave to the client, every token of it, and the memory that they agreed: they will
    /// be asked again. A token that the application has for itself ends alone. `false`: no such token of the caller's.
    ///
    /// # Errors
    /// As [`Engine::check_token`].
    pub async fn delete_grant(
        &self,
        call: &ClientCall<'_>,
        client: &str,
        token: &str,
    ) -> Result<bool, Error> {
        let Some(found) = self.check_token(call, client, token).await? else { return Ok(false) };
        match &found.user {
            Some(user) => self.withdraw(&user.id, &found.client.client_id).await?,
            None => self.ports.revoke_access_token(&found.record.id, self.now()).await?,
        }
        Ok(true)
    }

    /// The client of this name, if it is the one that calls and has a secret.
    async fn calling_application(&self, call: &ClientCall<'_>, client: &str) -> Result<Arc<Client>, Error> {
        let caller = self.authenticate(call).await?;
        let caller = caller.client();
        let refused = |reason| Err(Error::InvalidClient { reason });
        if !caller.is_confidential() {
            return refused(ClientRefusal::Public);
        }
        if caller.client_id.as_str() != client {
            return refused(ClientRefusal::OtherClient);
        }
        Ok(Arc::clone(caller))
    }

    /// A token that counts and is the caller's, and its claims.
    async fn own_token(
        &self,
        caller: &Client,
        token: &str,
    ) -> Result<Option<(AccessToken, Map<String, Value>)>, Error> {
        let now = self.now();
        let (found, signed) = if text::is_looked_up(token) {
            (self.ports.reference_token(&TokenHash::of(token.as_bytes())).await?, None)
        } else {
            let Some(verified) = self.verified(token, now) else { return Ok(None) };
            let claims = serde_json::from_slice(verified.payload()).ok();
            (self.ports.access_token(&verified.id).await?, claims)
        };
        let counts = |found: &FoundAccessToken| {
            found.is_live && now < found.token.expires_at && found.token.client == caller.client_id
        };
        let Some(FoundAccessToken { token, .. }) = found.filter(counts) else { return Ok(None) };
        Ok(token.claims.clone().or(signed).map(|claims| (token, claims)))
    }

    /// The resources that were named for a token, as its audience tells; none where it is for the default.
    fn named_resources(&self, client: &Client, claims: &Map<String, Value>) -> Vec<String> {
        let default = client.audiences.first().unwrap_or(&self.settings.default_audience);
        let named: Vec<String> = match claims.get("aud") {
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Array(several)) => {
                let several = several.iter().filter_map(Value::as_str);
                several.filter(|aud| *aud != self.settings.issuer).map(str::to_owned).collect()
            }
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => Vec::new(),
        };
        if named.iter().eq([default]) { Vec::new() } else { named }
    }
}
