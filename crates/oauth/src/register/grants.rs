//! `grant_types` and `response_types` (RFC 7591 §2, §2.1).

use std::collections::BTreeSet;

use countersign_model::{GrantType, Profile, ResponseType};

use super::{Members, RegistrationPolicy, RegistrationRefusal};
use crate::profile::Rules;

/// What OpenID Connect calls the grant of an ID token by way of the browser. No token endpoint knows it.
pub(super) const IMPLICIT: &str = "implicit";

const REFUSED: fn(&'static str) -> RegistrationRefusal =
    |fault| RegistrationRefusal::metadata("grant_types", fault);

/// What the client may ask for at both endpoints.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Grants {
    pub(super) grant_types: BTreeSet<GrantType>,
    pub(super) response_types: BTreeSet<ResponseType>,
}

/// Grant types the operator allows, response types the profile has, and both fitting together.
pub(super) fn consistent(
    asked: &Members,
    policy: &RegistrationPolicy,
    profile: Profile,
) -> Result<Grants, RegistrationRefusal> {
    let named = asked.texts("grant_types")?;
    // RFC 7591 §2: codes are what is meant where nothing is said.
    let mut grant_types = BTreeSet::new();
    let mut implicit = false;
    for name in named.unwrap_or_else(|| vec![GrantType::AuthorizationCode.as_str()]) {
        if name == IMPLICIT {
            implicit = true;
            continue;
        }
        let known = policy.grant_types.iter().find(|known| known.as_str() == name);
        let known = known.ok_or(REFUSED("one of them is not offered to clients that register themselves"))?;
        grant_types.insert(*known);
    }
    let response_types = response_types(asked, profile, &grant_types)?;
    if implicit != response_types.iter().any(|wanted| wanted.gives_id_token()) {
        return Err(REFUSED("implicit goes with response types that give an ID token, and with no other"));
    }
    if grant_types.is_empty() && !implicit {
        return Err(REFUSED("a client without any could do nothing"));
    }
    // Nothing gives it a refresh token.
    if grant_types.contains(&GrantType::RefreshToken) && grant_types.len() == 1 {
        return Err(REFUSED("refresh_token needs another that gives refresh tokens"));
    }
    Ok(Grants { grant_types, response_types })
}

/// RFC 7591 §2.1: `code` goes with `authorization_code`, and neither without the other.
fn response_types(
    asked: &Members,
    profile: Profile,
    grants: &BTreeSet<GrantType>,
) -> Result<BTreeSet<ResponseType>, RegistrationRefusal> {
    let refused = |fault| RegistrationRefusal::metadata("response_types", fault);
    let has_grant = grants.contains(&GrantType::AuthorizationCode);
    let Some(names) = asked.texts("response_types")? else {
        return Ok(has_grant.then_some(ResponseType::Code).into_iter().collect());
    };
    let mut wanted = BTreeSet::new();
    for name in names {
        // RFC 9700 §2.1.2: no access token by way of the browser; and an ID token where the profile has it.
        let known = name.parse().ok().filter(|known| Rules::of(profile).response_types.contains(known));
        wanted.insert(known.ok_or(refused("one of them is not offered in this profile"))?);
    }
    match (has_grant, wanted.iter().any(|known| known.gives_code())) {
        (true, true) | (false, false) => Ok(wanted),
        (true, false) => Err(refused("grant_types has authorization_code, so code must be here")),
        (false, true) => Err(refused("code is here, so grant_types must have authorization_code")),
    }
}
