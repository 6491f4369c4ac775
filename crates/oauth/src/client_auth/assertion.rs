//! What both methods with a client assertion ask of it (RFC 7523 §2.2, §3; OpenID Connect Core §9).

use std::sync::Arc;

use countersign_jose::jwt::ValidClaims;
use countersign_jose::{Algorithm, ParsedJws, jws};
use countersign_model::{Client, Timestamp};
use serde::Deserialize;

use super::assertion_signature::Answer;
use super::{client_secret_jwt, private_key_jwt};
use crate::ports::Ports;
use crate::{ClientRefusal, Engine, Parameters};

/// RFC 7523 §2.2.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// An assertion has no reason to be longer.
const LONGEST: usize = 8 * 1024;

/// The client that signed the assertion, by whichever of the two methods its algorithm belongs to.
pub(super) async fn verify<P: Ports>(
    engine: &Engine<P>,
    assertion: &str,
    form: &Parameters<'_>,
) -> Answer<Arc<Client>> {
    if form.one("client_assertion_type") != Some(ASSERTION_TYPE) {
        return Ok(Err(ClientRefusal::AssertionType));
    }
    if assertion.len() > LONGEST {
        return Ok(Err(ClientRefusal::AssertionMalformed));
    }
    let Ok(token) = jws::parse(assertion) else { return Ok(Err(ClientRefusal::AssertionMalformed)) };
    let Some(named) = named_client(&token) else { return Ok(Err(ClientRefusal::AssertionMalformed)) };
    let now = engine.now();
    // RFC 8725 §3.1: the algorithm only says which of the two kinds it wants to be; each has a list of its own, and a
    // client is registered for one of them, so no public key is ever taken for a secret.
    let signed = match token.header.algorithm {
        Algorithm::HS256 => client_secret_jwt::signed_by(engine, &named, &token, now).await?,
        other if engine.settings.assertion_algorithms.contains(other) => {
            private_key_jwt::signed_by(engine, &named, &token, now).await?
        }
        _ => Err(ClientRefusal::AssertionAlgorithm),
    };
    let (client, claims) = match signed {
        Ok(signed) => signed,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if let Err(refusal) = claims_hold(engine, &client, &claims, now) {
        return Ok(Err(refusal));
    }
    // RFC 7523 §3, point 7: once.
    let Some(jti) = claims.id.as_deref().filter(|jti| (1..=256).contains(&jti.len())) else {
        return Ok(Err(ClientRefusal::AssertionReplayed));
    };
    let until = claims.expires_at.plus(engine.settings.leeway);
    let is_new = engine.ports.remember_assertion(&client.client_id, jti, until).await?;
    Ok(if is_new { Ok(client) } else { Err(ClientRefusal::AssertionReplayed) })
}

/// Whose assertion it says it is.
pub(super) fn claimed_client(assertion: &str) -> Option<String> {
    (assertion.len() <= LONGEST).then_some(())?;
    named_client(&jws::parse(assertion).ok()?)
}

/// Whose assertion it says it is: only to find the keys that must prove it.
fn named_client(token: &ParsedJws<'_>) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        sub: String,
    }
    let payload = token.dangerous_unverified_payload()?;
    serde_json::from_slice::<Named>(&payload).ok().map(|named| named.sub)
}

/// What RFC 7523 §3 asks for beyond any JWT.
fn claims_hold<P: Ports>(
    engine: &Engine<P>,
    client: &Client,
    claims: &ValidClaims,
    now: Timestamp,
) -> Result<(), ClientRefusal> {
    // RFC 7523 §3, point 2: the subject is the client; the issuer was held against it before.
    if claims.subject.as_deref() != Some(client.client_id.as_str()) {
        return Err(ClientRefusal::AssertionIssuer);
    }
    // RFC 7523bis §4: one audience, as text, so that no other server could use what was meant for it; a list is how
    // such an assertion is made to fit two. The issuer is what it should be, the token endpoint what older clients send.
    if !claims.all.get("aud").is_some_and(serde_json::Value::is_string) {
        return Err(ClientRefusal::AssertionAudience);
    }
    // RFC 7523 §3, point 4: an end far away is none, and would have to be remembered until then.
    let latest = now.plus(engine.settings.assertion_lifetime).plus(engine.settings.leeway);
    if claims.expires_at > latest { Err(ClientRefusal::AssertionTime) } else { Ok(()) }
}
