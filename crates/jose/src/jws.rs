//! Compact JWS (RFC 7515 §7.1).

use serde_json::{Map, Value};

use crate::algorithm::{Algorithm, Algorithms};
use crate::base64url;
use crate::json::{self, JsonFault};
use crate::signing::{InvalidKey, SigningKey};
use crate::verifying::VerifyingKey;

/// The longest token that is read, in bytes, unless the caller says less.
pub const LONGEST: usize = 64 * 1024;
/// The longest header, in bytes of base64url.
const LONGEST_HEADER: usize = 8 * 1024;

/// Why a text is no JWS, or none that may be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Malformed {
    /// Longer than allowed.
    #[error("the token is too long")]
    TooLong,
    /// Not three parts.
    #[error("the token is not header.payload.signature")]
    Structure,
    /// A part is no base64url, or not as it must be written.
    #[error("a part of the token is no base64url")]
    Base64,
    /// The header is no JSON object, or a member of it is of the wrong kind.
    #[error("the header is no JSON object with members of the right kind")]
    Header,
    /// A member of the header is there twice.
    #[error("a member of the header is there twice")]
    Duplicate,
    /// `alg` is `none` (RFC 8725 §3.2).
    #[error("the token is not signed")]
    None,
    /// `alg` names an algorithm that is not offered.
    #[error("the algorithm is not offered")]
    Algorithm,
    /// `crit` names something that is not understood (RFC 7515 §4.1.11).
    #[error("the header has a critical member that is not understood")]
    Critical,
}

/// The protected header: what the token says of itself. Only `kid` and `typ` are used to choose, among what is trusted.
#[derive(Clone, Debug)]
pub struct Header {
    /// The algorithm it says it was signed with.
    pub algorithm: Algorithm,
    /// Which key it says signed it.
    pub kid: Option<Box<str>>,
    /// The media type of the whole (RFC 7515 §4.1.9).
    pub typ: Option<Box<str>>,
    /// Whether it brings or points to a key of its own: `jwk`, `jku`, `x5c`, `x5u`. Never used (RFC 8725 §3.10).
    pub has_embedded_key: bool,
}

/// A compact JWS taken apart. Nothing of it has been believed.
#[derive(Debug)]
pub struct ParsedJws<'a> {
    /// The header.
    pub header: Header,
    signing_input: &'a str,
    payload: &'a str,
    signature: Vec<u8>,
}

/// Takes a compact JWS apart.
///
/// # Errors
/// [`Malformed`].
pub fn parse(token: &str) -> Result<ParsedJws<'_>, Malformed> {
    if token.len() > LONGEST {
        return Err(Malformed::TooLong);
    }
    let (signing_input, signature) = token.rsplit_once('.').ok_or(Malformed::Structure)?;
    let (header, payload) = signing_input.split_once('.').ok_or(Malformed::Structure)?;
    if payload.contains('.') {
        return Err(Malformed::Structure);
    }
    if header.len() > LONGEST_HEADER {
        return Err(Malformed::TooLong);
    }
    let header = base64url::decode(header).ok_or(Malformed::Base64)?;
    let header = Header::read(&header)?;
    let signature = base64url::decode(signature).ok_or(Malformed::Base64)?;
    Ok(ParsedJws { header, signing_input, payload, signature })
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let map = json::object(bytes).map_err(|fault| match fault {
            JsonFault::NotAnObject => Malformed::Header,
            JsonFault::Duplicate => Malformed::Duplicate,
        })?;
        let algorithm = text(&map, "alg")?.ok_or(Malformed::Header)?;
        if algorithm.eq_ignore_ascii_case("none") {
            return Err(Malformed::None);
        }
        let algorithm = algorithm.parse().map_err(|_| Malformed::Algorithm)?;
        // RFC 7515 §4.1.11: whoever does not understand a critical member must refuse. None is understood here, so
        // neither is `b64` (RFC 7797).
        if map.contains_key("crit") || map.contains_key("b64") {
            return Err(Malformed::Critical);
        }
        Ok(Self {
            algorithm,
            kid: text(&map, "kid")?.map(Box::from),
            typ: text(&map, "typ")?.map(Box::from),
            has_embedded_key: ["jwk", "jku", "x5c", "x5u"].iter().any(|name| map.contains_key(*name)),
        })
    }

    /// Whether `typ` is this media type: compared without case, and `application/` may be left out (RFC 7515 §4.1.9).
    #[must_use]
    pub fn is_type(&self, wanted: &str) -> bool {
        self.typ.as_deref().is_some_and(|typ| bare(typ).eq_ignore_ascii_case(bare(wanted)))
    }
}

fn bare(typ: &str) -> &str {
    match typ.split_at_checked("application/".len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case("application/") && !rest.contains('/') => rest,
        _ => typ,
    }
}

impl ParsedJws<'_> {
    /// The payload, if the key made the signature and its algorithm is both the header's and allowed.
    #[must_use]
    pub fn verify(&self, key: &VerifyingKey, allowed: Algorithms) -> Option<Vec<u8>> {
        let algorithm = key.algorithm();
        if algorithm != self.header.algorithm || !allowed.contains(algorithm) {
            return None;
        }
        if !key.verify(self.signing_input.as_bytes(), &self.signature) {
            return None;
        }
        base64url::decode(self.payload)
    }

    /// The payload as it stands, for showing to somebody who knows that nobody vouches for it.
    #[must_use]
    pub fn dangerous_unverified_payload(&self) -> Option<Vec<u8>> {
        base64url::decode(self.payload)
    }
}

/// Signs a payload as a compact JWS whose header is `alg`, `kid` and, if given, `typ`.
///
/// # Errors
/// When the key can't sign.
pub fn sign_compact(typ: Option<&str>, payload: &[u8], key: &SigningKey) -> Result<String, InvalidKey> {
    let mut header = Map::new();
    header.insert("alg".to_owned(), Value::from(key.algorithm().as_str()));
    header.insert("kid".to_owned(), Value::from(key.kid().as_str()));
    if let Some(typ) = typ {
        header.insert("typ".to_owned(), Value::from(typ));
    }
    let header = serde_json::to_vec(&header).map_err(|_| InvalidKey(key.algorithm()))?;
    // RFC 7515 §5.1: BASE64URL(header) || '.' || BASE64URL(payload), signed, and the signature appended.
    let mut token = String::with_capacity((header.len() + payload.len()) * 4 / 3 + 100);
    base64url::encode_onto(&header, &mut token);
    token.push('.');
    base64url::encode_onto(payload, &mut token);
    let signature = key.sign(token.as_bytes())?;
    token.push('.');
    base64url::encode_onto(&signature, &mut token);
    Ok(token)
}

fn text<'a>(map: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Malformed> {
    match map.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Malformed::Header),
    }
}
