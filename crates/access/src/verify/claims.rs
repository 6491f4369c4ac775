//! From claims to an identity: one reading of them for JWTs and for introspection answers.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_model::{
    Assurance, ClientId, GrantId, Issuer, Method, Scope, ScopeSet, SessionId, Subject, Timestamp, TokenId,
};
use serde_json::{Map, Value};

use crate::verify::issuer::IssuerState;
use crate::{Actor, Confirmation, Identity, Reason};

/// The longest text that becomes part of an identity.
const LONGEST: usize = 512;
/// The most actors behind one another, audiences, scopes.
const MOST: usize = 64;

/// Reads the claims of a verified token of this issuer.
///
/// # Errors
/// A claim is missing or of the wrong kind, or the token is bound in a way that can't be checked.
pub(crate) fn identity(
    claims: &Map<String, Value>,
    issuer: &IssuerState,
    method: Method,
) -> Result<Identity, Reason> {
    let client = text(claims, "client_id")?.or(text(claims, "azp")?).map(ClientId::from);
    // RFC 9068 §2.2: the subject of a client in its own name is the client.
    let subject = match (text(claims, "sub")?, &client) {
        (Some(subject), _) => Subject::from(subject),
        (None, Some(client)) => Subject::from(client.as_str()),
        (None, None) => return Err(Reason::TokenClaim),
    };
    let confirmation = confirmation(claims)?;
    let assurance = match confirmation {
        Some(Confirmation::Certificate(_) | Confirmation::Key(_)) => Assurance::ProofOfPossession,
        None => Assurance::ShortLivedToken,
    };
    let mut identity = Identity::new(subject, Issuer::from(issuer.issuer.as_str()), method, assurance);
    identity.issuer_name = issuer.name.clone();
    identity.issuer_audience = issuer.audience.clone();
    identity.acr = text(claims, "acr")?.map(Into::into);
    identity.amr = texts(claims, "amr")?.into_iter().map(Into::into).collect();
    identity.auth_time = moment(claims, "auth_time")?;
    identity.scopes = scopes(claims, &issuer.scope_claims)?;
    identity.audience = texts(claims, "aud")?.into_iter().map(Into::into).collect();
    identity.client = client;
    identity.actor = actors(claims.get("act"))?;
    identity.confirmation = confirmation;
    identity.expires_at = moment(claims, "exp")?.unwrap_or(Timestamp::MAX);
    identity.token = text(claims, "jti")?.map(TokenId::from);
    identity.grant = text(claims, GRANT)?.map(GrantId::from);
    identity.session = text(claims, "sid")?.map(SessionId::from);
    Ok(identity)
}

/// The private claim in which our own tokens name their grant, so that they can be revoked with it.
pub const GRANT: &str = "grant_id";

fn text<'c>(claims: &'c Map<String, Value>, name: &str) -> Result<Option<&'c str>, Reason> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => plain(text).map(Some),
        Some(_) => Err(Reason::TokenClaim),
    }
}

/// What becomes part of an identity goes into headers and logs.
fn plain(text: &str) -> Result<&str, Reason> {
    let fits = !text.is_empty() && text.len() <= LONGEST && !text.chars().any(char::is_control);
    if fits { Ok(text) } else { Err(Reason::TokenClaim) }
}

/// One text, or an array of them (RFC 7519 §4.1.3).
fn texts<'c>(claims: &'c Map<String, Value>, name: &str) -> Result<Vec<&'c str>, Reason> {
    match claims.get(name) {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![plain(text)?]),
        Some(Value::Array(values)) if values.len() <= MOST => {
            values.iter().map(|value| value.as_str().ok_or(Reason::TokenClaim).and_then(plain)).collect()
        }
        Some(_) => Err(Reason::TokenClaim),
    }
}

/// RFC 7519 §2 `NumericDate`, which may have a fraction.
fn moment(claims: &Map<String, Value>, name: &str) -> Result<Option<Timestamp>, Reason> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    if let Some(seconds) = value.as_i64() {
        return Ok(Some(Timestamp::from_seconds(seconds)));
    }
    #[expect(clippy::cast_possible_truncation, reason = "checked to be far within the range")]
    let seconds = value
        .as_f64()
        .filter(|seconds| seconds.is_finite() && seconds.abs() < 1e15)
        .map(|seconds| seconds as i64);
    seconds.map(|seconds| Some(Timestamp::from_seconds(seconds))).ok_or(Reason::TokenClaim)
}

/// Scopes from every claim that the issuer puts them in: a space-separated text (RFC 8693 §4.2) or an array of texts,
/// as `scp`, `permissions` and the like have it. What is no scope in the sense of RFC 6749 §3.3 gives nothing.
fn scopes(claims: &Map<String, Value>, names: &[Box<str>]) -> Result<ScopeSet, Reason> {
    let mut words: Vec<&str> = Vec::new();
    for name in names {
        match claims.get(&**name) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => words.extend(text.split(' ').filter(|word| !word.is_empty())),
            Some(Value::Array(values)) => {
                for value in values {
                    words.push(value.as_str().ok_or(Reason::TokenClaim)?);
                }
            }
            Some(_) => return Err(Reason::TokenClaim),
        }
    }
    if words.len() > 4 * MOST {
        return Err(Reason::TokenClaim);
    }
    Ok(words.into_iter().filter_map(|word| word.parse::<Scope>().ok()).collect())
}

/// RFC 8693 §4.1: the chain of actors, the current one first.
fn actors(mut act: Option<&Value>) -> Result<Vec<Actor>, Reason> {
    let mut actors = Vec::new();
    while let Some(value) = act {
        let claims = value.as_object().ok_or(Reason::TokenClaim)?;
        let subject = text(claims, "sub")?.ok_or(Reason::TokenClaim)?;
        actors
            .push(Actor { subject: Subject::from(subject), issuer: text(claims, "iss")?.map(Issuer::from) });
        if actors.len() > MOST {
            return Err(Reason::TokenClaim);
        }
        act = claims.get("act");
    }
    Ok(actors)
}

/// RFC 7800 §3.1: whoever is bound to a key must prove to hold it. A binding that we can't check is no reason to let
/// the bearer pass: it is refused.
fn confirmation(claims: &Map<String, Value>) -> Result<Option<Confirmation>, Reason> {
    let Some(cnf) = claims.get("cnf") else { return Ok(None) };
    let cnf = cnf.as_object().ok_or(Reason::TokenClaim)?;
    let hash = |value: &Value| {
        let bytes = value.as_str().and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()).ok_or(Reason::TokenClaim)
    };
    match (cnf.len(), cnf.get("x5t#S256"), cnf.get("jkt")) {
        (1, Some(thumbprint), _) => Ok(Some(Confirmation::Certificate(hash(thumbprint)?))),
        (1, _, Some(thumbprint)) => Ok(Some(Confirmation::Key(hash(thumbprint)?))),
        (_, _, _) => Err(Reason::TokenBindingUnsupported),
    }
}
