//! JSON Web Tokens (RFC 7519): claims, and what must hold of them.

use std::time::Duration;

use countersign_model::Timestamp;
use serde_json::{Map, Value};

use crate::algorithm::Algorithms;
pub use crate::claims::Claims;
use crate::json::{self, JsonFault};
use crate::jws::{self, Header, Malformed, ParsedJws};
use crate::signing::{InvalidKey, SigningKey};
use crate::verifying::VerifyingKey;

/// What a token must be to be taken. Pure data; the time is part of it.
#[derive(Clone, Debug)]
pub struct Validation<'a> {
    /// The `iss` it must have, compared exactly.
    pub issuer: &'a str,
    /// Audiences of which it must name one (RFC 7519 §4.1.3). Empty: none is asked for.
    pub audiences: &'a [&'a str],
    /// Types (`typ`) it may have; an empty text allows a token without.
    pub types: &'a [&'a str],
    /// Algorithms it may be signed with.
    pub algorithms: Algorithms,
    /// Claims that must be there besides `iss` and `exp`.
    pub required: &'a [&'a str],
    /// Clock difference allowed.
    pub leeway: Duration,
    /// Now.
    pub now: Timestamp,
}

/// Claims of a token whose signature, issuer, audience, type and times hold.
#[derive(Clone, PartialEq, Debug)]
pub struct ValidClaims {
    /// `sub`.
    pub subject: Option<String>,
    /// `aud`, as the list it may be.
    pub audience: Vec<String>,
    /// `exp`.
    pub expires_at: Timestamp,
    /// `iat`.
    pub issued_at: Option<Timestamp>,
    /// `jti`.
    pub id: Option<String>,
    /// Every claim.
    pub all: Map<String, Value>,
}

/// Why a token is not taken: one reason each, for logs. Outside it is always `invalid_token`.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Rejection {
    /// It is no JWS that may be used.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Its header brings or points to a key.
    #[error("the header brings a key of its own")]
    EmbeddedKey,
    /// Its algorithm is not allowed for this issuer, or not the key's.
    #[error("the algorithm is not allowed")]
    AlgorithmNotAllowed,
    /// No key of its `kid` is known. Whoever looks for keys says so, and finds the `kid` in the token's header.
    #[error("no key of this kid is known")]
    UnknownKey,
    /// The signature is not the key's.
    #[error("the signature is wrong")]
    Signature,
    /// The payload is no JSON object.
    #[error("the claims are no JSON object")]
    Claims,
    /// A claim is there twice.
    #[error("a claim is there twice")]
    DuplicateClaim,
    /// A registered claim is of the wrong kind.
    #[error("the claim {0} is of the wrong kind")]
    ClaimKind(&'static str),
    /// A claim that must be there is not.
    #[error("the claim {0} is missing")]
    MissingClaim(String),
    /// Another type.
    #[error("the type is wrong")]
    Type,
    /// Another issuer.
    #[error("the issuer is wrong")]
    Issuer,
    /// For somebody else.
    #[error("the audience is wrong")]
    Audience,
    /// Over.
    #[error("the token has expired")]
    Expired,
    /// Not begun.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Made in the future.
    #[error("the token was issued in the future")]
    IssuedInTheFuture,
}

impl Rejection {
    /// A word for logs and metrics.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Malformed(Malformed::TooLong) => "too_long",
            Self::Malformed(Malformed::Structure) => "malformed",
            Self::Malformed(Malformed::Base64) => "bad_base64",
            Self::Malformed(Malformed::Header) => "bad_header",
            Self::Malformed(Malformed::Duplicate) => "duplicate_header_member",
            Self::Malformed(Malformed::None) => "alg_none",
            Self::Malformed(Malformed::Algorithm) => "unknown_algorithm",
            Self::Malformed(Malformed::Critical) => "unknown_crit",
            Self::EmbeddedKey => "embedded_key",
            Self::AlgorithmNotAllowed => "algorithm_not_allowed",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "bad_signature",
            Self::Claims => "bad_claims",
            Self::DuplicateClaim => "duplicate_claim",
            Self::ClaimKind(_) => "bad_claim",
            Self::MissingClaim(_) => "missing_claim",
            Self::Type => "wrong_type",
            Self::Issuer => "wrong_issuer",
            Self::Audience => "wrong_audience",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::IssuedInTheFuture => "issued_in_the_future",
        }
    }
}

