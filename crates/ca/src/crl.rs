//! Revocation lists (RFC 5280 §5).

use std::time::Duration;

use countersign_model::{CertificateSerial, Timestamp};
use rcgen::{CertificateRevocationListParams, KeyIdMethod, RevokedCertParams, SerialNumber};
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::authority::Authority;
use crate::encode::{date_time, pem, serial_bytes, whole_seconds};
use crate::error::IssueError;
use crate::ports::{Certificates, RevocationReason};

/// For clocks that differ.
const BACKDATE: Duration = Duration::from_secs(120);

/// A signed revocation list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Crl {
    /// The list, DER.
    pub der: Vec<u8>,
    /// When it was made.
    pub this_update: Timestamp,
    /// When it stops being valid: publish the next one well before.
    pub next_update: Timestamp,
}

impl Crl {
    /// The list as PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        pem("X509 CRL", &self.der)
    }
}

impl<P: Certificates> Authority<P> {
    /// The revocation list as of now, freshly signed.
    ///
    /// # Errors
    /// [`IssueError`].
    pub async fn crl(&self) -> Result<Crl, IssueError> {
        let now = self.env.now();
        if now >= self.not_after {
            return Err(IssueError::AuthorityExpired);
        }
        let lifetime = self.settings.crl_lifetime;
        // RFC 5280 §3.3: an entry stays on the list until one was published after the certificate's end.
        let revoked = self.ports.revoked_certificates(now.minus(lifetime)).await?;
        let (this_update, next_update) =
            (whole_seconds(now.minus(BACKDATE)), whole_seconds(now.plus(lifetime)));
        let params = CertificateRevocationListParams {
            this_update: date_time(this_update).ok_or_else(out_of_range)?,
            next_update: date_time(next_update).ok_or_else(out_of_range)?,
            // RFC 5280 §5.2.3: a number that only grows; the time does, also with several nodes.
            crl_number: SerialNumber::from(u64::try_from(now.micros()).unwrap_or(0)),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect::<Result<_, _>>()?,
            key_identifier_method: key_identifier(&self.hierarchy.intermediate.certificate),
        };
        let der = params
            .signed_by(&self.issuer)
            .map_err(|error| IssueError::Sign(error.to_string()))?
            .der()
            .to_vec();
        // As with certificates: read again before anybody sees it. An unreadable list would refuse everybody.
        let read = webpki::OwnedCertRevocationList::from_der(&der)
            .map_err(|error| IssueError::Invalid(format!("the revocation list: {error}")))?;
        drop(read);
        Ok(Crl { der, this_update, next_update })
    }
}

fn entry(
    (serial, revoked_at, reason): &(CertificateSerial, Timestamp, RevocationReason),
) -> Result<RevokedCertParams, IssueError> {
    let bytes = serial_bytes(serial).ok_or_else(|| {
        IssueError::Invalid(format!("the store holds a serial number that is none: {serial}"))
    })?;
    Ok(RevokedCertParams {
        serial_number: bytes.into(),
        revocation_time: date_time(whole_seconds(*revoked_at)).ok_or_else(out_of_range)?,
        reason_code: Some(match reason {
            RevocationReason::Unspecified => rcgen::RevocationReason::Unspecified,
            RevocationReason::KeyCompromise => rcgen::RevocationReason::KeyCompromise,
            RevocationReason::Superseded => rcgen::RevocationReason::Superseded,
            RevocationReason::CessationOfOperation => rcgen::RevocationReason::CessationOfOperation,
        }),
        invalidity_date: None,
    })
}

fn out_of_range() -> IssueError {
    IssueError::Sign("the time is out of the range a certificate can hold".to_owned())
}

/// RFC 5280 §5.2.1: the list names its signer's key the way the signer's certificate does.
fn key_identifier(issuer: &[u8]) -> KeyIdMethod {
    let Ok((_, certificate)) = X509Certificate::from_der(issuer) else { return KeyIdMethod::Sha256 };
    let own = certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(identifier) => Some(identifier.0.to_vec()),
        _ => None,
    });
    own.map_or(KeyIdMethod::Sha256, KeyIdMethod::PreSpecified)
}
