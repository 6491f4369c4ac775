//! A certificate that nobody vouches for: a key in a wrapper.

use countersign_model::{CertificateSerial, Timestamp, TokenHash};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{InvalidCertificate, LARGEST, serial};

/// A certificate whose key the connection proved to hold, and whose names nobody vouches for: self-signed, or of a
/// chain that was not believed. Deliberately no [`crate::PeerCertificate`], and there is no way to make one of it: it
/// has no names, so it can't become an identity. It serves to recognise a key that is known from elsewhere (RFC 8705
/// §2.2, §3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnvouchedCertificate {
    thumbprint: [u8; 32],
    public_key: Box<[u8]>,
    pub(crate) serial: CertificateSerial,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
}

impl UnvouchedCertificate {
    /// Reads a certificate by which a connection proved to hold its key.
    ///
    /// # Errors
    /// It can't be read, or is larger than 64 KiB.
    pub fn from_der(der: &[u8]) -> Result<Self, InvalidCertificate> {
        if der.len() > LARGEST {
            return Err(InvalidCertificate::Unreadable);
        }
        let (rest, certificate) =
            X509Certificate::from_der(der).map_err(|_| InvalidCertificate::Unreadable)?;
        if !rest.is_empty() {
            return Err(InvalidCertificate::Unreadable);
        }
        let validity = certificate.validity();
        Ok(Self {
            thumbprint: *TokenHash::of(der).as_bytes(),
            public_key: certificate.public_key().raw.into(),
            serial: serial(certificate.raw_serial()),
            not_before: Timestamp::from_seconds(validity.not_before.timestamp()),
            not_after: Timestamp::from_seconds(validity.not_after.timestamp()),
        })
    }

    /// SHA-256 of the certificate: `x5t#S256` (RFC 8705 §3.1).
    #[must_use]
    pub fn thumbprint(&self) -> &[u8; 32] {
        &self.thumbprint
    }

    /// Its key, as `SubjectPublicKeyInfo` in DER (RFC 5280 §4.1.2.7).
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }
}
