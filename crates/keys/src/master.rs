//! The master key: everything secret at rest is sealed under it, with AES-256-GCM (NIST SP 800-38D).
//!
//! Sealed: a version byte, the master key's id, the nonce, then ciphertext and tag. Version, id and the name under which
//! the thing is kept are authenticated too, so that nothing sealed can be put in another's place.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, hmac};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use countersign_model::{Rng, SecretBytes, SecretString};
use zeroize::{Zeroize as _, Zeroizing};

/// Length of a master key in bytes.
const LENGTH: usize = 32;
const VERSION: u8 = 1;
const ID_LENGTH: usize = 8;
const PREFIX: usize = 1 + ID_LENGTH;

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const BASE64URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// The key that seals all others. It lives in a file or in the environment, never in the database.
#[derive(Clone)]
pub struct MasterKey {
    bytes: SecretBytes,
    cipher: std::sync::Arc<LessSafeKey>,
    id: [u8; ID_LENGTH],
}

/// What was given is no master key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "a master key is 32 random bytes, as they are or written in base64 or hexadecimal; \
     `openssl rand -base64 32` makes one"
)]
pub struct InvalidMasterKey;

/// Something could not be sealed: the cryptography library refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("it could not be sealed under the master key")]
pub struct SealError;

/// Something sealed can't be opened.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum OpenError {
    /// It was sealed under another master key.
    #[error(
        "`{name}` was sealed under the master key with the id {sealed_under}, but the one given has the id {given}: \
         give the former (the file keys.master_key_file, or the variable COUNTERSIGN_MASTER_KEY), or restore it \
         from its backup; without it what it sealed is lost, and a new data directory is the only way on"
    )]
    WrongMasterKey {
        /// What was to be opened.
        name: Box<str>,
        /// Id of the key that can open it.
        sealed_under: Box<str>,
        /// Id of the key that was given.
        given: Box<str>,
    },
    /// It was changed, cut short, or put in another's place.
    #[error("`{name}` in the database was damaged or exchanged: restore the database from a backup")]
    Damaged {
        /// What was to be opened.
        name: Box<str>,
    },
    /// Sealed in a form of a later version of this program.
    #[error("`{name}` was sealed by a newer version of Countersign: use that version")]
    Newer {
        /// What was to be opened.
        name: Box<str>,
    },
}

impl MasterKey {
    /// Makes a fresh one.
    ///
    /// # Errors
    /// Never with a working cryptography library.
    pub fn generate(rng: &dyn Rng) -> Result<Self, InvalidMasterKey> {
        Self::from_bytes(Zeroizing::new(rng.bytes::<LENGTH>()).as_slice())
    }

    /// Takes what a file holds: the 32 bytes as they are, or as [`MasterKey::from_text`].
    ///
    /// # Errors
    /// [`InvalidMasterKey`], which says how to make one.
    pub fn from_file_content(content: &SecretBytes) -> Result<Self, InvalidMasterKey> {
        let content = content.expose();
        if content.len() == LENGTH {
            return Self::from_bytes(content);
        }
        Self::read(std::str::from_utf8(content).map_err(|_| InvalidMasterKey)?)
    }

    /// Reads one written in base64, base64url or hexadecimal; white space around it doesn't count.
    ///
    /// # Errors
    /// [`InvalidMasterKey`], which says how to make one.
    pub fn from_text(text: &SecretString) -> Result<Self, InvalidMasterKey> {
        Self::read(text.expose())
    }

    fn read(text: &str) -> Result<Self, InvalidMasterKey> {
        let text = text.trim();
        let bytes = if text.len() == 2 * LENGTH { hexadecimal(text) } else { None }
            .or_else(|| BASE64.decode(text).ok().map(Zeroizing::new))
            .or_else(|| BASE64URL.decode(text).ok().map(Zeroizing::new))
            .ok_or(InvalidMasterKey)?;
        Self::from_bytes(&bytes)
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidMasterKey> {
        // It takes 32 bytes, no more and no less.
        let key = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| InvalidMasterKey)?;
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bytes), b"countersign master key id");
        let mut id = [0; ID_LENGTH];
        for (to, from) in id.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        let cipher = std::sync::Arc::new(LessSafeKey::new(key));
        Ok(Self { bytes: SecretBytes::new(bytes.to_vec()), cipher, id })
    }

    /// The key written in base64, for its file (mode 600).
    #[must_use]
    pub fn to_text(&self) -> SecretString {
        SecretString::new(base64::engine::general_purpose::STANDARD.encode(self.bytes.expose()))
    }

    /// Which master key it is; tells nothing of the key itself.
    #[must_use]
    pub fn id(&self) -> String {
        hex(&self.id)
    }

    /// Another key, for a purpose of its own: whoever has it learns nothing of this one (HKDF, RFC 5869).
    #[must_use]
    pub fn derive(&self, purpose: &str) -> Option<SecretBytes> {
        let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(self.bytes.expose());
        let mut derived = Zeroizing::new([0; LENGTH]);
        let purpose = [purpose.as_bytes()];
        extracted.expand(&purpose, hkdf::HKDF_SHA256).ok()?.fill(derived.as_mut_slice()).ok()?;
        Some(SecretBytes::new(derived.to_vec()))
    }

    /// Seals something under its name. The same name must be given to open it.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal(&self, name: &str, plaintext: &[u8], rng: &dyn Rng) -> Result<Vec<u8>, SealError> {
        let mut sealed = Vec::with_capacity(PREFIX + NONCE_LEN + plaintext.len() + AES_256_GCM.tag_len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.id);
        let nonce = rng.bytes::<NONCE_LEN>();
        sealed.extend_from_slice(&nonce);
        let mut body = plaintext.to_vec();
        let aad = Aad::from(associated(VERSION, &self.id, name));
        let outcome =
            self.cipher.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut body);
        if outcome.is_err() {
            body.zeroize();
            return Err(SealError);
        }
        sealed.extend_from_slice(&body);
        Ok(sealed)
    }

    /// Opens what was sealed under this name.
    ///
    /// # Errors
    /// [`OpenError`], which says what to do.
    pub fn open(&self, name: &str, sealed: &[u8]) -> Result<SecretBytes, OpenError> {
        let damaged = || OpenError::Damaged { name: name.into() };
        let (version, rest) = sealed.split_first().ok_or_else(damaged)?;
        if *version > VERSION {
            return Err(OpenError::Newer { name: name.into() });
        }
        let (id, rest) = rest.split_at_checked(ID_LENGTH).ok_or_else(damaged)?;
        if *version != VERSION {
            return Err(damaged());
        }
        if id != self.id {
            return Err(OpenError::WrongMasterKey {
                name: name.into(),
                sealed_under: hex(id).into(),
                given: self.id().into(),
            });
        }
        let (nonce, body) = rest.split_at_checked(NONCE_LEN).ok_or_else(damaged)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| damaged())?;
        let aad = Aad::from(associated(VERSION, &self.id, name));
        let mut body = Zeroizing::new(body.to_vec());
        let plaintext = self.cipher.open_in_place(nonce, aad, &mut body).map_err(|_| damaged())?;
        Ok(SecretBytes::new(plaintext.to_vec()))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.id())
    }
}

