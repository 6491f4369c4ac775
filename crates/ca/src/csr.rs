//! Certificate signing requests (RFC 2986): a public key and the names asked for, and nothing else.

use crate::name::Name;

/// The largest request read, in bytes of DER.
pub const MAX_REQUEST: usize = 16 * 1024;

/// A public key that may be certified: ECDSA P-256 or P-384, Ed25519, RSA of 2048 to 4096 bits.
#[derive(Clone, Debug)]
pub struct PublicKey(pub(crate) rcgen::SubjectPublicKeyInfo);

/// A request whose sender has proven to hold the private key. Only [`read`] makes one.
#[derive(Clone, Debug)]
pub struct CheckedRequest {
    pub(crate) public_key: PublicKey,
    pub(crate) names: Vec<Name>,
}

impl CheckedRequest {
    /// The key to certify.
    #[must_use]
    pub const fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The names asked for. Nobody has allowed them yet.
    #[must_use]
    pub fn names(&self) -> &[Name] {
        &self.names
    }
}

/// Why a request is refused: the asker's to mend.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the certificate signing request is refused: {0}")]
pub struct CsrError(pub String);

/// Reads a request, PEM (`CERTIFICATE REQUEST`) or DER.
///
/// # Errors
/// [`CsrError`] when it can't be read, is not signed by its own key, or asks for a name or key we don't certify.
pub fn read(_request: &[u8]) -> Result<CheckedRequest, CsrError> {
    todo!()
}
