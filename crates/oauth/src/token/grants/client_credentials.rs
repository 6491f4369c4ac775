//! `client_credentials` (RFC 6749 §4.4): a client in its own name.

use countersign_model::ScopeSet;

use crate::authorize::resource;
use crate::ports::{Ports, Recorded};
use crate::token::issue::{Order, Speaker};
use crate::token::{TokenResponse, asked_scopes, one_audience};
use crate::{AuthenticatedClient, Engine, Error, GrantRefusal, Parameters, authorization_details};

/// Scopes that speak of a person, whom this grant has not.
const OF_A_PERSON: [&str; 4] = ["openid", "profile", "email", "offline_access"];

pub(crate) async fn give<P: Ports>(
    engine: &Engine<P>,
    caller: &AuthenticatedClient,
    form: &Parameters<'_>,
) -> Result<TokenResponse, Error> {
    let client = caller.client();
    // RFC 6749 §4.4: confidential clients only, whatever else is registered.
    if !client.is_confidential() {
        return Err(Error::UnauthorizedClient);
    }
    let scopes = match asked_scopes(form)? {
        Some(asked) if !client.scopes.covers(&asked) => return Err(Error::InvalidScope),
        Some(asked) if OF_A_PERSON.iter().any(|scope| asked.contains(scope)) => {
            return Err(Error::InvalidScope);
        }
        Some(asked) => asked,
        None => own(&client.default_scopes),
    };
    let resources = one_audience(engine, resource::allowed(client, &engine.settings, form)?)?;
    // RFC 8707 §2.2: what the resource does not know can't be had for it.
    if form.one("scope").is_some() && engine.settings.resources.narrow(&resources, &scopes) != scopes {
        return Err(Error::InvalidScope);
    }
    // RFC 9396 §6: at every grant. The operator has registered which types the client may ask for.
    let details = authorization_details::asked(client, &engine.settings.authorization_details_types, form)?;
    let order = Order {
        client,
        speaker: Speaker::Client,
        scopes: &scopes,
        resources: &resources,
        confirmation: caller.confirmation(),
        details: &details,
        act: None,
        lifetime: None,
    };
    let access = engine.make_access_token(&order, engine.now())?;
    // RFC 6749 §4.4.3: no refresh token.
    match engine.ports.record_issuance(&access.record, None).await? {
        Recorded::Kept => Ok(access.into_response()),
        Recorded::Revoked => Err(Error::InvalidGrant(GrantRefusal::Revoked)),
    }
}

fn own(scopes: &ScopeSet) -> ScopeSet {
    scopes.iter().filter(|scope| !OF_A_PERSON.contains(&scope.as_str())).cloned().collect()
}
