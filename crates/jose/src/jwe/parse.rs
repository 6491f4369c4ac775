//! Taking a compact JWE apart.

use serde_json::{Map, Value};

use super::algorithm::{ContentEncryption, KeyManagement};
use crate::base64url;
use crate::json::{self, JsonFault};
use crate::jwk::Jwk;

/// The longest JWE that is read, in bytes.
pub const LONGEST: usize = 256 * 1024;
/// The longest header, in bytes of base64url.
const LONGEST_HEADER: usize = 8 * 1024;

/// Why a text is no JWE, or none that may be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Malformed {
    /// Longer than allowed.
    #[error("the JWE is too long")]
    TooLong,
    /// Not five parts.
    #[error("the JWE is not header.key.iv.ciphertext.tag")]
    Structure,
    /// A part is no base64url, or not as it must be written.
    #[error("a part of the JWE is no base64url")]
    Base64,
    /// The header is no JSON object, or a member of it is missing or of the wrong kind.
    #[error("the header is no JSON object with members of the right kind")]
    Header,
    /// A member of the header is there twice.
    #[error("a member of the header is there twice")]
    Duplicate,
    /// `alg` names a key management that is not offered.
    #[error("the key management algorithm is not offered")]
    KeyManagement,
    /// `enc` names a content encryption that is not offered.
    #[error("the content encryption is not offered")]
    ContentEncryption,
    /// The plaintext is compressed.
    #[error("compressed content is not taken")]
    Compressed,
    /// `crit` names something that is not understood (RFC 7516 §4.1.13).
    #[error("the header has a critical member that is not understood")]
    Critical,
}

/// The protected header of a JWE (RFC 7516 §4).
#[derive(Clone, Debug)]
pub struct Header {
    /// How the content encryption key is managed.
    pub key_management: KeyManagement,
    /// How the content is encrypted.
    pub content_encryption: ContentEncryption,
    /// Whose key it says it was encrypted to.
    pub kid: Option<Box<str>>,
    /// The media type of the whole.
    pub typ: Option<Box<str>>,
    /// The media type of the content: `JWT` for a nested token (RFC 7519 §5.2).
    pub content_type: Option<Box<str>>,
}

/// A compact JWE taken apart. Nothing of it has been believed.
#[derive(Debug)]
pub struct ParsedJwe<'a> {
    /// The header.
    pub header: Header,
    pub(super) parameters: Parameters,
    /// What is authenticated beside the ciphertext: the header as it was written (RFC 7516 §5.2 step 14).
    pub(super) associated: &'a str,
    pub(super) encrypted_key: Vec<u8>,
    pub(super) iv: Vec<u8>,
    pub(super) ciphertext: Vec<u8>,
    pub(super) tag: Vec<u8>,
}

/// Members of the header that belong to one key management.
#[derive(Debug)]
pub(super) enum Parameters {
    None,
    /// RFC 7518 §4.6.1.
    Agreement(Box<Agreement>),
    /// RFC 7518 §4.7.1.
    Wrap {
        iv: Vec<u8>,
        tag: Vec<u8>,
    },
}

/// RFC 7518 §4.6.1: the sender's key of the day, and what both sides mix in.
#[derive(Debug)]
pub(super) struct Agreement {
    pub(super) ephemeral: Jwk,
    pub(super) party_u: Vec<u8>,
    pub(super) party_v: Vec<u8>,
}

/// Takes a compact JWE apart.
///
/// # Errors
/// [`Malformed`].
pub fn parse(text: &str) -> Result<ParsedJwe<'_>, Malformed> {
    if text.len() > LONGEST {
        return Err(Malformed::TooLong);
    }
    let mut parts = text.split('.');
    let mut part = || parts.next().ok_or(Malformed::Structure);
    let (associated, key, iv, ciphertext, tag) = (part()?, part()?, part()?, part()?, part()?);
    if parts.next().is_some() {
        return Err(Malformed::Structure);
    }
    if associated.len() > LONGEST_HEADER {
        return Err(Malformed::TooLong);
    }
    let octets = |text| base64url::decode(text).ok_or(Malformed::Base64);
    let map = json::object(&octets(associated)?).map_err(|fault| match fault {
        JsonFault::NotAnObject => Malformed::Header,
        JsonFault::Duplicate => Malformed::Duplicate,
    })?;
    let header = Header::read(&map)?;
    Ok(ParsedJwe {
        parameters: Parameters::read(&map, header.key_management)?,
        header,
        associated,
        encrypted_key: octets(key)?,
        iv: octets(iv)?,
        ciphertext: octets(ciphertext)?,
        tag: octets(tag)?,
    })
}

impl Header {
    fn read(map: &Map<String, Value>) -> Result<Self, Malformed> {
        let algorithm = text(map, "alg")?.ok_or(Malformed::Header)?;
        let encryption = text(map, "enc")?.ok_or(Malformed::Header)?;
        if map.contains_key("crit") {
            return Err(Malformed::Critical);
        }
        // RFC 8725 §3.6: a short ciphertext can hold a plaintext without end, and its length tells of its content.
        if map.contains_key("zip") {
            return Err(Malformed::Compressed);
        }
        Ok(Self {
            key_management: algorithm.parse().map_err(|_| Malformed::KeyManagement)?,
            content_encryption: encryption.parse().map_err(|_| Malformed::ContentEncryption)?,
            kid: text(map, "kid")?.map(Box::from),
            typ: text(map, "typ")?.map(Box::from),
            content_type: text(map, "cty")?.map(Box::from),
        })
    }
}

impl Parameters {
    fn read(map: &Map<String, Value>, management: KeyManagement) -> Result<Self, Malformed> {
        let octets = |name| text(map, name)?.map(base64url::decode).ok_or(Malformed::Header);
        let needed = |name| octets(name)?.ok_or(Malformed::Base64);
        let party = |name| if map.contains_key(name) { needed(name) } else { Ok(Vec::new()) };
        match management {
            KeyManagement::EcdhEs | KeyManagement::EcdhEsA128KW | KeyManagement::EcdhEsA256KW => {
                let Some(Value::Object(ephemeral)) = map.get("epk") else { return Err(Malformed::Header) };
                Ok(Self::Agreement(Box::new(Agreement {
                    ephemeral: Jwk::from_map(ephemeral).map_err(|_| Malformed::Header)?,
                    party_u: party("apu")?,
                    party_v: party("apv")?,
                })))
            }
            KeyManagement::A128GCMKW | KeyManagement::A192GCMKW | KeyManagement::A256GCMKW => {
                Ok(Self::Wrap { iv: needed("iv")?, tag: needed("tag")? })
            }
            KeyManagement::Dir
            | KeyManagement::A128KW
            | KeyManagement::A256KW
            | KeyManagement::RsaOaep
            | KeyManagement::RsaOaep256 => Ok(Self::None),
        }
    }
}

fn text<'a>(map: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Malformed> {
    match map.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Malformed::Header),
    }
}
