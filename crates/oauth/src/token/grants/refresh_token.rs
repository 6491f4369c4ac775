//! `refresh_token` (RFC 6749 §6), rotated at every use (RFC 9700 §4.14.2) unless the profile says otherwise.

use countersign_model::{GrantType, ScopeSet, SecretString, Timestamp};

use crate::ports::{FoundRefreshToken, Ports, Recorded, RefreshToken, Rotation};
use crate::profile::Rules;
use crate::token::family::Family;
use crate::token::id_token::IdTokenOrder;
use crate::token::issue::{Order, Person, Speaker};
use crate::token::{TokenResponse, asked_scopes, narrowed_resources, text};
use crate::{AuthenticatedClient, Engine, Error, GrantRefusal, Parameters, authorization_details};

/// The first refresh token of a grant, for a client that is registered for them. OpenID Connect Core §11 allows them
/// without `offline_access` as well.
pub(in crate::token) fn first<P: Ports>(
    engine: &Engine<P>,
    caller: &AuthenticatedClient,
    family: &Family<'_>,
    now: Timestamp,
) -> Option<(SecretString, RefreshToken)> {
    let client = caller.client();
    if !client.grant_types.contains(&GrantType::RefreshToken) {
        return None;
    }
    let token = text::refresh_token(now, &*engine.env.rng);
    let kept = RefreshToken {
        hash: text::refresh_token_hash(token.expose()),
        grant: family.grant.clone(),
        client: client.client_id.clone(),
        user: family.user.clone(),
        session: family.session.cloned(),
        authentication: family.authentication.clone(),
        // RFC 9449 §5, RFC 8705 §4: a confidential client's is bound by its authentication, and its key may change.
        confirmation: caller.confirmation().filter(|_| !client.is_confidential()),
        scopes: family.scopes.clone(),
        resources: family.resources.to_vec(),
        authorization_details: family.details.clone(),
        issued_at: now,
        expires_at: now.plus(client.lifetimes.refresh_token_or(engine.settings.lifetimes.refresh_token)),
    };
    Some((token, kept))
}

pub(crate) async fn rotate<P: Ports>(
    engine: &Engine<P>,
    caller: &AuthenticatedClient,
    form: &Parameters<'_>,
) -> Result<TokenResponse, Error> {
    let presented = form.one("refresh_token").ok_or(Error::Missing("refresh_token"))?;
    if !text::is_refresh_token(presented) {
        return Err(refused(GrantRefusal::RefreshUnknown));
    }
    let hash = text::refresh_token_hash(presented);
    let now = engine.now();
    let found = engine.ports.refresh_token(&hash).await?;
    let found = found.ok_or_else(|| refused(GrantRefusal::RefreshUnknown))?;
    usable(engine, caller, &found, now).await?;
    let token = found.token;
    let client = caller.client();
    // RFC 6749 §6: never more than was given; all of it when nothing is named. What the client may no longer have since,
    // it no longer gets.
    let scopes = narrowed_scopes(&token.scopes.intersection(&client.scopes), form)?;
    let resources = narrowed_resources(engine, caller, &token.resources, form)?;
    let types = &engine.settings.authorization_details_types;
    let details = authorization_details::narrowed(client, types, &token.authorization_details, form)?;
    let person = Person {
        user: &token.user,
        grant: Some(&token.grant),
        session: token.session.as_ref(),
        authentication: Some(&token.authentication),
    };
    let order = Order {
        client,
        speaker: Speaker::Person(person),
        scopes: &scopes,
        resources: &resources,
        confirmation: caller.confirmation(),
        details: &details,
        act: None,
        lifetime: None,
    };
    let mut access = engine.make_access_token(&order, now)?;
    // OpenID Connect Core §12.2: auth_time stays that of the sign-in; no nonce.
    let id_order = IdTokenOrder { client, person, nonce: None, auth_req_id: None };
    access.id_token = engine.make_id_token(&id_order, &scopes, access.text(), now)?;

    // FAPI 2.0 Security Profile §5.3.2.1: not rotated, because a lost answer would lose the grant; it is of use to this
    // client alone. One that was spent under other rules keeps to these.
    if !Rules::of(client.profile).rotates_refresh_tokens && found.rotated_at.is_none() {
        return match engine.ports.record_issuance(&access.record, None).await? {
            Recorded::Kept => {
                let mut response = access.into_response();
                // The same again, for clients that keep what came last.
                response.refresh_token = Some(presented.to_owned());
                Ok(response)
            }
            Recorded::Revoked => Err(refused(GrantRefusal::Revoked)),
        };
    }

    let next_text = text::refresh_token(now, &*engine.env.rng);
    // RFC 6749 §6: the successor is for the same scopes, whatever this access token was narrowed to.
    let lifetime = client.lifetimes.refresh_token_or(engine.settings.lifetimes.refresh_token);
    let hash_of_next = text::refresh_token_hash(next_text.expose());
    let next = RefreshToken { hash: hash_of_next, issued_at: now, expires_at: now.plus(lifetime), ..token };
    let grace_began = now.minus(engine.settings.refresh_grace);
    match engine.ports.rotate_refresh_token(&hash, grace_began, &next, &access.record, now).await? {
        Rotation::Rotated => {
            let mut response = access.into_response();
            response.refresh_token = Some(next_text.expose().clone());
            response.refresh_expires_in = Some(lifetime.as_secs());
            Ok(response)
        }
        Rotation::Replayed => {
            tracing::warn!(client = %client.client_id, grant = %next.grant, "a spent refresh token came back");
            Err(refused(GrantRefusal::RefreshReplayed))
        }
        Rotation::Revoked => Err(refused(GrantRefusal::Revoked)),
    }
}

