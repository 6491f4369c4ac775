//! How the client calls people in the background and learns what they answered (OpenID Connect CIBA §4).

use std::collections::BTreeSet;

use countersign_jose::Algorithm;
use countersign_model::{BackchannelMetadata, ClientAuthentication, GrantType, TokenDeliveryMode};
use url::Url;

use super::keys::Keys;
use super::{Members, RegistrationRefusal, Rules};

/// Longest address, in bytes.
const LONGEST_URI: usize = 1_024;
const MODE: &str = "backchannel_token_delivery_mode";
const ENDPOINT: &str = "backchannel_client_notification_endpoint";
const ALGORITHM: &str = "backchannel_authentication_request_signing_alg";
const USER_CODE: &str = "backchannel_user_code_parameter";

/// Everything about the backchannel, for clients with its grant; of the others nothing is looked at, because these
/// members have defaults that some registration libraries always send.
pub(super) fn allowed(
    asked: &Members,
    rules: &Rules<'_>,
    grants: &BTreeSet<GrantType>,
    authentication: ClientAuthentication,
    keys: &Keys,
) -> Result<BackchannelMetadata, RegistrationRefusal> {
    if !grants.contains(&GrantType::Ciba) {
        return Ok(BackchannelMetadata::default());
    }
    let refused = RegistrationRefusal::metadata;
    // CIBA §7.1: who can't prove who it is must not call people.
    if authentication == ClientAuthentication::None {
        let fault = "backchannel authentication is for clients that can prove who they are";
        return Err(refused("token_endpoint_auth_method", fault));
    }
    // CIBA §7.1.2: there are no user codes here.
    if asked.flag(USER_CODE)? == Some(true) {
        return Err(refused(USER_CODE, "it is not offered"));
    }
    // CIBA §4: required; push is not offered.
    let mode = asked.text(MODE)?.ok_or(refused(MODE, "it is missing"))?;
    let token_delivery_mode =
        mode.parse::<TokenDeliveryMode>().map_err(|_| refused(MODE, "only poll and ping are offered"))?;
    let client_notification_endpoint = match (token_delivery_mode, asked.text(ENDPOINT)?) {
        (TokenDeliveryMode::Ping, None) => return Err(refused(ENDPOINT, "ping mode needs it")),
        (TokenDeliveryMode::Ping, Some(endpoint)) if is_address(endpoint) => Some(endpoint.to_owned()),
        (TokenDeliveryMode::Ping, Some(_)) => return Err(refused(ENDPOINT, "it must be an https URL")),
        (TokenDeliveryMode::Poll, _) => None,
    };
    Ok(BackchannelMetadata {
        token_delivery_mode,
        client_notification_endpoint,
        authentication_request_signing_alg: signing_algorithm(asked, rules, keys)?,
    })
}

/// CIBA §4: https. Where it leads is looked at each time it is called.
fn is_address(text: &str) -> bool {
    let url = Url::parse(text).ok().filter(|_| text.len() <= LONGEST_URI);
    url.is_some_and(|url| {
        url.scheme() == "https"
            && url.host().is_some()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    })
}

/// CIBA §4: asymmetric, so never HMAC, and never `none`.
fn signing_algorithm(
    asked: &Members,
    rules: &Rules<'_>,
    keys: &Keys,
) -> Result<Option<String>, RegistrationRefusal> {
    let refused = |fault| RegistrationRefusal::metadata(ALGORITHM, fault);
    let Some(algorithm) = asked.text(ALGORITHM)? else { return Ok(None) };
    let known =
        algorithm.parse::<Algorithm>().ok().filter(|known| rules.request_object_algorithms.contains(*known));
    known.ok_or(refused("it is not offered"))?;
    if *keys == Keys::default() {
        return Err(refused("it needs a public key in jwks, or jwks_uri"));
    }
    Ok(Some(algorithm.to_owned()))
}
