//! `scope` (RFC 6749 §3.3) and `nonce` (OpenID Connect Core §3.1.2.1).

use countersign_model::{Client, GrantType, ScopeSet};

use crate::profile::Rules;
use crate::{Error, Parameters};

/// What is asked for, or the client's default; never more than the client may have.
pub(crate) fn within_the_clients(client: &Client, sent: &Parameters<'_>) -> Result<ScopeSet, Error> {
    let asked: ScopeSet = match sent.one("scope") {
        Some(text) => text.parse().map_err(|_| Error::InvalidScope)?,
        None => client.default_scopes.clone(),
    };
    if !client.scopes.covers(&asked) {
        return Err(Error::InvalidScope);
    }
    // OpenID Connect Core §11: offline_access is ignored where no refresh token can be had.
    if client.grant_types.contains(&GrantType::RefreshToken) {
        Ok(asked)
    } else {
        Ok(asked.iter().filter(|scope| scope.as_str() != "offline_access").cloned().collect())
    }
}

/// Whether the request is one of OpenID Connect (OpenID Connect Core §3.1.2.1).
pub(super) fn asks_for_openid(sent: &Parameters<'_>) -> bool {
    sent.one("scope").is_some_and(|scopes| scopes.split(' ').any(|scope| scope == "openid"))
}

/// FAPI 1.0 part 1 §5.2.2.2, §5.2.2.3: some profiles have no request without what its client knows the answer again by.
pub(super) fn nonce_or_state(client: &Client, scopes: &ScopeSet, sent: &Parameters<'_>) -> Result<(), Error> {
    let needed = if scopes.contains("openid") { "nonce" } else { "state" };
    if Rules::of(client.profile).nonce_or_state && sent.one(needed).is_none() {
        return Err(Error::Missing(needed));
    }
    Ok(())
}

/// Comes back in the ID token as it was; short enough to be kept.
pub(super) fn nonce(sent: &Parameters<'_>) -> Result<Option<String>, Error> {
    match sent.one("nonce") {
        Some(nonce) if nonce.len() > 512 => Err(Error::Invalid("nonce")),
        nonce => Ok(nonce.map(str::to_owned)),
    }
}