/// What must hold before anything is made.
async fn usable<P: Ports>(
    engine: &Engine<P>,
    caller: &AuthenticatedClient,
    found: &FoundRefreshToken,
    now: Timestamp,
) -> Result<(), Error> {
    // RFC 6749 §6: issued to this client. RFC 9700 §4.14.2: bound to it, also when it is public.
    if found.token.client != caller.client().client_id {
        return Err(refused(GrantRefusal::RefreshForeign));
    }
    if !found.grant_is_live {
        return Err(refused(GrantRefusal::Revoked));
    }
    // RFC 9700 §4.14.2: a spent token means that two parties hold the grant; neither may keep it. Looked at before
    // expiry, so that an old thief is noticed too.
    let grace_began = now.minus(engine.settings.refresh_grace);
    if found.rotated_at.is_some_and(|rotated_at| rotated_at <= grace_began) {
        engine.ports.revoke_grant(&found.token.grant, now).await?;
        tracing::warn!(client = %found.token.client, grant = %found.token.grant, "a spent refresh token came back");
        return Err(refused(GrantRefusal::RefreshReplayed));
    }
    if now >= found.token.expires_at {
        return Err(refused(GrantRefusal::RefreshExpired));
    }
    // RFC 8705 §4, RFC 9449 §5: a public client's refresh token is worth nothing without its key.
    if found.token.confirmation.is_some() && found.token.confirmation != caller.confirmation() {
        return Err(refused(GrantRefusal::RefreshKeyDiffers));
    }
    let user = engine.ports.user(&found.token.user).await?;
    if user.is_some_and(|user| user.is_enabled()) {
        Ok(())
    } else {
        Err(refused(GrantRefusal::AccountDisabled))
    }
}

fn narrowed_scopes(given: &ScopeSet, form: &Parameters<'_>) -> Result<ScopeSet, Error> {
    match asked_scopes(form)? {
        Some(asked) if given.covers(&asked) => Ok(asked),
        Some(_) => Err(Error::InvalidScope),
        None => Ok(given.clone()),
    }
}

const fn refused(refusal: GrantRefusal) -> Error {
    Error::InvalidGrant(refusal)
}
