//! JSON Web Tokens (RFC 7519, RFC 8725, RFC 9068) of our own and of external issuers.

use std::sync::Arc;

use countersign_jose::jws::{self, Malformed};
use countersign_jose::jwt::{self, UnverifiedJwt, Validation};
use countersign_model::{Method, Timestamp};

use crate::verify::claims;
use crate::verify::issuer::IssuerState;
use crate::{Identity, Limits, OWN, Reason};

/// A token whose signature, issuer, type and times hold. Its audience is for the rule to judge.
pub(crate) struct VerifiedToken<'a> {
    pub(crate) identity: Identity,
    pub(crate) issuer: &'a Arc<IssuerState>,
    /// The generation of the keys it was verified with.
    pub(crate) keys_generation: u64,
}

/// Takes a token apart, once for all that follows.
///
/// # Errors
/// It is no JWT that may be used.
pub(crate) fn read(text: &str) -> Result<UnverifiedJwt<'_>, Reason> {
    let token = jws::parse(text).map_err(|error| malformed(&error))?;
    UnverifiedJwt::read(token).map_err(|error| rejected(&error))
}

/// Verifies a token. What it says of itself only chooses among issuers and keys we know.
///
/// # Errors
/// The first reason.
pub(crate) async fn verify<'a>(
    issuers: &'a [Arc<IssuerState>],
    limits: &Limits,
    token: UnverifiedJwt<'_>,
    now: Timestamp,
) -> Result<VerifiedToken<'a>, Reason> {
    let issuer = issuer_of(&token, issuers)?;
    // RFC 8725 §3.1: before any key is looked for.
    if !issuer.algorithms.contains(token.header().algorithm) {
        return Err(Reason::TokenAlgorithm);
    }
    let candidates = issuer.candidates(token.header().kid.as_deref(), now).await?;
    let types: Vec<&str> = issuer.types.iter().map(|typ| &**typ).collect();
    let validation = Validation {
        issuer: issuer.issuer.as_str(),
        audiences: &[],
        types: &types,
        algorithms: issuer.algorithms,
        required: &[],
        leeway: limits.leeway,
        now,
    };
    let keys = candidates.keys.iter().map(|key| &**key);
    let claims = token.validate(keys, &validation).map_err(|error| rejected(&error))?;
    let identity = claims::identity(&claims.all, issuer, Method::Jwt)?;
    Ok(VerifiedToken { identity, issuer, keys_generation: candidates.generation })
}

/// Our own issuer, where a token says that it is ours and signed with a shared secret. Whoever else has the secret could
/// have made it (RFC 8725 §3.1), so its signature is not asked: the store knows by its hash whether it was issued, and
/// for whom.
pub(crate) fn looked_up<'a>(
    issuers: &'a [Arc<IssuerState>],
    token: &UnverifiedJwt<'_>,
) -> Option<&'a Arc<IssuerState>> {
    let algorithm = token.header().algorithm;
    if !algorithm.is_symmetric() {
        return None;
    }
    let is_ours = |issuer: &&Arc<IssuerState>| *issuer.name == *OWN && issuer.algorithms.contains(algorithm);
    issuer_of(token, issuers).ok().filter(is_ours)
}

/// Who says to have issued it; nobody has vouched for that yet.
fn issuer_of<'a>(
    token: &UnverifiedJwt<'_>,
    issuers: &'a [Arc<IssuerState>],
) -> Result<&'a Arc<IssuerState>, Reason> {
    let said = token.dangerous_issuer().ok_or(Reason::TokenClaim)?;
    issuers.iter().find(|issuer| issuer.issuer.as_str() == said).ok_or(Reason::TokenIssuer)
}

fn malformed(error: &Malformed) -> Reason {
    match error {
        Malformed::TooLong => Reason::TokenTooLarge,
        Malformed::Structure | Malformed::Header => Reason::TokenMalformed,
        Malformed::Base64 => Reason::TokenBase64,
        Malformed::Duplicate => Reason::TokenDuplicateMember,
        Malformed::None | Malformed::Algorithm => Reason::TokenAlgorithm,
        Malformed::Critical => Reason::TokenCritical,
    }
}

fn rejected(error: &jwt::Rejection) -> Reason {
    match error {
        jwt::Rejection::Malformed(error) => malformed(error),
        jwt::Rejection::EmbeddedKey => Reason::TokenEmbeddedKey,
        jwt::Rejection::AlgorithmNotAllowed => Reason::TokenAlgorithm,
        jwt::Rejection::UnknownKey => Reason::TokenUnknownKey,
        jwt::Rejection::Signature => Reason::TokenSignature,
        jwt::Rejection::Claims | jwt::Rejection::ClaimKind(_) | jwt::Rejection::MissingClaim(_) => {
            Reason::TokenClaim
        }
        jwt::Rejection::DuplicateClaim => Reason::TokenDuplicateMember,
        jwt::Rejection::Type => Reason::TokenType,
        jwt::Rejection::Issuer => Reason::TokenIssuer,
        jwt::Rejection::Audience => Reason::TokenAudience,
        jwt::Rejection::Expired => Reason::TokenExpired,
        jwt::Rejection::NotYetValid | jwt::Rejection::IssuedInTheFuture => Reason::TokenNotYetValid,
    }
}
