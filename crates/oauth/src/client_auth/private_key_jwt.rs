//! `private_key_jwt` (OpenID Connect Core §9): the client's own key signs.

use std::sync::Arc;

use countersign_jose::jwt::ValidClaims;
use countersign_jose::{JwkSet, ParsedJws, VerifyingKey};
use countersign_model::{Client, ClientAuthentication, KeyId, Timestamp};

use super::assertion_signature::{Answer, tried};
use crate::ports::Ports;
use crate::profile::Rules;
use crate::{ClientRefusal, Engine};

/// Most keys that are tried where the assertion names none.
const MOST_TRIED: usize = 8;

/// The client and the claims, if a key of it signed them.
pub(super) async fn signed_by<P: Ports>(
    engine: &Engine<P>,
    named: &str,
    token: &ParsedJws<'_>,
    now: Timestamp,
) -> Answer<(Arc<Client>, ValidClaims)> {
    let client = match engine.registered_for(named, ClientAuthentication::PrivateKeyJwt).await? {
        Ok(client) => client,
        Err(refusal) => return Ok(Err(refusal)),
    };
    // OpenID Connect Registration §2: a client that named its algorithm is held to it.
    let registered = client.token_endpoint_auth_signing_alg.as_deref();
    let wanted = Rules::of(client.profile).algorithms.contains(&token.header.algorithm)
        && registered.is_none_or(|registered| registered == token.header.algorithm.as_str());
    if !wanted {
        return Ok(Err(ClientRefusal::AssertionAlgorithm));
    }
    Ok(claims(engine, &client, token, now).await.map(|claims| (client, claims)))
}

async fn claims<P: Ports>(
    engine: &Engine<P>,
    client: &Client,
    token: &ParsedJws<'_>,
    now: Timestamp,
) -> Result<ValidClaims, ClientRefusal> {
    let nobody = Err(ClientRefusal::AssertionSignature);
    if let Some(jwks) = &client.jwks {
        let set = jwks.as_object().and_then(|map| JwkSet::from_map(map).ok());
        let set = set.ok_or(ClientRefusal::KeysUnavailable)?;
        return tried(engine, client, token, fitting(&set, token), now).unwrap_or(nobody);
    }
    for fresh in [false, true] {
        let document = engine.client_keys(client, fresh).await?;
        let set = JwkSet::from_json(&document).map_err(|_| ClientRefusal::KeysUnavailable)?;
        // None that fits: a fresher set may be worth a look.
        if let Some(outcome) = tried(engine, client, token, fitting(&set, token), now) {
            return outcome;
        }
    }
    nobody
}

/// The keys that fit the header.
fn fitting<'s>(set: &'s JwkSet, token: &'s ParsedJws<'_>) -> impl Iterator<Item = VerifyingKey> + 's {
    let wanted = token.header.kid.as_deref();
    let fits = move |kid: Option<&str>| wanted.is_none() || kid.is_none() || kid == wanted;
    set.keys
        .iter()
        .filter(move |jwk| fits(jwk.kid.as_ref().map(KeyId::as_str)))
        // A key whose private half was published beside it proves nothing.
        .filter(|jwk| !jwk.has_private_members)
        .filter_map(|jwk| VerifyingKey::from_jwk(jwk, token.header.algorithm).ok())
        .take(MOST_TRIED)
}
