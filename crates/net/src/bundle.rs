//! Whom a listener believes: trust bundles and revocation lists.

use std::sync::Arc;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};

use crate::material::TlsError;

/// Certificates of authorities under a name, by which `access` learns who vouched for a client.
#[derive(Clone, Debug)]
pub struct TrustBundle {
    pub(crate) name: Arc<str>,
    pub(crate) anchors: Vec<CertificateDer<'static>>,
}

impl TrustBundle {
    /// Reads the certificates of a PEM file; `source` names it in errors.
    ///
    /// # Errors
    /// [`TlsError`] when there is no certificate in it, or one can't be read.
    pub fn from_pem(name: &str, source: &str, pem: &[u8]) -> Result<Self, TlsError> {
        let anchors = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| TlsError::new(source, format!("not readable as PEM: {error}")))?;
        Self::checked(name, source, anchors)
    }

    /// Takes certificates as DER.
    ///
    /// # Errors
    /// [`TlsError`] when there is none, or one can't be read.
    pub fn from_der(name: &str, source: &str, certificates: Vec<Vec<u8>>) -> Result<Self, TlsError> {
        Self::checked(name, source, certificates.into_iter().map(CertificateDer::from).collect())
    }

    fn checked(name: &str, source: &str, anchors: Vec<CertificateDer<'static>>) -> Result<Self, TlsError> {
        if anchors.is_empty() {
            return Err(TlsError::new(source, "there is no certificate in it (BEGIN CERTIFICATE)"));
        }
        for (position, anchor) in anchors.iter().enumerate() {
            webpki::anchor_from_trusted_cert(anchor).map_err(|error| {
                TlsError::new(source, format!("certificate {} can't be read: {error}", position + 1))
            })?;
        }
        Ok(Self { name: name.into(), anchors })
    }

    /// The bundle's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// A certificate revocation list (RFC 5280 §5).
#[derive(Clone, Debug)]
pub struct Crl(pub(crate) CertificateRevocationListDer<'static>);

impl Crl {
    /// Reads one list as DER, or as PEM under `X509 CRL`.
    ///
    /// # Errors
    /// [`TlsError`] when it is no such list, or there are several: the others would be overlooked.
    pub fn from_bytes(source: &str, bytes: &[u8]) -> Result<Self, TlsError> {
        let der = if bytes.trim_ascii_start().starts_with(b"-----") {
            let mut lists = CertificateRevocationListDer::pem_slice_iter(bytes)
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| TlsError::new(source, format!("not readable as PEM: {error}")))?;
            match (lists.pop(), lists.is_empty()) {
                (Some(list), true) => list,
                (Some(_), false) => {
                    return Err(TlsError::new(
                        source,
                        "there are several lists in it: one file each, please",
                    ));
                }
                (None, _) => return Err(TlsError::new(source, "there is no list in it (BEGIN X509 CRL)")),
            }
        } else {
            CertificateRevocationListDer::from(bytes.to_vec())
        };
        webpki::OwnedCertRevocationList::from_der(&der)
            .map_err(|error| TlsError::new(source, format!("no usable revocation list: {error}")))?;
        Ok(Self(der))
    }
}

/// Whom to believe about clients.
#[derive(Clone, Debug, Default)]
pub struct ClientTrust {
    /// Authorities; at least one bundle.
    pub bundles: Vec<TrustBundle>,
    /// Revocation lists. A certificate whose issuer has a list here must not be on it, and the list must not be
    /// out of date.
    pub crls: Vec<Crl>,
    /// Whether a certificate whose issuer has no list here is refused.
    pub require_revocation_status: bool,
}

/// Whether clients show a certificate.
#[derive(Clone, Debug, Default)]
pub enum ClientAuth {
    /// Not asked for.
    #[default]
    Off,
    /// Asked for; a client without one is let in, a client with a bad one is not.
    Optional(ClientTrust),
    /// No connection without one.
    Required(ClientTrust),
    /// Asked for; one that nobody vouches for is let in as well, apart from the others, as
    /// [`crate::TlsInfo::unvouched`]: whoever shows it has proved to hold its key and nothing else. For OAuth clients
    /// with certificates of their own making (RFC 8705 §2.2).
    OptionalUnvouched(ClientTrust),
}
