//! A certificate chain and its private key, read and checked.

use std::sync::Arc;

use countersign_model::SecretBytes;
use rustls::sign::CertifiedKey;

/// What is wrong with a certificate, key, bundle or list. Says which file.
#[derive(Debug, thiserror::Error)]
#[error("{source_name}: {reason}")]
pub struct TlsError {
    /// The file or setting it came from.
    pub source_name: String,
    /// What is wrong with it and what to do.
    pub reason: String,
}

/// A certificate chain, leaf first, with the key of the leaf.
#[derive(Clone)]
pub struct TlsMaterial {
    pub(crate) certified: Arc<CertifiedKey>,
}

impl TlsMaterial {
    /// Reads a PEM chain and a PEM key (PKCS#8, SEC1 or PKCS#1). The sources name the files in errors.
    ///
    /// # Errors
    /// [`TlsError`] when either holds nothing fitting, or the key does not belong to the first certificate.
    pub fn from_pem(_chain: (&str, &[u8]), _key: (&str, &[u8])) -> Result<Self, TlsError> {
        todo!()
    }

    /// Takes a DER chain and a PKCS#8 key, as the built-in authority makes them.
    ///
    /// # Errors
    /// [`TlsError`] as for [`TlsMaterial::from_pem`].
    pub fn from_der(_source: &str, _chain: Vec<Vec<u8>>, _pkcs8: &SecretBytes) -> Result<Self, TlsError> {
        todo!()
    }
}
