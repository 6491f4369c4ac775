//! Reference tokens: looked up in the own store, or introspected elsewhere (RFC 7662), and remembered for a short time.

use std::sync::Arc;

use aws_lc_rs::digest;
use countersign_model::{Method, Timestamp, TokenHash};
use serde_json::{Map, Value};

use crate::api_key::WellFormed;
use crate::outcome::Rejection;
use crate::verify::claims;
use crate::verify::issuer::IssuerState;
use crate::verify::tokens::TokenMemory;
use crate::{Identity, Limits, OWN, Reason, Rule};

/// The prefix of our own reference tokens.
const OWN_HEAD: &str = "cst_at";

/// The issuers that could know this token, in the rule's order. A token of ours, which its prefix tells, is shown to
/// nobody else.
pub(crate) fn candidates<'a>(
    issuers: &'a [Arc<IssuerState>],
    rule: &'a Rule,
    token: &'a str,
) -> impl Iterator<Item = &'a Arc<IssuerState>> {
    let is_own = token.strip_prefix(OWN_HEAD).is_some_and(|rest| rest.starts_with('_'));
    rule.checked()
        .issuers
        .iter()
        .filter_map(move |name| issuers.iter().find(|issuer| issuer.name == *name))
        .filter(move |issuer| issuer.reference_tokens.is_some() && (!is_own || *issuer.name == *OWN))
}

/// The key a token is remembered under: the same text means something else at each issuer.
pub(crate) fn memory_key(issuer: &IssuerState, token: &str) -> TokenHash {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(issuer.name.as_bytes());
    context.update(&[0]);
    context.update(token.as_bytes());
    let mut key = [0; 32];
    for (to, from) in key.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    TokenHash::from_bytes(key)
}

/// The token that is asked about.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) token: &'a str,
    /// The key it is remembered under.
    pub(crate) key: TokenHash,
    /// What it is to the caller.
    pub(crate) method: Method,
}

/// Asks one issuer.
///
/// # Errors
/// It does not know the token, or could not answer, or the answer makes no identity.
pub(crate) async fn ask(
    issuer: &Arc<IssuerState>,
    memory: &TokenMemory,
    limits: &Limits,
    Asked { token, key, method }: Asked<'_>,
    now: Timestamp,
) -> Result<(Arc<Identity>, Timestamp), Rejection> {
    let Some(source) = &issuer.reference_tokens else { return Err(Reason::TokenUnknown.into()) };
    // Garbage under our own prefix is known for it without asking.
    if token.starts_with(OWN_HEAD) && *issuer.name == *OWN && WellFormed::read(token).is_none() {
        return Err(Reason::TokenUnknown.into());
    }
    let answer = source.reference_token(token, now).await.map_err(|error| {
        tracing::error!(%error, issuer = &*issuer.name, "a reference token could not be looked up");
        Rejection::from(Reason::LookupFailed)
    })?;
    let Some(answer) = answer else {
        memory.remember_unknown(key, now.plus(limits.unknown_life));
        return Err(Reason::TokenUnknown.into());
    };
    // RFC 7662 §2.2: an `iss` in the answer must be the one we asked for.
    if answer.claims.get("iss").is_some_and(|iss| iss.as_str() != Some(issuer.issuer.as_str())) {
        return Err(Reason::TokenIssuer.into());
    }
    if !is_access_token(&answer.claims) {
        return Err(Reason::TokenType.into());
    }
    let identity = Arc::new(claims::identity(&answer.claims, issuer, method)?);
    if identity.expires_at.plus(limits.leeway) <= now {
        return Err(Rejection::from(Reason::TokenExpired).about(&identity));
    }
    Ok((identity, answer.fresh_until))
}

/// RFC 7662 §2.1 lets an endpoint be asked about refresh tokens too, and servers answer for ID tokens as well: active, but
/// nothing that opens a resource (RFC 8725 §3.11 in spirit). They say so in one of three members.
fn is_access_token(claims: &Map<String, Value>) -> bool {
    const OTHERS: [&str; 7] =
        ["refresh_token", "refresh", "offline", "offline_token", "id_token", "id", "logout"];
    ["token_type", "token_use", "typ"]
        .iter()
        .filter_map(|name| claims.get(*name)?.as_str())
        .all(|kind| !OTHERS.iter().any(|other| kind.eq_ignore_ascii_case(other)))
}