/// A token whose claims have been read once, to know by whose keys to check it. Nothing of it has been believed.
#[derive(Debug)]
pub struct UnverifiedJwt<'a> {
    token: ParsedJws<'a>,
    claims: Map<String, Value>,
}

impl<'a> UnverifiedJwt<'a> {
    /// Reads the claims.
    ///
    /// # Errors
    /// The header brings a key, or the payload is no JSON object with unique members.
    pub fn read(token: ParsedJws<'a>) -> Result<Self, Rejection> {
        // RFC 8725 §3.10: keys come from the issuer, never from the token.
        if token.header.has_embedded_key {
            return Err(Rejection::EmbeddedKey);
        }
        let payload = token.dangerous_unverified_payload().ok_or(Malformed::Base64)?;
        let claims = read_claims(&payload)?;
        Ok(Self { token, claims })
    }

    /// Its header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.token.header
    }

    /// Whose token it says it is. It only chooses among issuers that are known.
    #[must_use]
    pub fn dangerous_issuer(&self) -> Option<&str> {
        self.claims.get("iss").and_then(Value::as_str)
    }

    /// Checks the token under keys of which one must have signed it: signature, type, then claims, in that order.
    ///
    /// # Errors
    /// The first [`Rejection`].
    pub fn validate<'k>(
        self,
        keys: impl IntoIterator<Item = &'k VerifyingKey>,
        validation: &Validation<'_>,
    ) -> Result<ValidClaims, Rejection> {
        let algorithm = self.token.header.algorithm;
        // RFC 8725 §3.1: the caller's list decides, and a key is for one algorithm.
        let mut fitting = keys.into_iter().filter(|key| key.algorithm() == algorithm).peekable();
        if !validation.algorithms.contains(algorithm) || fitting.peek().is_none() {
            return Err(Rejection::AlgorithmNotAllowed);
        }
        if !fitting.any(|key| self.token.is_signed_by(key, validation.algorithms)) {
            return Err(Rejection::Signature);
        }
        type_fits(&self.token.header, validation)?;
        valid(self.claims, validation)
    }
}

/// Checks a token under one key: header, signature, then claims, in that order.
///
/// # Errors
/// The first [`Rejection`].
pub fn validate(
    token: &ParsedJws<'_>,
    key: &VerifyingKey,
    validation: &Validation<'_>,
) -> Result<ValidClaims, Rejection> {
    // RFC 8725 §3.10: keys come from the issuer, never from the token.
    if token.header.has_embedded_key {
        return Err(Rejection::EmbeddedKey);
    }
    // RFC 8725 §3.1: the caller's list decides, and a key is for one algorithm.
    if !validation.algorithms.contains(token.header.algorithm) || key.algorithm() != token.header.algorithm {
        return Err(Rejection::AlgorithmNotAllowed);
    }
    let payload = token.verify(key, validation.algorithms).ok_or(Rejection::Signature)?;
    type_fits(&token.header, validation)?;
    valid(read_claims(&payload)?, validation)
}

/// RFC 8725 §3.11: a token of one kind must not pass for another.
fn type_fits(header: &Header, validation: &Validation<'_>) -> Result<(), Rejection> {
    let fits = validation.types.iter().any(|wanted| match (wanted.is_empty(), &header.typ) {
        (true, typ) => typ.is_none(),
        (false, _) => header.is_type(wanted),
    });
    if fits { Ok(()) } else { Err(Rejection::Type) }
}

/// Takes a token apart and checks it in one go.
///
/// # Errors
/// As [`jws::parse`] and [`validate`].
pub fn parse_and_validate(
    token: &str,
    key: &VerifyingKey,
    validation: &Validation<'_>,
) -> Result<ValidClaims, Rejection> {
    validate(&jws::parse(token)?, key, validation)
}

/// Makes a token of these claims.
///
/// # Errors
/// When the key can't sign.
pub fn sign(typ: &str, claims: &Claims, key: &SigningKey) -> Result<String, InvalidKey> {
    let payload = serde_json::to_vec(claims).map_err(|_| InvalidKey(key.algorithm()))?;
    jws::sign_compact(Some(typ), &payload, key)
}

fn read_claims(payload: &[u8]) -> Result<Map<String, Value>, Rejection> {
    json::object(payload).map_err(|fault| match fault {
        JsonFault::NotAnObject => Rejection::Claims,
        JsonFault::Duplicate => Rejection::DuplicateClaim,
    })
}

