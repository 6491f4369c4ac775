//! Issuing: record the intent, sign, check what was signed, complete.

use std::time::Duration;

use countersign_model::{CertificateSerial, SecretBytes, SecretString, Subject, Timestamp};

use crate::name::Name;

/// What somebody who is allowed to ask asks for.
#[derive(Clone, Debug)]
pub struct IssueRequest {
    /// The profile's name.
    pub profile: String,
    /// Whom the certificate is for.
    pub subject: Subject,
    /// The names it shall carry.
    pub names: Vec<Name>,
    /// How long it shall live; the profile's default where `None`.
    pub lifetime: Option<Duration>,
}

/// A certificate that was issued.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Issued {
    /// Its serial number.
    pub serial: CertificateSerial,
    /// The chain to send, DER: the leaf, then the intermediate.
    pub chain: Vec<Vec<u8>>,
    /// Valid from.
    pub not_before: Timestamp,
    /// Valid until.
    pub not_after: Timestamp,
}

impl Issued {
    /// The chain as PEM.
    #[must_use]
    pub fn chain_pem(&self) -> String {
        todo!()
    }

    /// When to renew: at two thirds of its life.
    #[must_use]
    pub fn renew_at(&self) -> Timestamp {
        self.not_before.plus(self.not_after.since(self.not_before) * 2 / 3)
    }
}

/// A certificate and the key that was made for it.
#[derive(Clone, Debug)]
pub struct IssuedWithKey {
    /// The certificate.
    pub issued: Issued,
    /// Its private key, PKCS#8 DER. It is kept nowhere else.
    pub key: SecretBytes,
}

impl IssuedWithKey {
    /// The private key as PEM.
    #[must_use]
    pub fn key_pem(&self) -> SecretString {
        todo!()
    }
}
