//! Compact JWS (RFC 7515 §7.1).

use crate::algorithm::Algorithms;
use crate::base64url;
pub use crate::header::Header;
use crate::json;
use crate::jwk::{InvalidJwk, Jwk};
pub use crate::malformed::Malformed;
use crate::signing::{InvalidKey, SigningKey};
use crate::verifying::VerifyingKey;

/// The longest token that is read, in bytes, unless the caller says less.
pub const LONGEST: usize = 64 * 1024;
/// The longest header, in bytes of base64url.
const LONGEST_HEADER: usize = 8 * 1024;

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
    parse_within(token, LONGEST)
}

/// As [`parse`], for a caller who takes no token longer than this many bytes.
///
/// # Errors
/// [`Malformed`].
pub fn parse_within(token: &str, longest: usize) -> Result<ParsedJws<'_>, Malformed> {
    if token.len() > longest.min(LONGEST) {
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

impl ParsedJws<'_> {
    /// The payload, if the key made the signature and its algorithm is both the header's and allowed.
    #[must_use]
    pub fn verify(&self, key: &VerifyingKey, allowed: Algorithms) -> Option<Vec<u8>> {
        if self.is_signed_by(key, allowed) { base64url::decode(self.payload) } else { None }
    }

    /// Whether the key made the signature, and its algorithm is both the header's and allowed.
    #[must_use]
    pub fn is_signed_by(&self, key: &VerifyingKey, allowed: Algorithms) -> bool {
        let algorithm = key.algorithm();
        algorithm == self.header.algorithm
            && allowed.contains(algorithm)
            && key.verify(self.signing_input.as_bytes(), &self.signature)
    }

    /// The public key that the header brings along (`jwk`, RFC 7515 §4.1.3). A signature it verifies proves that its
    /// sender holds the private half, and nothing else: whoever asks must know the key from elsewhere (RFC 8725 §3.10).
    ///
    /// # Errors
    /// There is none, it is secret or private, or the header points to further keys or certificates.
    pub fn dangerous_embedded_jwk(&self) -> Result<Jwk, InvalidJwk> {
        const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
        let (header, _) = self.signing_input.split_once('.').ok_or(InvalidJwk::Json)?;
        let header = base64url::decode(header).ok_or(InvalidJwk::Json)?;
        let header = json::object(&header).map_err(|_| InvalidJwk::Json)?;
        if ["jku", "x5c", "x5u"].iter().any(|name| header.contains_key(*name)) {
            return Err(InvalidJwk::Mixed);
        }
        let jwk = header.get("jwk").and_then(serde_json::Value::as_object);
        let jwk = jwk.ok_or(InvalidJwk::Member("jwk"))?;
        if PRIVATE.iter().any(|name| jwk.contains_key(*name)) {
            return Err(InvalidJwk::WrongUse);
        }
        Jwk::from_map(jwk)
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
    let header = key.header(typ);
    // RFC 7515 §5.1: BASE64URL(header) || '.' || BASE64URL(payload), signed, and the signature appended.
    let mut token = String::with_capacity((header.len() + payload.len() + key.signature_size()) * 4 / 3 + 6);
    base64url::encode_onto(header.as_bytes(), &mut token);
    token.push('.');
    base64url::encode_onto(payload, &mut token);
    let signature = key.sign(token.as_bytes())?;
    token.push('.');
    base64url::encode_onto(&signature, &mut token);
    Ok(token)
}
