//! Checking a DPoP proof (RFC 9449 §4.3): one pure function of the proof, the request and the time.

use std::time::Duration;

use countersign_jose::{Algorithm, Algorithms, Jwk, VerifyingKey, jws};
use countersign_model::{Timestamp, TokenHash};
use serde::Deserialize;

use super::nonce::{Nonces, Standing};
use super::target::same_target;

/// The longest proof that is read: an RSA key of 8,192 bits and its signature fit.
const LONGEST: usize = 8 * 1024;
/// The longest `jti`.
const LONGEST_ID: usize = 256;

/// How old a proof may be (RFC 9449 §11.1).
pub const OLDEST: Duration = Duration::from_secs(60);
/// How far ahead of ours the sender's clock may be.
pub const AHEAD: Duration = Duration::from_secs(10);

/// Algorithms a proof may be signed with (RFC 9449 §4.2: asymmetric, never `none`).
#[must_use]
pub fn algorithms() -> Algorithms {
    Algorithm::ALL.into_iter().filter(|known| !known.is_symmetric()).collect()
}

/// What a proof must have been made for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The method of the request.
    pub method: &'a str,
    /// The addresses under which the request may have been sent; query and fragment do not count.
    pub targets: &'a [&'a str],
    /// The access token that comes with it; `None` at the token endpoint, where there is none.
    pub access_token: Option<&'a str>,
    /// The nonces of which it must have one; `None`: none is asked for.
    pub nonces: Option<&'a Nonces>,
    /// Now.
    pub now: Timestamp,
}

/// A proof in which everything holds. Whether it was seen before is another question: whoever takes it must remember it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CheckedProof {
    /// The JWK thumbprint of its key, SHA-256 (RFC 7638): `jkt`.
    pub key: [u8; 32],
    /// What it was signed with.
    pub algorithm: Algorithm,
    /// What it is remembered by: its key and its `jti`.
    pub id: TokenHash,
    /// Until when it must be remembered: from then on it is too old.
    pub until: Timestamp,
    /// Whether its nonce is about to end, so that the answer should bring the next one (RFC 9449 §8.2).
    pub needs_nonce: bool,
}

/// Why a proof is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say it")]
pub enum DpopRefusal {
    #[error("there must be exactly one DPoP field")]
    Field,
    #[error("it is no signed JWT with jti, htm, htu and iat")]
    Malformed,
    #[error("its typ is not dpop+jwt")]
    Type,
    #[error("its algorithm is not one that is taken")]
    Algorithm,
    #[error("its jwk is missing, private, or does not fit the algorithm")]
    Key,
    #[error("its signature is not that of its key")]
    Signature,
    #[error("it was made for another method")]
    Method,
    #[error("it was made for another address")]
    Target,
    #[error("it is too old, or from the future")]
    Time,
    #[error("it was made for another access token")]
    AccessToken,
    #[error("it needs a nonce of ours")]
    Nonce,
    #[error("it was used before")]
    Replayed,
}

/// RFC 9449 §4.2. What else is in it means nothing here. A member twice is an error of the reader.
#[derive(Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: f64,
    ath: Option<String>,
    nonce: Option<String>,
}

/// Checks a proof. What costs least comes first; the signature comes last.
///
/// # Errors
/// The first point of RFC 9449 §4.3 that does not hold.
pub fn check(proof: &str, wanted: &Wanted<'_>) -> Result<CheckedProof, DpopRefusal> {
    // Points 2 and 3: a JWT with every claim that it must have.
    let token = jws::parse_within(proof, LONGEST).map_err(|error| match error {
        jws::Malformed::None | jws::Malformed::Algorithm => DpopRefusal::Algorithm,
        jws::Malformed::TooLong
        | jws::Malformed::Structure
        | jws::Malformed::Base64
        | jws::Malformed::Header
        | jws::Malformed::Duplicate
        | jws::Malformed::Critical => DpopRefusal::Malformed,
    })?;
    let payload = token.dangerous_unverified_payload().ok_or(DpopRefusal::Malformed)?;
    let claims: Claims = serde_json::from_slice(&payload).map_err(|_| DpopRefusal::Malformed)?;
    if !(1..=LONGEST_ID).contains(&claims.jti.len()) {
        return Err(DpopRefusal::Malformed);
    }
    // Point 4.
    if !token.header.is_type("dpop+jwt") {
        return Err(DpopRefusal::Type);
    }
    // Point 5; RFC 8725 §3.1: our list, not the header's wish.
    let allowed = algorithms();
    let algorithm = token.header.algorithm;
    if !allowed.contains(algorithm) {
        return Err(DpopRefusal::Algorithm);
    }
    let until = holds(&claims, wanted)?;
    let needs_nonce = nonce(claims.nonce.as_deref(), wanted)?;
    // Point 7: public, and of the algorithm's kind.
    let jwk: Jwk = token.dangerous_embedded_jwk().map_err(|_| DpopRefusal::Key)?;
    let key = VerifyingKey::from_jwk(&jwk, algorithm).map_err(|_| DpopRefusal::Key)?;
    // Point 6.
    token.verify(&key, allowed).ok_or(DpopRefusal::Signature)?;
    let key = jwk.thumbprint_sha256();
    // A key of its own for each sender: nobody can use up another's identifiers.
    let id = TokenHash::of(&[&key[..], claims.jti.as_bytes()].concat());
    Ok(CheckedProof { key, algorithm, id, until, needs_nonce })
}

/// Points 8, 9, 11 and 12; when it will be too old.
fn holds(claims: &Claims, wanted: &Wanted<'_>) -> Result<Timestamp, DpopRefusal> {
    // Point 8: methods differ by case (RFC 9110 §9.1).
    if claims.htm != wanted.method {
        return Err(DpopRefusal::Method);
    }
    // Point 9.
    if !wanted.targets.iter().any(|target| same_target(&claims.htu, target)) {
        return Err(DpopRefusal::Target);
    }
    // Point 11 and §11.1.
    #[expect(clippy::cast_possible_truncation, reason = "checked to be far within the range")]
    let seconds = (claims.iat.is_finite() && claims.iat.abs() < 1e12).then_some(claims.iat as i64);
    let issued_at = Timestamp::from_seconds(seconds.ok_or(DpopRefusal::Malformed)?);
    let until = issued_at.plus(OLDEST);
    if wanted.now >= until || issued_at > wanted.now.plus(AHEAD) {
        return Err(DpopRefusal::Time);
    }
    // Point 12. Whether the token is bound to the key is for who knows the token.
    match wanted.access_token {
        Some(token) if claims.ath.as_deref() != Some(&*hash(token)) => Err(DpopRefusal::AccessToken),
        Some(_) | None => Ok(until),
    }
}

/// Point 10; whether the next nonce is due.
fn nonce(sent: Option<&str>, wanted: &Wanted<'_>) -> Result<bool, DpopRefusal> {
    let Some(nonces) = wanted.nonces else { return Ok(false) };
    match sent.map(|sent| nonces.standing(sent, wanted.now)) {
        Some(Standing::Current) => Ok(false),
        Some(Standing::Previous) => Ok(true),
        Some(Standing::Unknown) | None => Err(DpopRefusal::Nonce),
    }
}

/// RFC 9449 §4.2, `ath`.
fn hash(token: &str) -> String {
    TokenHash::of(token.as_bytes()).to_base64url()
}