fn valid(all: Map<String, Value>, validation: &Validation<'_>) -> Result<ValidClaims, Rejection> {
    // RFC 8725 §3.8.
    if text(&all, "iss")?.ok_or_else(|| missing("iss"))? != validation.issuer {
        return Err(Rejection::Issuer);
    }
    let audience = audience(&all)?;
    // RFC 8725 §3.9.
    let addressed = |name: &String| validation.audiences.contains(&name.as_str());
    if !validation.audiences.is_empty() && !audience.iter().any(addressed) {
        return Err(if audience.is_empty() { missing("aud") } else { Rejection::Audience });
    }
    if let Some(name) = validation.required.iter().find(|name| !all.contains_key(**name)) {
        return Err(missing(name));
    }
    let expires_at = time(&all, "exp")?.ok_or_else(|| missing("exp"))?;
    let issued_at = time(&all, "iat")?;
    // RFC 7519 §4.1.4: on or after `exp` it is over.
    if validation.now >= expires_at.plus(validation.leeway) {
        return Err(Rejection::Expired);
    }
    let latest = validation.now.plus(validation.leeway);
    // RFC 7519 §4.1.5.
    if time(&all, "nbf")?.is_some_and(|not_before| not_before > latest) {
        return Err(Rejection::NotYetValid);
    }
    if issued_at.is_some_and(|issued_at| issued_at > latest) {
        return Err(Rejection::IssuedInTheFuture);
    }
    Ok(ValidClaims {
        subject: text(&all, "sub")?.map(str::to_owned),
        id: text(&all, "jti")?.map(str::to_owned),
        audience,
        expires_at,
        issued_at,
        all,
    })
}

fn missing(name: &str) -> Rejection {
    Rejection::MissingClaim(name.to_owned())
}

fn text<'a>(claims: &'a Map<String, Value>, name: &'static str) -> Result<Option<&'a str>, Rejection> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Rejection::ClaimKind(name)),
    }
}

/// RFC 7519 §4.1.3: one text, or a list of them.
fn audience(claims: &Map<String, Value>) -> Result<Vec<String>, Rejection> {
    match claims.get("aud") {
        None => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one.clone()]),
        Some(Value::Array(values)) => {
            let texts =
                values.iter().map(|value| value.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
            texts.ok_or(Rejection::ClaimKind("aud"))
        }
        Some(_) => Err(Rejection::ClaimKind("aud")),
    }
}

