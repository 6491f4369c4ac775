//! The facts of a peer's certificate, read once per connection.

use countersign_model::{CertificateSerial, Timestamp};

/// A certificate that TLS has validated, and what it says.
#[derive(Debug)]
pub struct PeerCertificate {
    facts: CertificateFacts,
}

/// What a leaf certificate says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CertificateFacts {
    /// The subject's common name.
    pub common_name: Option<Box<str>>,
    /// The subject as text (RFC 4514).
    pub subject: Box<str>,
    /// The issuer as text (RFC 4514).
    pub issuer: Box<str>,
    /// DNS names, lower case.
    pub dns_names: Vec<Box<str>>,
    /// URIs.
    pub uris: Vec<Box<str>>,
    /// Addresses.
    pub addresses: Vec<std::net::IpAddr>,
    /// E-mail addresses.
    pub emails: Vec<Box<str>>,
    /// The SPIFFE ID, when the certificate is an X.509-SVID.
    pub spiffe_id: Option<Box<str>>,
    /// The serial number.
    pub serial: CertificateSerial,
    /// Valid from.
    pub not_before: Timestamp,
    /// Valid until.
    pub not_after: Timestamp,
    /// SHA-256 of the certificate: `x5t#S256` (RFC 8705 §3.1).
    pub thumbprint: [u8; 32],
    /// The trust bundle its chain ends in, when TLS says which.
    pub bundle: Option<Box<str>>,
}

/// The certificate can't be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidCertificate {
    /// It can't be read, or is larger than 64 KiB.
    #[error("the certificate can't be read")]
    Unreadable,
    /// It has a `spiffe:` URI that breaks the rules for SPIFFE IDs, or several.
    #[error("the certificate's SPIFFE ID breaks the rules")]
    SpiffeId,
}

impl PeerCertificate {
    /// Reads the leaf of a chain that TLS has validated.
    ///
    /// # Errors
    /// It can't be read, or its SPIFFE ID breaks the rules.
    pub fn from_der(leaf: &[u8], bundle: Option<&str>) -> Result<Self, InvalidCertificate> {
        let _ = (leaf, bundle);
        todo!()
    }

    /// What it says.
    #[must_use]
    pub fn facts(&self) -> &CertificateFacts {
        &self.facts
    }
}
