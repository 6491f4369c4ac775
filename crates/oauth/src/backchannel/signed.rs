//! Signed authentication requests (CIBA §7.1.1): the parameters as claims of a JWT that the client signed.

use std::sync::Arc;
use std::time::Duration;

use countersign_jose::jwt::{ValidClaims, Validation};
use countersign_jose::{Algorithm, Algorithms, jws};
use countersign_model::{Client, Timestamp};
use serde_json::Value;

use crate::authorize::request;
use crate::ports::Ports;
use crate::profile::Rules;
use crate::{Engine, Error, Parameters, RequestObjectRefusal};

/// Longest request.
const LONGEST: usize = 16 * 1024;
/// How long one may count, and how old it may be (FAPI CIBA §5.2.2).
const LIFETIME: Duration = Duration::from_secs(3_600);
/// Parameters of the request itself; beside a signed request there is none of them.
const OF_THE_REQUEST: [&str; 12] = [
    "scope",
    "client_notification_token",
    "acr_values",
    "login_hint_token",
    "id_token_hint",
    "login_hint",
    "binding_message",
    "user_code",
    "requested_expiry",
    "resource",
    "authorization_details",
    "request_uri",
];

/// The parameters that count: the form's, or those of the signed request in it.
pub(super) async fn settled<'a, P: Ports>(
    engine: &Engine<P>,
    client: &Arc<Client>,
    form: &Parameters<'a>,
) -> Result<Parameters<'a>, Error> {
    let own = client.backchannel.authentication_request_signing_alg.as_deref();
    match form.one("request") {
        // A client that registered how it signs always does; some profiles want it of every client (FAPI CIBA §5.2.2).
        None if own.is_some() || Rules::of(client.profile).signed_requests => {
            Err(Error::SignedRequestRequired)
        }
        None => Ok(form.clone()),
        Some(text) => {
            // CIBA §7.1.1: nothing of the request stands beside it.
            if OF_THE_REQUEST.into_iter().any(|name| form.one(name).is_some()) {
                return Err(refused(RequestObjectRefusal::Claims));
            }
            read(engine, client, text).await
        }
    }
}

async fn read<P: Ports>(
    engine: &Engine<P>,
    client: &Client,
    text: &str,
) -> Result<Parameters<'static>, Error> {
    let token = jws::parse_within(text, LONGEST).map_err(|_| refused(RequestObjectRefusal::Malformed))?;
    let algorithms = algorithms(engine, client);
    if !algorithms.contains(token.header.algorithm) {
        return Err(refused(RequestObjectRefusal::Algorithm));
    }
    let now = engine.now();
    let validation = Validation {
        // CIBA §7.1.1: the client, for this server.
        issuer: client.client_id.as_str(),
        audiences: &[&engine.settings.issuer],
        types: &["oauth-authz-req+jwt", "JWT", ""],
        algorithms,
        // CIBA §7.1.1: `iss`, `aud` and `exp` are in every such JWT, and these as well.
        required: &["iat", "nbf", "jti"],
        leeway: engine.settings.leeway,
        now,
    };
    let claims = engine.signed_by_client(client, &token, &validation).await;
    let claims = claims.map_err(|no_key| refused(no_key.refusal(client)))?;
    claims_hold(client, &claims, engine.settings.leeway, now)?;
    let parameters = request::parameters(&claims.all).ok_or(refused(RequestObjectRefusal::Claims))?;
    // CIBA §7.1.1: `jti` names it, so that it counts once: whoever sends it again would call the person again.
    let jti = claims.id.as_deref().filter(|jti| (1..=256).contains(&jti.len()));
    let jti = jti.ok_or(refused(RequestObjectRefusal::Claims))?;
    let until = claims.expires_at.plus(engine.settings.leeway);
    let name = format!("backchannel request {jti}");
    if engine.ports.remember_assertion(&client.client_id, &name, until).await? {
        Ok(parameters)
    } else {
        Err(refused(RequestObjectRefusal::Replayed))
    }
}

/// RFC 8725 §3.1: what the server takes, what the profile takes, and what the client has registered. Never HMAC (CIBA
/// §4).
fn algorithms<P: Ports>(engine: &Engine<P>, client: &Client) -> Algorithms {
    let registered = client.backchannel.authentication_request_signing_alg.as_deref();
    let server = engine.settings.request_object_algorithms;
    let fits =
        |known: &&Algorithm| server.contains(**known) && registered.is_none_or(|name| name == known.as_str());
    Rules::of(client.profile).algorithms.iter().filter(fits).copied().collect()
}

/// What must hold beyond any JWT.
fn claims_hold(client: &Client, claims: &ValidClaims, leeway: Duration, now: Timestamp) -> Result<(), Error> {
    let id = client.client_id.as_str();
    // RFC 8725 §3.12: a client assertion has the client as its subject; it is no request.
    let is_assertion = claims.subject.as_deref() == Some(id);
    let is_for_another = claims.all.get("client_id").is_some_and(|named| named.as_str() != Some(id));
    let nested = claims.all.contains_key("request") || claims.all.contains_key("request_uri");
    // FAPI CIBA §5.2.2: `nbf` at most an hour ago, `exp` at most an hour after it.
    let since = claims.all.get("nbf").and_then(Value::as_i64).map(Timestamp::from_seconds);
    let in_time = since.is_some_and(|since| {
        now <= since.plus(LIFETIME).plus(leeway) && claims.expires_at <= since.plus(LIFETIME).plus(leeway)
    });
    if is_assertion || is_for_another || nested || !in_time {
        return Err(refused(RequestObjectRefusal::Claims));
    }
    Ok(())
}

const fn refused(reason: RequestObjectRefusal) -> Error {
    Error::InvalidSignedRequest(reason)
}
