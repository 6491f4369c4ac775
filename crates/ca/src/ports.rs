//! What the certificate authority needs kept.

use std::future::Future;

use countersign_model::{CertificateSerial, Subject, Timestamp};
use serde::{Deserialize, Serialize};

/// The store could not answer.
#[derive(Debug, thiserror::Error)]
#[error("the certificate store could not answer: {0}")]
pub struct Unavailable(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Why a certificate was revoked (RFC 5280 §5.3.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevocationReason {
    /// No reason given.
    Unspecified,
    /// The private key may be known to others.
    KeyCompromise,
    /// A newer certificate takes its place.
    Superseded,
    /// It is no longer needed.
    CessationOfOperation,
}

impl RevocationReason {
    /// The name RFC 5280 §5.3.1 gives it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
        }
    }
}

/// An issued certificate.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CertificateRecord {
    /// Unique within the authority.
    pub serial: CertificateSerial,
    /// Which profile it was issued under.
    pub profile: String,
    /// Whom it names.
    pub subject: Subject,
    /// Its names: DNS names, addresses, URIs.
    pub names: Vec<String>,
    /// The certificate itself, DER; empty between recording the intent and signing.
    pub certificate: Vec<u8>,
    /// Valid from.
    pub not_before: Timestamp,
    /// Valid until.
    pub not_after: Timestamp,
    /// When it was revoked, and why.
    pub revoked: Option<(Timestamp, RevocationReason)>,
}

/// Certificates at rest.
pub trait Certificates: Send + Sync {
    /// Keeps the intent to issue before anything is signed.
    fn record_issuance(
        &self,
        record: &CertificateRecord,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;
    /// Adds the signed certificate to its record.
    fn complete_issuance(
        &self,
        serial: &CertificateSerial,
        certificate: &[u8],
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;
    /// One certificate.
    fn certificate(
        &self,
        serial: &CertificateSerial,
    ) -> impl Future<Output = Result<Option<CertificateRecord>, Unavailable>> + Send;
    /// Certificates, newest first, at most `limit`.
    fn certificates(
        &self,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<CertificateRecord>, Unavailable>> + Send;
    /// Revokes a certificate and tells the checkers; `false` when there is none of that serial.
    fn revoke_certificate(
        &self,
        serial: &CertificateSerial,
        reason: RevocationReason,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, Unavailable>> + Send;
    /// Every revoked certificate that has not expired at `now`.
    fn revoked_certificates(
        &self,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<(CertificateSerial, Timestamp, RevocationReason)>, Unavailable>> + Send;
}
