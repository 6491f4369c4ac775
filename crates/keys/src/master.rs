//! The master key: what seals everything secret at rest, and is never in the database.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use countersign_model::{Rng, SecretBytes, SecretString};

use crate::error::OpenError;

/// The first byte of everything sealed.
const VERSION: u8 = 1;
/// How many bytes of a hash name the master key.
const ID_LEN: usize = 8;
const KEY_LEN: usize = 32;

/// 256 bits under which AES-256-GCM seals.
pub struct MasterKey {
    secret: SecretBytes,
    key: LessSafeKey,
    id: [u8; ID_LEN],
}

/// The text is no master key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a master key is 32 random bytes in base64 or hexadecimal, such as `openssl rand -base64 32` makes")]
pub struct InvalidMasterKey;

impl MasterKey {
    /// Makes a new one.
    ///
    /// # Errors
    /// Never with a working cryptography library.
    pub fn generate(rng: &dyn Rng) -> Result<Self, InvalidMasterKey> {
        Self::from_bytes(rng.bytes::<KEY_LEN>().to_vec())
    }

    /// Reads one from a file's or a variable's text: 32 bytes in base64, base64url or hexadecimal.
    ///
    /// # Errors
    /// [`InvalidMasterKey`], which says how to make one.
    pub fn from_text(text: &SecretString) -> Result<Self, InvalidMasterKey> {
        let text = text.expose().trim();
        let bytes = if text.len() == 2 * KEY_LEN { hexadecimal(text) } else { base64(text) };
        Self::from_bytes(bytes.ok_or(InvalidMasterKey)?)
    }

    fn from_bytes(bytes: Vec<u8>) -> Result<Self, InvalidMasterKey> {
        let unbound = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| InvalidMasterKey)?;
        let hash = digest::digest(&digest::SHA256, &[b"countersign master key".as_slice(), &bytes].concat());
        let mut id = [0; ID_LEN];
        for (to, from) in id.iter_mut().zip(hash.as_ref()) {
            *to = *from;
        }
        Ok(Self { secret: SecretBytes::new(bytes), key: LessSafeKey::new(unbound), id })
    }

    /// The key as base64, for its file.
    #[must_use]
    pub fn to_text(&self) -> SecretString {
        SecretString::new(STANDARD.encode(self.secret.expose()))
    }

    /// Seals a secret under its name: it opens only under the same name.
    ///
    /// The form is version, master key id, nonce, ciphertext with tag. Nonces are random: 2³² seals under one master
    /// key are safe (NIST SP 800-38D §8.3), and a store holds some thousands.
    ///
    /// # Errors
    /// Never with a working cryptography library.
    pub fn seal(&self, name: &str, secret: &[u8], rng: &dyn Rng) -> Result<Vec<u8>, OpenError> {
        let nonce = rng.bytes::<NONCE_LEN>();
        let mut sealed = secret.to_vec();
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), self.bound_to(name), &mut sealed)
            .map_err(|_| OpenError::Damaged { name: name.to_owned() })?;
        Ok([&[VERSION], self.id.as_slice(), nonce.as_slice(), sealed.as_slice()].concat())
    }

    /// Opens what [`MasterKey::seal`] sealed under this name.
    ///
    /// # Errors
    /// [`OpenError`]: another master key, or damage.
    pub fn open(&self, name: &str, sealed: &[u8]) -> Result<SecretBytes, OpenError> {
        let damaged = || OpenError::Damaged { name: name.to_owned() };
        let (version, rest) = sealed.split_first().ok_or_else(damaged)?;
        let (id, rest) = rest.split_at_checked(ID_LEN).ok_or_else(damaged)?;
        let (nonce, rest) = rest.split_at_checked(NONCE_LEN).ok_or_else(damaged)?;
        if *version != VERSION {
            return Err(damaged());
        }
        if id != self.id {
            return Err(OpenError::OtherMasterKey { name: name.to_owned() });
        }
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| damaged())?;
        let mut opened = rest.to_vec();
        let length =
            self.key.open_in_place(nonce, self.bound_to(name), &mut opened).map_err(|_| damaged())?.len();
        opened.truncate(length);
        Ok(SecretBytes::new(opened))
    }

    /// Ties a seal to its name, version and master key.
    fn bound_to(&self, name: &str) -> Aad<Vec<u8>> {
        Aad::from([&[VERSION], self.id.as_slice(), name.as_bytes()].concat())
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey")
    }
}

fn base64(text: &str) -> Option<Vec<u8>> {
    [STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD]
        .iter()
        .find_map(|engine| engine.decode(text).ok())
        .filter(|bytes| bytes.len() == KEY_LEN)
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_model::SystemRng;

    #[test]
    fn a_seal_opens_under_its_key_and_name_alone() {
        let master = MasterKey::generate(&SystemRng).unwrap();
        let sealed = master.seal("a", b"secret", &SystemRng).unwrap();
        assert_eq!(master.open("a", &sealed).unwrap().expose(), b"secret");
        assert_eq!(master.open("b", &sealed).unwrap_err(), OpenError::Damaged { name: "b".to_owned() });
        let other = MasterKey::generate(&SystemRng).unwrap();
        assert!(matches!(other.open("a", &sealed), Err(OpenError::OtherMasterKey { .. })));
        for position in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[position] ^= 1;
            assert!(master.open("a", &changed).is_err(), "byte {position}");
            assert!(master.open("a", &sealed[..position]).is_err());
        }
    }

    #[test]
    fn its_text_reads_back_in_every_form() {
        let master = MasterKey::generate(&SystemRng).unwrap();
        let sealed = master.seal("a", b"x", &SystemRng).unwrap();
        let again = MasterKey::from_text(&master.to_text()).unwrap();
        assert!(again.open("a", &sealed).is_ok());
        let hex: String = master.secret.expose().iter().map(|b| format!("{b:02x}")).collect();
        assert!(MasterKey::from_text(&SecretString::new(hex)).unwrap().open("a", &sealed).is_ok());
        for wrong in ["", "short", &"g".repeat(64), &"A".repeat(100)] {
            assert!(MasterKey::from_text(&SecretString::from(wrong)).is_err());
        }
    }
}
