//! The authority's own signing key.

use countersign_model::SecretBytes;
use rcgen::{KeyPair, PublicKeyData, SignatureAlgorithm, SigningKey};
use zeroize::Zeroize as _;

/// A key that is wiped when it is no longer needed.
pub(crate) struct CaKey(KeyPair);

impl CaKey {
    /// A fresh ECDSA P-256 key. Its randomness is the crypto library's own.
    pub(crate) fn generate() -> Result<Self, rcgen::Error> {
        KeyPair::generate().map(Self)
    }

    /// Reads a private key: PKCS#8, SEC1 or PKCS#1, DER.
    pub(crate) fn from_der(key: &SecretBytes) -> Result<Self, rcgen::Error> {
        KeyPair::try_from(key.expose().as_slice()).map(Self)
    }

    pub(crate) fn to_der(&self) -> SecretBytes {
        SecretBytes::new(self.0.serialized_der().to_vec())
    }
}

impl Drop for CaKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl PublicKeyData for CaKey {
    fn der_bytes(&self) -> &[u8] {
        self.0.der_bytes()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.0.algorithm()
    }
}

impl SigningKey for CaKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.0.sign(message)
    }
}
