//! Encrypting (RFC 7516 §5.1).

use aws_lc_rs::agreement::PrivateKey;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::key_wrap::KeyWrap as _;
use countersign_model::Rng;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::agreement::{Party, Purpose, agree};
use super::algorithm::{ContentEncryption, KeyManagement};
use super::content;
use super::decrypt::{kek, oaep, wrapping_cipher};
use super::keys::{EncryptionKey, PublicHalf};
use crate::base64url;

/// Nothing was encrypted: the key does not fit the content encryption, or is no point of its curve.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the key can't be used to encrypt so")]
pub struct CannotEncrypt;

impl From<Unspecified> for CannotEncrypt {
    fn from(_: Unspecified) -> Self {
        Self
    }
}

/// The content encryption key, how it is sent, and what the header says of that.
struct Managed {
    content_key: Zeroizing<Vec<u8>>,
    encrypted_key: Vec<u8>,
    members: Vec<(&'static str, Value)>,
}

/// Encrypts to one recipient. `content_type` is `JWT` for a nested token (RFC 7519 §5.2).
///
/// # Errors
/// [`CannotEncrypt`].
pub fn encrypt_compact(
    content_type: Option<&str>,
    plaintext: &[u8],
    key: &EncryptionKey,
    encryption: ContentEncryption,
    rng: &dyn Rng,
) -> Result<String, CannotEncrypt> {
    let managed = manage(key, encryption, rng)?;
    let mut header = Map::new();
    header.insert("alg".to_owned(), key.management.as_str().into());
    header.insert("enc".to_owned(), encryption.as_str().into());
    if let Some(kid) = &key.kid {
        header.insert("kid".to_owned(), kid.as_str().into());
    }
    if let Some(content_type) = content_type {
        header.insert("cty".to_owned(), content_type.into());
    }
    header.extend(managed.members.into_iter().map(|(name, value)| (name.to_owned(), value)));
    let mut text = base64url::encode(Value::Object(header).to_string().as_bytes());
    let sealed = content::encrypt(encryption, &managed.content_key, text.as_bytes(), plaintext, rng)?;
    for part in [&managed.encrypted_key, &sealed.iv, &sealed.ciphertext, &sealed.tag] {
        text.push('.');
        base64url::encode_onto(part, &mut text);
    }
    Ok(text)
}

fn manage(
    key: &EncryptionKey,
    encryption: ContentEncryption,
    rng: &dyn Rng,
) -> Result<Managed, CannotEncrypt> {
    let fresh = || {
        let mut key = Zeroizing::new(vec![0; encryption.key_size()]);
        rng.fill(&mut key);
        key
    };
    match (&key.key, key.management) {
        (PublicHalf::Secret(secret), KeyManagement::Dir) => {
            if secret.expose().len() != encryption.key_size() {
                return Err(CannotEncrypt);
            }
            let content_key = Zeroizing::new(secret.expose().clone());
            Ok(Managed { content_key, encrypted_key: Vec::new(), members: Vec::new() })
        }
        (PublicHalf::Secret(secret), KeyManagement::A128KW | KeyManagement::A256KW) => {
            wrapped(secret.expose(), fresh(), Vec::new())
        }
        (PublicHalf::Secret(secret), management) => {
            let cipher = wrapping_cipher(management).ok_or(CannotEncrypt)?;
            let content_key = fresh();
            let sealed = content::gcm_seal(cipher, secret.expose(), &[], &content_key, rng)?;
            let member = |octets: &[u8]| Value::from(base64url::encode(octets));
            let members = vec![("iv", member(&sealed.iv)), ("tag", member(&sealed.tag))];
            Ok(Managed { content_key, encrypted_key: sealed.ciphertext, members })
        }
        (PublicHalf::Rsa(public), management) => {
            let content_key = fresh();
            let mut encrypted_key = vec![0; public.ciphertext_size()];
            public.encrypt(oaep(management).ok_or(CannotEncrypt)?, &content_key, &mut encrypted_key, None)?;
            Ok(Managed { content_key, encrypted_key, members: Vec::new() })
        }
        (PublicHalf::Agreement(other), management) => {
            // RFC 7518 §4.6: a new key of our own each time; it comes from the cryptography library.
            let own = PrivateKey::generate(other.curve)?;
            let purpose = Purpose { management, encryption, party_u: &[], party_v: &[] };
            let agreed = agree(&own, other, &purpose)?;
            let members = vec![("epk", Party::material(&own)?.public().ok_or(CannotEncrypt)?)];
            if management == KeyManagement::EcdhEs {
                return Ok(Managed { content_key: agreed, encrypted_key: Vec::new(), members });
            }
            wrapped(&agreed, fresh(), members)
        }
    }
}

fn wrapped(
    wrapping: &[u8],
    content_key: Zeroizing<Vec<u8>>,
    members: Vec<(&'static str, Value)>,
) -> Result<Managed, CannotEncrypt> {
    let mut encrypted_key = vec![0; content_key.len() + 8];
    kek(wrapping)?.wrap(&content_key, &mut encrypted_key)?;
    Ok(Managed { content_key, encrypted_key, members })
}
