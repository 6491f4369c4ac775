//! `private_key_jwt` (OpenID Connect Core §9): the client's own key signs.

use std::sync::Arc;

use countersign_jose::ParsedJws;
use countersign_jose::jwt::ValidClaims;
use countersign_model::{Client, ClientAuthentication, Timestamp};

use super::assertion_signature::{Answer, Signers, signed};
use crate::ports::Ports;
use crate::profile::Rules;
use crate::{ClientRefusal, Engine};

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
    Ok(signed(engine, &client, token, Signers::Keys, now).await.map(|claims| (client, claims)))
}
