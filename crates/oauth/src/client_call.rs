//! A client's request at one of the server's own endpoints, as a surface hands it over: everything in it that may
//! prove who calls, and with which key.

use countersign_access::{PeerCertificate, UnvouchedCertificate};

use crate::{Authorization, Parameters};

/// What a client sent to an endpoint it must authenticate at: token, introspection, revocation and their like. Nothing
/// of it has been believed, except that the connection holds the certificate's key.
#[derive(Clone, Copy, Debug)]
pub struct ClientCall<'a> {
    /// The `Authorization` field.
    pub authorization: Authorization<'a>,
    /// The form.
    pub form: &'a Parameters<'a>,
    /// The certificate that the connection proved to hold (RFC 8705 §2).
    pub certificate: Option<ClientCertificate<'a>>,
    /// The `DPoP` field (RFC 9449 §4).
    pub dpop: DpopField<'a>,
}

impl<'a> ClientCall<'a> {
    /// A form, and nothing else.
    #[must_use]
    pub const fn new(form: &'a Parameters<'a>) -> Self {
        Self { authorization: Authorization::Absent, form, certificate: None, dpop: DpopField::Absent }
    }
}

/// The certificate of a connection.
#[derive(Clone, Copy, Debug)]
pub enum ClientCertificate<'a> {
    /// TLS has validated its chain.
    Vouched(&'a PeerCertificate),
    /// It is no more than the key in it.
    Unvouched(&'a UnvouchedCertificate),
}

impl<'a> ClientCertificate<'a> {
    /// SHA-256 of it: `x5t#S256` (RFC 8705 §3.1).
    #[must_use]
    pub fn thumbprint(self) -> &'a [u8; 32] {
        match self {
            Self::Vouched(certificate) => &certificate.facts().thumbprint,
            Self::Unvouched(certificate) => certificate.thumbprint(),
        }
    }

    /// Its key, as `SubjectPublicKeyInfo` in DER.
    #[must_use]
    pub fn public_key(self) -> &'a [u8] {
        match self {
            Self::Vouched(certificate) => &certificate.facts().public_key,
            Self::Unvouched(certificate) => certificate.public_key(),
        }
    }
}

/// The `DPoP` field of a request.
#[derive(Clone, Copy, Default)]
pub enum DpopField<'a> {
    /// There was none.
    #[default]
    Absent,
    /// The proof as it was sent.
    Proof(&'a str),
    /// There were several, or what there was is no text (RFC 9449 §4.3, point 1).
    Unusable,
}

impl std::fmt::Debug for DpopField<'_> {
    /// Without the proof.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Absent => "Absent",
            Self::Proof(_) => "Proof",
            Self::Unusable => "Unusable",
        })
    }
}
