//! Encrypting content (RFC 7518 §5).

use aws_lc_rs::aead::{self, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey,
    PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::{constant_time, hmac, iv::FixedLength};
use countersign_model::Rng;
use zeroize::Zeroizing;

use super::algorithm::ContentEncryption;

/// Octets of a tag of AES-GCM.
pub(super) const GCM_TAG: usize = 16;

/// What a content encryption makes of a plaintext.
pub(super) struct Sealed {
    pub(super) iv: Vec<u8>,
    pub(super) ciphertext: Vec<u8>,
    pub(super) tag: Vec<u8>,
}

/// The parts of a JWE that are authenticated and decrypted together.
#[derive(Clone, Copy)]
pub(super) struct Opening<'a> {
    pub(super) iv: &'a [u8],
    pub(super) associated: &'a [u8],
    pub(super) ciphertext: &'a [u8],
    pub(super) tag: &'a [u8],
}

pub(super) fn encrypt(
    encryption: ContentEncryption,
    key: &[u8],
    associated: &[u8],
    plaintext: &[u8],
    rng: &dyn Rng,
) -> Result<Sealed, Unspecified> {
    match Cipher::of(encryption) {
        Cipher::Gcm(cipher) => gcm_seal(cipher, key, associated, plaintext, rng),
        Cipher::CbcHmac(composite) => composite.seal(key, associated, plaintext, rng),
    }
}

pub(super) fn decrypt(
    encryption: ContentEncryption,
    key: &[u8],
    sealed: Opening<'_>,
) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
    match Cipher::of(encryption) {
        Cipher::Gcm(cipher) => gcm_open(cipher, key, sealed),
        Cipher::CbcHmac(composite) => composite.open(key, sealed),
    }
}

enum Cipher {
    Gcm(&'static aead::Algorithm),
    CbcHmac(CbcHmac),
}

impl Cipher {
    const fn of(encryption: ContentEncryption) -> Self {
        match encryption {
            ContentEncryption::A128Gcm => Self::Gcm(&aead::AES_128_GCM),
            ContentEncryption::A192Gcm => Self::Gcm(&aead::AES_192_GCM),
            ContentEncryption::A256Gcm => Self::Gcm(&aead::AES_256_GCM),
            ContentEncryption::A128CbcHs256 => {
                Self::CbcHmac(CbcHmac { cipher: &AES_128, hash: hmac::HMAC_SHA256, half: 16 })
            }
            ContentEncryption::A192CbcHs384 => {
                Self::CbcHmac(CbcHmac { cipher: &AES_192, hash: hmac::HMAC_SHA384, half: 24 })
            }
            ContentEncryption::A256CbcHs512 => {
                Self::CbcHmac(CbcHmac { cipher: &AES_256, hash: hmac::HMAC_SHA512, half: 32 })
            }
        }
    }
}

/// RFC 7518 §5.3: a random 96-bit IV, a 128-bit tag.
pub(super) fn gcm_seal(
    cipher: &'static aead::Algorithm,
    key: &[u8],
    associated: &[u8],
    plaintext: &[u8],
    rng: &dyn Rng,
) -> Result<Sealed, Unspecified> {
    let key = LessSafeKey::new(UnboundKey::new(cipher, key)?);
    let iv = rng.bytes::<NONCE_LEN>();
    let mut ciphertext = plaintext.to_vec();
    let nonce = Nonce::assume_unique_for_key(iv);
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from(associated), &mut ciphertext)?;
    Ok(Sealed { iv: iv.to_vec(), ciphertext, tag: tag.as_ref().to_vec() })
}

pub(super) fn gcm_open(
    cipher: &'static aead::Algorithm,
    key: &[u8],
    sealed: Opening<'_>,
) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
    // The library would take a shorter tag for a part of the ciphertext, or refuse; here it has its one length.
    if sealed.tag.len() != GCM_TAG {
        return Err(Unspecified);
    }
    let key = LessSafeKey::new(UnboundKey::new(cipher, key)?);
    let nonce = Nonce::try_assume_unique_for_key(sealed.iv)?;
    let mut text = Zeroizing::new(sealed.ciphertext.to_vec());
    key.open_in_place_separate_tag(nonce, Aad::from(sealed.associated), sealed.tag, &mut text)?;
    Ok(text)
}

/// RFC 7518 §5.2: AES-CBC, then HMAC over everything; the key's first half is the HMAC's.
struct CbcHmac {
    cipher: &'static aws_lc_rs::cipher::Algorithm,
    hash: hmac::Algorithm,
    /// Octets of each half of the key, and of the tag.
    half: usize,
}

impl CbcHmac {
    fn seal(
        &self,
        key: &[u8],
        associated: &[u8],
        plaintext: &[u8],
        rng: &dyn Rng,
    ) -> Result<Sealed, Unspecified> {
        let (mac_key, cipher_key) = self.halves(key)?;
        let iv = rng.bytes::<16>();
        let mut ciphertext = plaintext.to_vec();
        let cipher = PaddedBlockEncryptingKey::cbc_pkcs7(UnboundCipherKey::new(self.cipher, cipher_key)?)?;
        cipher.less_safe_encrypt(&mut ciphertext, EncryptionContext::Iv128(FixedLength::from(&iv)))?;
        let tag = self.tag(mac_key, &[associated, &iv, &ciphertext], associated.len());
        let tag = tag.as_ref().get(..self.half).ok_or(Unspecified)?.to_vec();
        Ok(Sealed { iv: iv.to_vec(), ciphertext, tag })
    }

    /// The tag comes first: nothing of the padding is looked at before it is known to be the sender's.
    fn open(&self, key: &[u8], sealed: Opening<'_>) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
        let (mac_key, cipher_key) = self.halves(key)?;
        let iv: [u8; 16] = sealed.iv.try_into().map_err(|_| Unspecified)?;
        let whole = self.tag(mac_key, &[sealed.associated, &iv, sealed.ciphertext], sealed.associated.len());
        let wanted = whole.as_ref().get(..self.half).ok_or(Unspecified)?;
        constant_time::verify_slices_are_equal(wanted, sealed.tag)?;
        let cipher = PaddedBlockDecryptingKey::cbc_pkcs7(UnboundCipherKey::new(self.cipher, cipher_key)?)?;
        let mut text = Zeroizing::new(sealed.ciphertext.to_vec());
        let length = cipher.decrypt(&mut text, DecryptionContext::Iv128(FixedLength::from(iv)))?.len();
        text.truncate(length);
        Ok(text)
    }

    fn halves<'k>(&self, key: &'k [u8]) -> Result<(&'k [u8], &'k [u8]), Unspecified> {
        let (mac_key, cipher_key) = key.split_at_checked(self.half).ok_or(Unspecified)?;
        if cipher_key.len() == self.half { Ok((mac_key, cipher_key)) } else { Err(Unspecified) }
    }

    fn tag(&self, key: &[u8], parts: &[&[u8]], associated: usize) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&hmac::Key::new(self.hash, key));
        for part in parts {
            context.update(part);
        }
        // AL: the associated data's length in bits, in 64 bits.
        context.update(&(associated as u64 * 8).to_be_bytes());
        context.sign()
    }
}
