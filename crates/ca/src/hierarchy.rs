//! The root and the intermediate: made here, or brought along.

use std::time::Duration;

use countersign_model::{Env, SecretBytes};

use crate::error::OpenError;

/// An authority's certificate and its private key. The caller seals the key at once.
#[derive(Clone, Debug)]
pub struct CaMaterial {
    /// The certificate, DER.
    pub certificate: Vec<u8>,
    /// The private key, PKCS#8 DER.
    pub key: SecretBytes,
}

/// What runs: the intermediate that signs, and the root that vouches for it. The root's key is not needed.
#[derive(Clone, Debug)]
pub struct Hierarchy {
    /// The root certificate, DER.
    pub root: Vec<u8>,
    /// The signing intermediate.
    pub intermediate: CaMaterial,
}

impl CaMaterial {
    /// Makes a root: ECDSA P-256, ten years, one intermediate deep.
    ///
    /// # Errors
    /// [`OpenError`] when no key can be made.
    pub fn create_root(_name: &str, _env: &Env) -> Result<Self, OpenError> {
        todo!()
    }

    /// Makes an intermediate under this root: ECDSA P-256, no further authority below it. It ends with `lifetime`, or
    /// with the root.
    ///
    /// # Errors
    /// [`OpenError`] when this is no usable root.
    pub fn create_intermediate(
        &self,
        _name: &str,
        _lifetime: Duration,
        _env: &Env,
    ) -> Result<Self, OpenError> {
        todo!()
    }

    /// Takes a certificate and key brought along, both PEM; the key as PKCS#8, SEC1 or PKCS#1.
    ///
    /// # Errors
    /// [`OpenError`] when either can't be read or they do not belong together.
    pub fn from_pem(_certificate: &[u8], _key: &[u8]) -> Result<Self, OpenError> {
        todo!()
    }
}
