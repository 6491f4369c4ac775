//! What the operator took away from a client stays away, whatever the client asks for (RFC 7592 §2.2: the server may
//! refuse what is asked for).

use countersign_model::{Client, ScopeSet};

use super::{Members, RegistrationRefusal};

/// The client below its ceiling: what it names above it is refused, what it leaves to us is cut.
pub(super) fn kept_to(client: Client, asked: &Members) -> Result<Client, RegistrationRefusal> {
    if !client.grant_types.iter().all(|grant| client.ceiling.allows(*grant)) {
        let fault = "the operator took one of them away from this client";
        return Err(RegistrationRefusal::metadata("grant_types", fault));
    }
    if !client.ceiling.covers(&named(&client, asked)?) {
        return Err(RegistrationRefusal::metadata("scope", "the operator took one away from this client"));
    }
    Ok(client.within_ceiling())
}

/// The scopes that the document names, none where it leaves them to us.
pub(super) fn named(client: &Client, asked: &Members) -> Result<ScopeSet, RegistrationRefusal> {
    let Some(_) = asked.text("scope")? else { return Ok(ScopeSet::empty()) };
    // In profiles where a client begins with less, what it names is where it begins.
    let begins = &client.default_scopes;
    Ok(if begins.is_empty() { client.scopes.clone() } else { begins.clone() })
}
