//! `scope` (RFC 7591 §2): never more than the operator lets such clients have.

use std::collections::BTreeSet;

use countersign_model::{GrantType, ScopeSet};

use super::{Members, RegistrationPolicy, RegistrationRefusal};

pub(super) fn within_the_operators(
    asked: &Members,
    policy: &RegistrationPolicy,
    grants: &BTreeSet<GrantType>,
) -> Result<ScopeSet, RegistrationRefusal> {
    let refused = |fault| RegistrationRefusal::metadata("scope", fault);
    // RFC 7591 §2: where nothing is said, the server says it.
    let Some(text) = asked.text("scope")? else { return Ok(policy.scopes.clone()) };
    let scopes: ScopeSet = text.parse().map_err(|_| refused("it is no list of scopes"))?;
    if !policy.scopes.covers(&scopes) {
        return Err(refused("it names one that is not offered to clients that register themselves"));
    }
    // OpenID Connect Core §11: there would be nothing to use it with.
    if scopes.contains("offline_access") && !grants.contains(&GrantType::RefreshToken) {
        return Err(refused("offline_access needs the grant type refresh_token"));
    }
    Ok(scopes)
}
