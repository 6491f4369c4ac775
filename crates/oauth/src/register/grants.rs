//! `grant_types` and `response_types` (RFC 7591 §2, §2.1).

use std::collections::BTreeSet;

use countersign_model::GrantType;

use super::{Members, RegistrationPolicy, RegistrationRefusal};

const REFUSED: fn(&'static str) -> RegistrationRefusal =
    |fault| RegistrationRefusal::metadata("grant_types", fault);

/// Grant types the operator allows, and that fit together and to the response types.
pub(super) fn consistent(
    asked: &Members,
    policy: &RegistrationPolicy,
) -> Result<BTreeSet<GrantType>, RegistrationRefusal> {
    let named = asked.texts("grant_types")?;
    let response_types = asked.texts("response_types")?;
    // RFC 7591 §2: codes are what is meant where nothing is said.
    let mut grants = BTreeSet::new();
    for name in named.unwrap_or_else(|| vec![GrantType::AuthorizationCode.as_str()]) {
        let known = policy.grant_types.iter().find(|known| known.as_str() == name);
        let known = known.ok_or(REFUSED("one of them is not offered to clients that register themselves"))?;
        grants.insert(*known);
    }
    if grants.is_empty() {
        return Err(REFUSED("a client without any could do nothing"));
    }
    // Nothing gives it a refresh token.
    if grants.contains(&GrantType::RefreshToken) && grants.len() == 1 {
        return Err(REFUSED("refresh_token needs another that gives refresh tokens"));
    }
    response_types_fit(&grants, response_types.as_deref())?;
    Ok(grants)
}

/// RFC 7591 §2.1: `code` goes with `authorization_code`, and neither without the other.
fn response_types_fit(
    grants: &BTreeSet<GrantType>,
    response_types: Option<&[&str]>,
) -> Result<(), RegistrationRefusal> {
    let refused = |fault| RegistrationRefusal::metadata("response_types", fault);
    let Some(response_types) = response_types else { return Ok(()) };
    // RFC 9700 §2.1.2: no token by way of the browser.
    if response_types.iter().any(|known| *known != "code") {
        return Err(refused("only code is offered"));
    }
    match (grants.contains(&GrantType::AuthorizationCode), response_types.is_empty()) {
        (true, false) | (false, true) => Ok(()),
        (true, true) => Err(refused("grant_types has authorization_code, so code must be here")),
        (false, false) => Err(refused("code is here, so grant_types must have authorization_code")),
    }
}
