//! Whom a listener believes: trust bundles and revocation lists.

use std::sync::Arc;

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
    pub fn from_pem(_name: &str, _source: &str, _pem: &[u8]) -> Result<Self, TlsError> {
        todo!()
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
    /// [`TlsError`] when it is no such list.
    pub fn from_bytes(_source: &str, _bytes: &[u8]) -> Result<Self, TlsError> {
        todo!()
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
}
