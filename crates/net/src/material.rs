//! A certificate chain and its private key, read and checked.

use std::fmt;
use std::sync::Arc;

use countersign_model::{SecretBytes, Timestamp};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use crate::provider;

/// What is wrong with a certificate, key, bundle or list. Says which file.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{source_name}: {reason}")]
pub struct TlsError {
    /// The file or setting it came from.
    pub source_name: String,
    /// What is wrong with it and what to do.
    pub reason: String,
}

impl TlsError {
    pub(crate) fn new(source: &str, reason: impl Into<String>) -> Self {
        Self { source_name: source.to_owned(), reason: reason.into() }
    }
}

/// A certificate chain, leaf first, with the key of the leaf.
#[derive(Clone)]
pub struct TlsMaterial {
    pub(crate) certified: Arc<CertifiedKey>,
    source: Arc<str>,
    dns_names: Arc<[Box<str>]>,
    not_before: Timestamp,
    not_after: Timestamp,
}

impl TlsMaterial {
    /// Reads a PEM chain and a PEM key (PKCS#8, SEC1 or PKCS#1). The sources name the files in errors.
    ///
    /// # Errors
    /// [`TlsError`] when either holds nothing fitting, or the key does not belong to the first certificate.
    pub fn from_pem(
        (chain_source, chain): (&str, &[u8]),
        (key_source, key): (&str, &[u8]),
    ) -> Result<Self, TlsError> {
        let chain = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| TlsError::new(chain_source, format!("not readable as PEM: {error}")))?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| match error {
            rustls_pki_types::pem::Error::NoItemsFound => {
                let encrypted = key.windows(9).any(|window| window == b"ENCRYPTED");
                let reason = if encrypted {
                    "the private key is encrypted: give it decrypted, readable by this process only"
                } else {
                    "there is no private key in it (PKCS#8, SEC1 or PKCS#1 in PEM)"
                };
                TlsError::new(key_source, reason)
            }
            error => TlsError::new(key_source, format!("not readable as PEM: {error}")),
        })?;
        Self::assemble(chain_source, chain, key_source, key)
    }

    /// Takes a DER chain and a PKCS#8 key, as the built-in authority makes them.
    ///
    /// # Errors
    /// [`TlsError`] as for [`TlsMaterial::from_pem`].
    pub fn from_der(source: &str, chain: Vec<Vec<u8>>, pkcs8: &SecretBytes) -> Result<Self, TlsError> {
        let chain = chain.into_iter().map(CertificateDer::from).collect();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pkcs8.expose().clone()));
        Self::assemble(source, chain, source, key)
    }

    fn assemble(
        chain_source: &str,
        chain: Vec<CertificateDer<'static>>,
        key_source: &str,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, TlsError> {
        let Some(leaf) = chain.first() else {
            return Err(TlsError::new(chain_source, "there is no certificate in it (BEGIN CERTIFICATE)"));
        };
        let unreadable = |_| TlsError::new(chain_source, "the first certificate can't be read");
        let (_, parsed) = X509Certificate::from_der(leaf).map_err(unreadable)?;
        let dns_names = dns_names(&parsed);
        let not_before = Timestamp::from_seconds(parsed.validity().not_before.timestamp());
        let not_after = Timestamp::from_seconds(parsed.validity().not_after.timestamp());
        let key = provider().key_provider.load_private_key(key).map_err(|_| {
            TlsError::new(
                key_source,
                "the private key is of no kind we can use (ECDSA, RSA from 2048 bits, Ed25519)",
            )
        })?;
        let certified = CertifiedKey::new(chain, key);
        certified.keys_match().map_err(|_| {
            TlsError::new(
                key_source,
                format!("the private key does not belong to the first certificate in {chain_source}"),
            )
        })?;
        Ok(Self {
            certified: Arc::new(certified),
            source: chain_source.into(),
            dns_names: dns_names.into(),
            not_before,
            not_after,
        })
    }

    /// When the certificate ends.
    #[must_use]
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// When the certificate begins.
    #[must_use]
    pub const fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// The DNS names the certificate is for, lower-case.
    #[must_use]
    pub fn dns_names(&self) -> &[Box<str>] {
        &self.dns_names
    }

    /// The certificate chain, DER, leaf first.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.certified.cert
    }

    /// Whether the certificate is for the host name (RFC 6125 §6.4: a wildcard stands for one whole left-most label).
    #[must_use]
    pub(crate) fn is_for(&self, host: &str) -> bool {
        let parent = host.split_once('.').map(|(_, parent)| parent);
        self.dns_names.iter().any(|name| match name.strip_prefix("*.") {
            Some(suffix) => parent.is_some_and(|parent| parent.eq_ignore_ascii_case(suffix)),
            None => name.eq_ignore_ascii_case(host),
        })
    }

    /// Refuses a certificate that is not in force: every client would.
    pub(crate) fn in_force(&self, now: Timestamp) -> Result<(), TlsError> {
        if now > self.not_after {
            let ago = now.since(self.not_after).as_secs() / 3600;
            return Err(TlsError::new(
                &self.source,
                format!("the certificate expired {ago} hours ago: renew it"),
            ));
        }
        if now < self.not_before {
            let ahead = self.not_before.since(now).as_secs() / 60;
            let reason = format!("the certificate begins only in {ahead} minutes: is the clock right?");
            return Err(TlsError::new(&self.source, reason));
        }
        Ok(())
    }
}

impl fmt::Debug for TlsMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsMaterial")
            .field("source", &self.source)
            .field("dns_names", &self.dns_names)
            .finish()
    }
}

fn dns_names(certificate: &X509Certificate<'_>) -> Vec<Box<str>> {
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    names
        .value
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase().into()),
            _ => None,
        })
        .collect()
}