/// RFC 7519 §2, NumericDate: seconds since the epoch, possibly with a fraction.
fn time(claims: &Map<String, Value>, name: &'static str) -> Result<Option<Timestamp>, Rejection> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    if let Some(seconds) = value.as_i64() {
        return Ok(Some(Timestamp::from_seconds(seconds)));
    }
    match value.as_f64() {
        Some(seconds) if seconds.is_finite() && seconds.abs() < 9e12 => {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the range was checked; parts of a microsecond don't count"
            )]
            let micros = (seconds * 1e6) as i64;
            Ok(Some(Timestamp::from_micros(micros)))
        }
        _ => Err(Rejection::ClaimKind(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Algorithm, SigningKey};

    fn keys() -> (SigningKey, VerifyingKey) {
        let signing = SigningKey::generate(Algorithm::ES256).unwrap();
        let verifying = VerifyingKey::from_jwk(&signing.public_jwk().unwrap(), Algorithm::ES256).unwrap();
        (signing, verifying)
    }

    fn validation() -> Validation<'static> {
        Validation {
            issuer: "https://issuer.example",
            audiences: &["https://api.example"],
            types: &["at+jwt"],
            algorithms: Algorithms::of(&[Algorithm::ES256]),
            required: &["sub"],
            leeway: Duration::from_secs(5),
            now: Timestamp::from_seconds(1_000),
        }
    }

    const CLAIMS: &str = r#"{"iss":"https://issuer.example","sub":"a","aud":["https://api.example"],"exp":1100,"iat":999,"jti":"x"}"#;

    fn outcome(typ: &str, claims: &str) -> Result<ValidClaims, Rejection> {
        let (signing, verifying) = keys();
        let token = jws::sign_compact(Some(typ), claims.as_bytes(), &signing).unwrap();
        parse_and_validate(&token, &verifying, &validation())
    }

    #[test]
    fn a_good_token_passes_and_each_fault_has_its_reason() {
        let claims = outcome("application/AT+JWT", CLAIMS).unwrap();
        assert_eq!((claims.subject.as_deref(), claims.id.as_deref()), (Some("a"), Some("x")));
        let reason =
            |from: &str, to: &str| outcome("at+jwt", &CLAIMS.replace(from, to)).unwrap_err().as_str();
        assert_eq!(outcome("JWT", CLAIMS).unwrap_err(), Rejection::Type);
        assert_eq!(reason("issuer.example", "issuer.example/"), "wrong_issuer");
        assert_eq!(reason("api.example", "other.example"), "wrong_audience");
        assert_eq!(reason("1100", "995"), "expired");
        assert_eq!(reason("1100", "1e99"), "bad_claim");
        assert_eq!(reason("\"jti\"", "\"nbf\":1006,\"jti\""), "not_yet_valid");
        assert_eq!(reason("999", "1006"), "issued_in_the_future");
        assert_eq!(reason("\"sub\":\"a\",", ""), "missing_claim");
        assert_eq!(reason("\"exp\":1100,", ""), "missing_claim");
        assert_eq!(reason("\"jti\":\"x\"", "\"sub\":\"b\""), "duplicate_claim");
        assert_eq!(reason("\"sub\":\"a\"", "\"sub\":1"), "bad_claim");
        assert!(outcome("at+jwt", &CLAIMS.replace("1100", "995.5")).is_ok());
    }

    #[test]
    fn another_algorithm_another_key_and_keys_of_its_own_are_refused() {
        let (signing, verifying) = keys();
        let token = jws::sign_compact(Some("at+jwt"), CLAIMS.as_bytes(), &signing).unwrap();
        let other = keys().1;
        assert_eq!(parse_and_validate(&token, &other, &validation()).unwrap_err(), Rejection::Signature);
        let narrow = Validation { algorithms: Algorithms::of(&[Algorithm::RS256]), ..validation() };
        assert_eq!(
            parse_and_validate(&token, &verifying, &narrow).unwrap_err(),
            Rejection::AlgorithmNotAllowed
        );
        let (_, rest) = token.split_once('.').unwrap();
        let with_header = |header: &str| format!("{}.{rest}", crate::base64url::encode(header.as_bytes()));
        let reason = |header: &str| {
            parse_and_validate(&with_header(header), &verifying, &validation()).unwrap_err().as_str()
        };
        assert_eq!(reason(r#"{"alg":"none"}"#), "alg_none");
        assert_eq!(reason(r#"{"alg":"HS256"}"#), "algorithm_not_allowed");
        assert_eq!(reason(r#"{"alg":"ES256","jwk":{}}"#), "embedded_key");
        assert_eq!(reason(r#"{"alg":"ES256","crit":["x"],"x":1}"#), "unknown_crit");
        assert_eq!(reason(r#"{"alg":"ES256","alg":"ES256"}"#), "duplicate_header_member");
        assert_eq!(reason(r#"{"alg":"XX"}"#), "unknown_algorithm");
        assert_eq!(parse_and_validate("a.b", &verifying, &validation()).unwrap_err().as_str(), "malformed");
        assert_eq!(
            parse_and_validate(&format!("{token}="), &verifying, &validation()).unwrap_err().as_str(),
            "bad_base64"
        );
    }

    #[test]
    fn every_algorithm_signs_and_verifies_and_keys_survive_storage() {
        for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| !algorithm.is_symmetric()) {
            let signing = SigningKey::generate(algorithm).unwrap();
            let again = SigningKey::from_pkcs8(&signing.to_pkcs8().unwrap(), algorithm).unwrap();
            assert_eq!(signing.kid(), again.kid());
            let json = serde_json::to_vec(&signing.public_jwk_value().unwrap()).unwrap();
            let verifying =
                VerifyingKey::from_jwk(&crate::Jwk::from_json(&json).unwrap(), algorithm).unwrap();
            let token = jws::sign_compact(None, b"payload", &again).unwrap();
            let parsed = jws::parse(&token).unwrap();
            assert_eq!(
                parsed.verify(&verifying, Algorithms::of(&[algorithm])).as_deref(),
                Some(&b"payload"[..])
            );
        }
    }
}
