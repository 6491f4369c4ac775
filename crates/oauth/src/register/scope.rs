//! `scope` (RFC 7591 §2): never more than the operator lets such clients have.

use std::collections::BTreeSet;

use countersign_model::{GrantType, Profile, ScopeSet};

use super::{Members, RegistrationPolicy, RegistrationRefusal};
use crate::profile::{RegisteredScopes, Rules};

/// What a client may ask for, and what it asks for where a request names nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Scopes {
    pub(super) most: ScopeSet,
    pub(super) default: Option<ScopeSet>,
}

pub(super) fn within_the_operators(
    asked: &Members,
    policy: &RegistrationPolicy,
    profile: Profile,
    grants: &BTreeSet<GrantType>,
) -> Result<Scopes, RegistrationRefusal> {
    let refused = |fault| RegistrationRefusal::metadata("scope", fault);
    // RFC 7591 §2: where nothing is said, the server says it.
    let Some(text) = asked.text("scope")? else {
        return Ok(Scopes { most: policy.scopes.clone(), default: None });
    };
    let scopes: ScopeSet = text.parse().map_err(|_| refused("it is no list of scopes"))?;
    if !policy.scopes.covers(&scopes) {
        return Err(refused("it names one that is not offered to clients that register themselves"));
    }
    // OpenID Connect Core §11: there would be nothing to use it with.
    if scopes.contains("offline_access") && !grants.contains(&GrantType::RefreshToken) {
        return Err(refused("offline_access needs the grant type refresh_token"));
    }
    Ok(match Rules::of(profile).registered_scopes {
        RegisteredScopes::Most => Scopes { most: scopes, default: None },
        // RFC 7591 §3.2.1: the server may put its own values in place of those asked for, and says so in its answer.
        RegisteredScopes::Beginning => Scopes { most: policy.scopes.clone(), default: Some(scopes) },
    })
}
