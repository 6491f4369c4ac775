//! `private_key_jwt` (RFC 7523 §2.2, §3; OpenID Connect Core §9).

use std::sync::Arc;

use countersign_jose::jwt::{self, Rejection, ValidClaims, Validation};
use countersign_jose::{JwkSet, ParsedJws, VerifyingKey, jws};
use countersign_model::{Client, ClientAuthentication, Timestamp};
use serde::Deserialize;

use crate::ports::Ports;
use crate::profile::Rules;
use crate::{ClientRefusal, Engine, Error, Parameters};

/// RFC 7523 §2.2.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// An assertion has no reason to be longer.
const LONGEST: usize = 8 * 1024;
/// Most keys that are tried where the assertion names none.
const MOST_TRIED: usize = 8;

type Answer<T> = Result<Result<T, ClientRefusal>, Error>;

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
    // RFC 8725 §3.1: our list, not the header's wish.
    if !engine.settings.assertion_algorithms.contains(token.header.algorithm) {
        return Ok(Err(ClientRefusal::AssertionAlgorithm));
    }
    let Some(named) = named_client(&token) else { return Ok(Err(ClientRefusal::AssertionMalformed)) };
    let client = match engine.registered_for(&named, ClientAuthentication::PrivateKeyJwt).await? {
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
    let now = engine.now();
    let claims = match signed_by(engine, &client, &token, now).await {
        Ok(claims) => claims,
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

/// Whose assertion it says it is: only to find the keys that must prove it.
fn named_client(token: &ParsedJws<'_>) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        sub: String,
    }
    let payload = token.dangerous_unverified_payload()?;
    serde_json::from_slice::<Named>(&payload).ok().map(|named| named.sub)
}

/// The claims, if a key of the client signed them.
async fn signed_by<P: Ports>(
    engine: &Engine<P>,
    client: &Client,
    token: &ParsedJws<'_>,
    now: Timestamp,
) -> Result<ValidClaims, ClientRefusal> {
    if let Some(jwks) = &client.jwks {
        let set = jwks.as_object().and_then(|map| JwkSet::from_map(map).ok());
        let set = set.ok_or(ClientRefusal::KeysUnavailable)?;
        return tried(engine, client, token, &set, now).unwrap_or(Err(ClientRefusal::AssertionSignature));
    }
    let url = client.jwks_uri.as_deref().ok_or(ClientRefusal::KeysUnavailable)?;
    for fresh in [false, true] {
        let document = engine.fetch.fetch(url, fresh).await.map_err(|error| {
            tracing::warn!(client = %client.client_id, url, %error, "the client's keys could not be fetched");
            ClientRefusal::KeysUnavailable
        })?;
        let set = JwkSet::from_json(&document).map_err(|_| ClientRefusal::KeysUnavailable)?;
        if let Some(outcome) = tried(engine, client, token, &set, now) {
            return outcome;
        }
    }
    Err(ClientRefusal::AssertionSignature)
}

/// Tries the keys that fit the header; `None` when there is none, so that a fresher set may be worth a look.
fn tried<P: Ports>(
    engine: &Engine<P>,
    client: &Client,
    token: &ParsedJws<'_>,
    set: &JwkSet,
    now: Timestamp,
) -> Option<Result<ValidClaims, ClientRefusal>> {
    let audiences = Rules::of(client.profile).assertion_audiences(&engine.settings);
    let validation = Validation {
        issuer: client.client_id.as_str(),
        audiences: &audiences,
        // RFC 7523bis §4: its own type; older clients say JWT or nothing.
        types: &["client-authentication+jwt", "JWT", ""],
        algorithms: engine.settings.assertion_algorithms,
        required: &["sub", "jti"],
        leeway: engine.settings.leeway,
        now,
    };
    let wanted = token.header.kid.as_deref();
    let fits = |kid: Option<&str>| wanted.is_none() || kid.is_none() || kid == wanted;
    let keys = set
        .keys
        .iter()
        .filter(|jwk| fits(jwk.kid.as_ref().map(countersign_model::KeyId::as_str)))
        // A key whose private half was published beside it proves nothing.
        .filter(|jwk| !jwk.has_private_members)
        .filter_map(|jwk| VerifyingKey::from_jwk(jwk, token.header.algorithm).ok())
        .take(MOST_TRIED);
    let mut outcome = None;
    for key in keys {
        match jwt::validate(token, &key, &validation) {
            Err(Rejection::Signature) => outcome = Some(Err(ClientRefusal::AssertionSignature)),
            other => return Some(other.map_err(|rejection| refusal(&rejection))),
        }
    }
    outcome
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

fn refusal(rejection: &Rejection) -> ClientRefusal {
    match rejection {
        Rejection::Malformed(_)
        | Rejection::EmbeddedKey
        | Rejection::Claims
        | Rejection::DuplicateClaim
        | Rejection::ClaimKind(_)
        | Rejection::MissingClaim(_)
        | Rejection::Type => ClientRefusal::AssertionMalformed,
        Rejection::AlgorithmNotAllowed => ClientRefusal::AssertionAlgorithm,
        Rejection::UnknownKey | Rejection::Signature => ClientRefusal::AssertionSignature,
        Rejection::Issuer => ClientRefusal::AssertionIssuer,
        Rejection::Audience => ClientRefusal::AssertionAudience,
        Rejection::Expired | Rejection::NotYetValid | Rejection::IssuedInTheFuture => {
            ClientRefusal::AssertionTime
        }
    }
}
