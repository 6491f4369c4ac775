//! Decrypting (RFC 7516 §5.2).

use aws_lc_rs::aead;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::key_wrap::{self, AesKek, KeyWrap as _};
use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPrivateDecryptingKey};
use countersign_model::SecretBytes;
use zeroize::Zeroizing;

use super::agreement::{Party, Purpose, agree};
use super::algorithm::{ContentEncryption, KeyManagement};
use super::content::{self, Opening};
use super::keys::{DecryptionKey, PrivateHalf};
use super::parse::{Agreement, Parameters, ParsedJwe};

/// A JWE was not decrypted. What exactly failed is told nobody (RFC 7516 §11.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Undecryptable {
    /// Its algorithms are not the key's, or not among those that are taken.
    #[error("the algorithms of the JWE are not allowed")]
    NotAllowed,
    /// It was not made for this key, or was changed.
    #[error("the JWE can't be decrypted")]
    Failed,
}

impl ParsedJwe<'_> {
    /// The plaintext, if it was encrypted to this key in one of these ways.
    ///
    /// # Errors
    /// [`Undecryptable`].
    pub fn decrypt(
        &self,
        key: &DecryptionKey,
        allowed: &[ContentEncryption],
    ) -> Result<SecretBytes, Undecryptable> {
        let encryption = self.header.content_encryption;
        if key.management != self.header.key_management || !allowed.contains(&encryption) {
            return Err(Undecryptable::NotAllowed);
        }
        let content_key = self.content_key(key).map_err(|Unspecified| Undecryptable::Failed)?;
        if content_key.len() != encryption.key_size() {
            return Err(Undecryptable::Failed);
        }
        let sealed = Opening {
            iv: &self.iv,
            associated: self.associated.as_bytes(),
            ciphertext: &self.ciphertext,
            tag: &self.tag,
        };
        let plaintext = content::decrypt(encryption, &content_key, sealed);
        let mut plaintext = plaintext.map_err(|Unspecified| Undecryptable::Failed)?;
        Ok(SecretBytes::new(std::mem::take(&mut *plaintext)))
    }

    fn content_key(&self, key: &DecryptionKey) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
        match (&key.key, key.management, &self.parameters) {
            (PrivateHalf::Secret(secret), KeyManagement::Dir, _) => {
                self.no_encrypted_key()?;
                Ok(Zeroizing::new(secret.expose().clone()))
            }
            (PrivateHalf::Secret(secret), KeyManagement::A128KW | KeyManagement::A256KW, _) => {
                unwrap(secret.expose(), &self.encrypted_key)
            }
            (PrivateHalf::Secret(secret), management, Parameters::Wrap { iv, tag }) => {
                // RFC 7518 §4.7: nothing is authenticated beside the key.
                let sealed = Opening { iv, associated: &[], ciphertext: &self.encrypted_key, tag };
                content::gcm_open(wrapping_cipher(management).ok_or(Unspecified)?, secret.expose(), sealed)
            }
            (PrivateHalf::Rsa(own), management, _) => {
                let oaep = oaep(management).ok_or(Unspecified)?;
                oaep_decrypt(own, oaep, &self.encrypted_key, self.header.content_encryption)
            }
            (PrivateHalf::Agreement(own), management, Parameters::Agreement(parameters)) => {
                let Agreement { ephemeral, party_u, party_v } = &**parameters;
                let encryption = self.header.content_encryption;
                let purpose = Purpose { management, encryption, party_u, party_v };
                let other = Party::of(ephemeral).ok_or(Unspecified)?;
                let agreed = agree(own, &other, &purpose)?;
                if management == KeyManagement::EcdhEs {
                    self.no_encrypted_key()?;
                    return Ok(agreed);
                }
                unwrap(&agreed, &self.encrypted_key)
            }
            _ => Err(Unspecified),
        }
    }

    /// RFC 7516 §5.2 step 10: where the key is agreed or known, none may be sent.
    fn no_encrypted_key(&self) -> Result<(), Unspecified> {
        if self.encrypted_key.is_empty() { Ok(()) } else { Err(Unspecified) }
    }
}

/// RFC 7518 §4.4.
fn unwrap(wrapping: &[u8], wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
    let mut key = Zeroizing::new(vec![0; wrapped.len()]);
    let length = kek(wrapping)?.unwrap(wrapped, &mut key)?.len();
    key.truncate(length);
    Ok(key)
}

pub(super) fn kek(key: &[u8]) -> Result<AesKek, Unspecified> {
    AesKek::new(if key.len() == 16 { &key_wrap::AES_128 } else { &key_wrap::AES_256 }, key)
}

pub(super) const fn wrapping_cipher(management: KeyManagement) -> Option<&'static aead::Algorithm> {
    match management {
        KeyManagement::A128GCMKW => Some(&aead::AES_128_GCM),
        KeyManagement::A192GCMKW => Some(&aead::AES_192_GCM),
        KeyManagement::A256GCMKW => Some(&aead::AES_256_GCM),
        KeyManagement::Dir
        | KeyManagement::A128KW
        | KeyManagement::A256KW
        | KeyManagement::RsaOaep
        | KeyManagement::RsaOaep256
        | KeyManagement::EcdhEs
        | KeyManagement::EcdhEsA128KW
        | KeyManagement::EcdhEsA256KW => None,
    }
}

/// RFC 7518 §4.3.
pub(super) const fn oaep(management: KeyManagement) -> Option<&'static OaepAlgorithm> {
    match management {
        KeyManagement::RsaOaep => Some(&OAEP_SHA1_MGF1SHA1),
        KeyManagement::RsaOaep256 => Some(&OAEP_SHA256_MGF1SHA256),
        KeyManagement::Dir
        | KeyManagement::A128KW
        | KeyManagement::A256KW
        | KeyManagement::A128GCMKW
        | KeyManagement::A192GCMKW
        | KeyManagement::A256GCMKW
        | KeyManagement::EcdhEs
        | KeyManagement::EcdhEsA128KW
        | KeyManagement::EcdhEsA256KW => None,
    }
}

/// RFC 7516 §11.5: when it fails or the size is wrong, a random key goes on in its place, so that the sender learns
/// nothing from where it fails.
fn oaep_decrypt(
    own: &OaepPrivateDecryptingKey,
    oaep: &'static OaepAlgorithm,
    encrypted: &[u8],
    encryption: ContentEncryption,
) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
    let mut substitute = Zeroizing::new(vec![0; encryption.key_size()]);
    aws_lc_rs::rand::fill(&mut substitute)?;
    let mut key = Zeroizing::new(vec![0; own.min_output_size()]);
    let length = own.decrypt(oaep, encrypted, &mut key, None).map_or(0, |key| key.len());
    key.truncate(length);
    Ok(if length == encryption.key_size() { key } else { substitute })
}