/// What is authenticated beside the plaintext. Version and id have a fixed length, so the name can't run into them.
fn associated(version: u8, id: &[u8; ID_LENGTH], name: &str) -> Vec<u8> {
    [&[version][..], id, name.as_bytes()].concat()
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn hexadecimal(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c.to_digit(16)?).ok()).collect();
    let digits = Zeroizing::new(digits?);
    let bytes = digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit));
    Some(Zeroizing::new(bytes.collect()))
}

#[cfg(test)]
mod tests {
    use countersign_model::SystemRng;

    use super::*;

    #[test]
    fn a_master_key_is_read_as_bytes_base64_base64url_and_hexadecimal() {
        let bytes: Vec<u8> = (0..32).map(|n| n * 8 + 3).collect();
        let content = |bytes: &[u8]| MasterKey::from_file_content(&SecretBytes::new(bytes.to_vec()));
        let text_of = |text: &str| MasterKey::from_text(&SecretString::from(text));
        let wanted = content(&bytes).unwrap();
        let hexadecimal = hex(&bytes);
        let base64 = base64::engine::general_purpose::STANDARD.encode(&bytes);
        let base64url = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&bytes);
        for text in [hexadecimal.to_uppercase(), hexadecimal, format!(" {base64}\r\n"), base64url] {
            assert_eq!(text_of(&text).unwrap().id(), wanted.id(), "{text}");
            assert_eq!(content(text.as_bytes()).unwrap().id(), wanted.id(), "{text}");
        }
        assert_eq!(MasterKey::from_text(&wanted.to_text()).unwrap().id(), wanted.id());
        for wrong in ["", "short", &"a".repeat(63), &"a".repeat(65), &"?".repeat(64)] {
            assert_eq!(text_of(wrong).unwrap_err(), InvalidMasterKey, "{wrong}");
        }
    }

    #[test]
    fn what_is_sealed_opens_under_its_name_and_key_only() {
        let key = MasterKey::generate(&SystemRng).unwrap();
        let sealed = key.seal("a", b"private", &SystemRng).unwrap();
        assert_eq!(key.open("a", &sealed).unwrap().expose(), b"private");
        assert_ne!(sealed, key.seal("a", b"private", &SystemRng).unwrap());
        assert_eq!(key.open("b", &sealed).unwrap_err(), OpenError::Damaged { name: "b".into() });
        let other = MasterKey::generate(&SystemRng).unwrap();
        let error = other.open("a", &sealed).unwrap_err();
        assert!(matches!(&error, OpenError::WrongMasterKey { sealed_under, given, .. }
            if **sealed_under == *key.id() && **given == *other.id()));
        assert!(error.to_string().contains("COUNTERSIGN_MASTER_KEY"));
        assert!(!format!("{key:?}").contains(key.to_text().expose().as_str()));
    }

    #[test]
    fn each_purpose_has_its_key_and_each_master_key_others() {
        let (one, other) =
            (MasterKey::generate(&SystemRng).unwrap(), MasterKey::generate(&SystemRng).unwrap());
        let derived = one.derive("a").unwrap();
        assert_eq!(derived.expose(), one.clone().derive("a").unwrap().expose());
        assert_eq!(derived.expose().len(), LENGTH);
        for wrong in [one.derive("b"), other.derive("a")] {
            assert_ne!(derived.expose(), wrong.unwrap().expose());
        }
    }

    #[test]
    fn no_byte_of_what_is_sealed_can_change_and_none_can_be_missing() {
        let key = MasterKey::generate(&SystemRng).unwrap();
        let sealed = key.seal("a", b"private", &SystemRng).unwrap();
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut changed = sealed.clone();
                changed[at] ^= 1 << bit;
                assert!(key.open("a", &changed).is_err(), "byte {at} bit {bit}");
            }
            assert!(key.open("a", &sealed[..at]).is_err(), "cut at {at}");
        }
        let mut longer = sealed.clone();
        longer.push(0);
        assert!(key.open("a", &longer).is_err());
        let mut newer = sealed;
        newer[0] = 2;
        assert_eq!(key.open("a", &newer).unwrap_err(), OpenError::Newer { name: "a".into() });
    }
}
