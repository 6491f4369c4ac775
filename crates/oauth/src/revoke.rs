//! Token revocation (RFC 7009).
//!
//! A refresh token takes its whole grant with it: every access token of it as well (§2.1). An access token goes alone.
//! A token of another client's is left as it is and answered like one that never was, so that nobody learns of it.

use countersign_model::{ClientId, GrantId, TokenHash, TokenId};

use crate::ports::Ports;
use crate::token::text;
use crate::{ClientCall, Engine, Error};

/// What an operator revoked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Revoked {
    /// An access token alone.
    AccessToken(TokenId),
    /// A refresh token, with everything of its grant.
    Grant(GrantId),
}

impl<P: Ports> Engine<P> {
    /// Revokes a token for the operator, whichever client has it; `None` when it is none of ours.
    ///
    /// # Errors
    /// The store failed.
    pub async fn revoke_for_operator(&self, token: &str) -> Result<Option<Revoked>, Error> {
        let now = self.now();
        if text::is_refresh_token(token) {
            let found = self.ports.refresh_token(&text::refresh_token_hash(token)).await?;
            let Some(grant) = found.map(|found| found.token.grant) else { return Ok(None) };
            self.ports.revoke_grant(&grant, now).await?;
            return Ok(Some(Revoked::Grant(grant)));
        }
        let id = if text::is_looked_up(token) {
            let found = self.ports.reference_token(&TokenHash::of(token.as_bytes())).await?;
            found.map(|found| found.token.id)
        } else {
            self.verified(token, now).map(|verified| verified.id.clone())
        };
        let Some(id) = id else { return Ok(None) };
        self.ports.revoke_access_token(&id, now).await?;
        Ok(Some(Revoked::AccessToken(id)))
    }

    /// A request at the revocation endpoint. Success is an empty 200, also for a token that never was (RFC 7009 §2.2).
    /// A token says by its form what it is, so `token_type_hint` is not needed (§2.1 allows that).
    ///
    /// # Errors
    /// The caller is no client of ours, or `token` is missing.
    pub async fn revoke(&self, call: &ClientCall<'_>) -> Result<(), Error> {
        let form = call.form;
        form.refuse_duplicates()?;
        let caller = self.authenticate(call).await?;
        let caller = &caller.client().client_id;
        let token = form.one("token").ok_or(Error::Missing("token"))?;
        if text::is_refresh_token(token) {
            return self.revoke_family(caller, token).await;
        }
        match self.access_token_of(caller, token).await? {
            Some(id) => Ok(self.ports.revoke_access_token(&id, self.now()).await?),
            None => Ok(()),
        }
    }

    async fn revoke_family(&self, caller: &ClientId, token: &str) -> Result<(), Error> {
        let found = self.ports.refresh_token(&text::refresh_token_hash(token)).await?;
        match found.filter(|found| found.token.client == *caller) {
            Some(found) => Ok(self.ports.revoke_grant(&found.token.grant, self.now()).await?),
            None => Ok(()),
        }
    }

    async fn access_token_of(&self, caller: &ClientId, token: &str) -> Result<Option<TokenId>, Error> {
        if text::is_looked_up(token) {
            let found = self.ports.reference_token(&TokenHash::of(token.as_bytes())).await?;
            return Ok(found.filter(|found| found.token.client == *caller).map(|found| found.token.id));
        }
        let verified = self.verified(token, self.now());
        Ok(verified.filter(|verified| verified.client == *caller).map(|verified| verified.id.clone()))
    }
}
