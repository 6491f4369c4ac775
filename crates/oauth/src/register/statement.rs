//! Software statements (RFC 7591 §2.3): somebody whom the operator trusts vouches for metadata.

use std::sync::Arc;

use countersign_jose::{JwkSet, ParsedJws, VerifyingKey, json, jws};
use countersign_model::Timestamp;
use serde_json::{Map, Value};

use super::{Members, RegistrationRefusal, StatementIssuer, StatementKeys};
use crate::ports::Ports;
use crate::{Engine, Error};

const NAME: &str = "software_statement";
/// Longest statement.
const LONGEST: usize = 16 * 1024;
/// Most keys that are tried where the statement names none.
const MOST_TRIED: usize = 8;
/// What a statement says of itself rather than of the client (RFC 7519 §4.1).
const OF_ITSELF: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

const INVALID: fn(&'static str) -> RegistrationRefusal = RegistrationRefusal::Statement;
const UNAPPROVED: fn(&'static str) -> RegistrationRefusal = RegistrationRefusal::StatementUnapproved;

/// The document, with what its statement vouches for laid over what it says itself (RFC 7591 §2.3).
pub(super) async fn laid_over<P: Ports>(engine: &Engine<P>, asked: Members) -> Result<Members, Error> {
    let policy = &engine.settings.registration;
    let Some(statement) = asked.text(NAME)? else {
        return if policy.require_statement {
            Err(UNAPPROVED("it is missing, and nobody registers here without").into())
        } else {
            Ok(asked)
        };
    };
    if statement.len() > LONGEST {
        return Err(INVALID("it is too long").into());
    }
    let token = jws::parse(statement).map_err(|_| INVALID("it is no signed JWT"))?;
    let claims = token.dangerous_unverified_payload().and_then(|payload| json::object(&payload).ok());
    let claims = claims.ok_or(INVALID("its claims are no JSON object"))?;
    // RFC 7591 §2.3: it says who made it. RFC 7591 §3.2.2: whom we don't trust has not been refuted, only not approved.
    let issuer = claims.get("iss").and_then(Value::as_str).ok_or(INVALID("it says not who made it"))?;
    let issuer = policy.statement_issuers.iter().find(|known| known.issuer == issuer);
    let issuer = issuer.ok_or(UNAPPROVED("its issuer is not trusted here"))?;
    signed_by(engine, issuer, &token).await?;
    times_hold(&claims, engine.now(), engine.settings.leeway)?;
    addressed(&claims, [&engine.settings.issuer, &engine.settings.endpoints.registration])?;
    let vouched = claims.into_iter().filter(|(name, _)| name != NAME && !OF_ITSELF.contains(&name.as_str()));
    Ok(asked.overlaid_by(vouched))
}

/// Whether one of the issuer's keys signed it. The claims that were read before are the same bytes.
async fn signed_by<P: Ports>(
    engine: &Engine<P>,
    issuer: &StatementIssuer,
    token: &ParsedJws<'_>,
) -> Result<(), Error> {
    // RFC 8725 §3.10, §3.1, §3.11: no key of its own, our list of algorithms, nothing that is a token of another kind.
    let is_plain = token.header.typ.is_none()
        || token.header.is_type("JWT")
        || token.header.is_type("software-statement+jwt");
    if token.header.has_embedded_key || !is_plain || !issuer.algorithms.contains(token.header.algorithm) {
        return Err(INVALID("its header has a key, a type or an algorithm that is not taken").into());
    }
    match &issuer.keys {
        StatementKeys::Known(set) if is_signed(token, set, issuer) => Ok(()),
        StatementKeys::Known(_) => Err(INVALID("no key of its issuer signed it").into()),
        StatementKeys::Url(url) => {
            for fresh in [false, true] {
                let document: Arc<[u8]> = engine.fetch.fetch(url, fresh).await.map_err(|error| {
                    tracing::warn!(issuer = issuer.issuer, %error, "the keys of an issuer of software statements could not be fetched");
                    INVALID("the keys of its issuer can't be had at the moment")
                })?;
                let set =
                    JwkSet::from_json(&document).map_err(|_| INVALID("its issuer's keys can't be read"))?;
                if is_signed(token, &set, issuer) {
                    return Ok(());
                }
            }
            Err(INVALID("no key of its issuer signed it").into())
        }
    }
}

fn is_signed(token: &ParsedJws<'_>, set: &JwkSet, issuer: &StatementIssuer) -> bool {
    let wanted = token.header.kid.as_deref();
    let fits = |kid: Option<&str>| wanted.is_none() || kid.is_none() || kid == wanted;
    set.keys
        .iter()
        .filter(|jwk| fits(jwk.kid.as_ref().map(countersign_model::KeyId::as_str)))
        .filter_map(|jwk| VerifyingKey::from_jwk(jwk, token.header.algorithm).ok())
        .take(MOST_TRIED)
        .any(|key| token.verify(&key, issuer.algorithms).is_some())
}

/// RFC 7519 §4.1.4 to §4.1.6, where they are there: a statement comes with the software and may live as long.
fn times_hold(
    claims: &Map<String, Value>,
    now: Timestamp,
    leeway: std::time::Duration,
) -> Result<(), RegistrationRefusal> {
    let time = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(value) => value
            .as_i64()
            .map(|seconds| Some(Timestamp::from_seconds(seconds)))
            .ok_or(INVALID("a time in it can't be read")),
    };
    if time("exp")?.is_some_and(|end| now >= end.plus(leeway)) {
        return Err(INVALID("it has expired"));
    }
    let latest = now.plus(leeway);
    if time("nbf")?.is_some_and(|begin| begin > latest) || time("iat")?.is_some_and(|made| made > latest) {
        return Err(INVALID("it is not valid yet"));
    }
    Ok(())
}

/// RFC 7519 §4.1.3: one that says for whom it is must be for us.
fn addressed(claims: &Map<String, Value>, ours: [&String; 2]) -> Result<(), RegistrationRefusal> {
    let is_ours = |value: &Value| value.as_str().is_some_and(|text| ours.iter().any(|own| *own == text));
    let fits = match claims.get("aud") {
        None => true,
        Some(Value::Array(several)) => several.iter().any(is_ours),
        Some(one) => is_ours(one),
    };
    if fits { Ok(()) } else { Err(INVALID("it was made for another server")) }
}
