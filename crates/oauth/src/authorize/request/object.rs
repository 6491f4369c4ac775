//! Request objects: parameters as the claims of a JWT (RFC 9101 §4, §6; OpenID Connect Core §6).

use std::time::Duration;

use countersign_jose::jwt::{ValidClaims, Validation};
use countersign_jose::{Algorithms, jwe, jws};
use countersign_model::{Client, Timestamp};
use serde_json::{Map, Value};

use crate::ports::Ports;
use crate::profile::Rules;
use crate::{Engine, Error, Parameters, RequestObjectRefusal};

/// Longest request object.
const LONGEST: usize = 48 * 1024;
/// How long one may count, and how old it may be.
const LIFETIME: Duration = Duration::from_secs(3_600);
/// Most parameters in one.
const MOST: usize = 64;
/// Claims of the JWT itself, which are no parameters of the request.
const OF_THE_TOKEN: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

/// The parameters, once decryption, signature and claims hold.
pub(super) async fn read<P: Ports>(
    engine: &Engine<P>,
    client: &Client,
    text: &str,
) -> Result<Parameters<'static>, Error> {
    if text.len() > LONGEST {
        return Err(refused(RequestObjectRefusal::Malformed));
    }
    // RFC 9101 §6.1: five parts are encrypted, and hold what was signed.
    let opened = if text.bytes().filter(|byte| *byte == b'.').count() == 4 {
        Some(decrypted(engine, client, text).ok_or(refused(RequestObjectRefusal::Undecryptable))?)
    } else {
        None
    };
    let text = opened.as_deref().unwrap_or(text);
    // RFC 9101 §10.1: never unsigned; `none` is no algorithm here.
    let token = jws::parse_within(text, LONGEST).map_err(|_| refused(RequestObjectRefusal::Malformed))?;
    let algorithms = algorithms(engine, client);
    if !algorithms.contains(token.header.algorithm) {
        return Err(refused(RequestObjectRefusal::Algorithm));
    }
    let validation = Validation {
        // RFC 9101 §4: the client, for this server; both wanted, so that what was signed for another server, or is
        // something else, passes for no request here (§10.8).
        issuer: client.client_id.as_str(),
        audiences: &[&engine.settings.issuer],
        // RFC 9101 §10.8: its own type; older clients say JWT or nothing.
        types: &["oauth-authz-req+jwt", "JWT", ""],
        algorithms,
        required: &["client_id"],
        leeway: engine.settings.leeway,
        now: engine.now(),
    };
    let claims = engine.signed_by_client(client, &token, &validation).await;
    let claims = claims.map_err(|no_key| refused(no_key.refusal(client)))?;
    claims_hold(client, &claims, engine.settings.leeway, engine.now())?;
    parameters(&claims.all).ok_or(refused(RequestObjectRefusal::Claims))
}

/// RFC 8725 §3.1: what the server takes, what the profile takes, and what the client has registered.
fn algorithms<P: Ports>(engine: &Engine<P>, client: &Client) -> Algorithms {
    let registered = client.authorization.request_object_signing_alg.as_deref();
    let rules = Rules::of(client.profile);
    let server = engine.settings.request_object_algorithms;
    let fits = |known: &&countersign_jose::Algorithm| {
        server.contains(**known) && registered.is_none_or(|name| name == known.as_str())
    };
    rules.algorithms.iter().filter(fits).copied().collect()
}

fn decrypted<P: Ports>(engine: &Engine<P>, client: &Client, text: &str) -> Option<String> {
    let parsed = jwe::parse(text).ok()?;
    // RFC 8725 §3.1: a client that registered how it encrypts is held to it.
    let own = &client.authorization;
    let is_own = |registered: Option<&String>, used: &str| registered.is_none_or(|name| name == used);
    if !is_own(own.request_object_encryption_alg.as_ref(), parsed.header.key_management.as_str())
        || !is_own(own.request_object_encryption_enc.as_ref(), parsed.header.content_encryption.as_str())
    {
        return None;
    }
    let opened = engine.keys.decrypt(&parsed)?;
    String::from_utf8(opened.expose().clone()).ok()
}

/// What must hold beyond any JWT.
fn claims_hold(client: &Client, claims: &ValidClaims, leeway: Duration, now: Timestamp) -> Result<(), Error> {
    let wrong = || Err(refused(RequestObjectRefusal::Claims));
    let id = Some(client.client_id.as_str());
    // RFC 9101 §5: the client_id beside it and the one in it are the same.
    if claims.all.get("client_id").and_then(Value::as_str) != id {
        return wrong();
    }
    // RFC 9101 §10.8: a client assertion has the client as its subject; it is no request.
    if claims.subject.as_deref() == id {
        return wrong();
    }
    // RFC 9101 §4: no request object in a request object.
    if claims.all.contains_key("request") || claims.all.contains_key("request_uri") {
        return wrong();
    }
    // What counts for ever can be replayed for ever.
    if claims.expires_at > now.plus(LIFETIME).plus(leeway) {
        return wrong();
    }
    // FAPI 1.0 part 2 §5.2.2, points 13 and 14; FAPI 2.0 Message Signing §5.3.1: `nbf` at most an hour ago, and `exp`
    // at most an hour after it.
    let not_before = claims.all.get("nbf").and_then(Value::as_i64).map(Timestamp::from_seconds);
    match not_before {
        Some(since) if now > since.plus(LIFETIME) || claims.expires_at > since.plus(LIFETIME) => wrong(),
        None if Rules::of(client.profile).request_not_before => wrong(),
        Some(_) | None => Ok(()),
    }
}

/// Claims as parameters: texts as they are, numbers and truth values as text, `resource` as often as it has entries, and
/// every other structure as JSON (OpenID Connect Core §6.1, RFC 9396 §3).
pub(crate) fn parameters(claims: &Map<String, Value>) -> Option<Parameters<'static>> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for (name, value) in claims.iter().filter(|(name, _)| !OF_THE_TOKEN.contains(&name.as_str())) {
        match value {
            Value::Null => {}
            Value::String(text) => pairs.push((name.clone(), text.clone())),
            Value::Number(_) | Value::Bool(_) | Value::Object(_) => {
                pairs.push((name.clone(), value.to_string()));
            }
            Value::Array(entries) if name == "resource" => {
                for entry in entries {
                    pairs.push((name.clone(), entry.as_str()?.to_owned()));
                }
            }
            Value::Array(_) => pairs.push((name.clone(), value.to_string())),
        }
        if pairs.len() > MOST {
            return None;
        }
    }
    // What a query may not hold, a request object may not either.
    let is_control =
        |character: char| character.is_ascii_control() && !matches!(character, '\t' | '\n' | '\r');
    let clean = pairs.iter().all(|(name, value)| !name.contains(is_control) && !value.contains(is_control));
    clean.then(|| Parameters::new(pairs))
}

const fn refused(reason: RequestObjectRefusal) -> Error {
    Error::InvalidRequestObject(reason)
}
