//! `response_type`: what the client asks for (RFC 6749 §3.1.1).

use countersign_model::{Client, GrantType, ResponseType};

use crate::profile::Rules;
use crate::{Error, Parameters};

/// RFC 9700 §2.1.2: access tokens never travel by way of the browser, so `code` is what everybody may have. The other
/// types are for clients whose profile has them and that are registered for them.
pub(super) fn registered(client: &Client, sent: &Parameters<'_>) -> Result<ResponseType, Error> {
    let text = sent.one("response_type").ok_or(Error::Missing("response_type"))?;
    let wanted: ResponseType = text.parse().map_err(|_| Error::UnsupportedResponseType)?;
    let has_it = Rules::of(client.profile).response_types.contains(&wanted);
    if !has_it || !client.authorization.response_types.contains(&wanted) {
        return Err(Error::UnsupportedResponseType);
    }
    // RFC 6749 §4.1.2.1, `unauthorized_client`: what leads to a code leads to its grant.
    if wanted.gives_code() && !client.grant_types.contains(&GrantType::AuthorizationCode) {
        return Err(Error::UnauthorizedClient);
    }
    Ok(wanted)
}

/// What OpenID Connect asks of requests for an ID token by way of the browser.
pub(super) fn is_openid_where_it_must(
    wanted: ResponseType,
    scopes: &countersign_model::ScopeSet,
    nonce: Option<&str>,
) -> Result<(), Error> {
    if !wanted.gives_id_token() {
        return Ok(());
    }
    // OpenID Connect Core §3.2.2.1: without openid it is no OpenID request.
    if !scopes.contains("openid") {
        return Err(Error::InvalidScope);
    }
    // OpenID Connect Core §3.2.2.1 and §3.3.2.11: required, against replay.
    if nonce.is_none() { Err(Error::Missing("nonce")) } else { Ok(()) }
}
