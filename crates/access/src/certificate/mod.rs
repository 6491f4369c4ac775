//! The facts of a peer's certificate, read once.

mod distinguished_name;
pub(crate) mod spiffe;
mod unvouched;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use countersign_model::{CertificateSerial, Timestamp, TokenHash};
use quick_cache::sync::Cache;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::Identity;

pub use distinguished_name::{DistinguishedName, InvalidName};
pub use unvouched::UnvouchedCertificate;

/// The largest certificate that is read.
const LARGEST: usize = 64 * 1024;
/// The most names of one certificate.
const MOST_NAMES: usize = 256;

/// A certificate that TLS has validated, and what it says.
#[derive(Debug)]
pub struct PeerCertificate {
    facts: CertificateFacts,
    /// The identity it stands for, under the configuration of that generation.
    identity: ArcSwapOption<(u64, Arc<Identity>)>,
}

/// The certificates of late, by their SHA-256. Who connects again is not read again, and stays the same identity.
pub(crate) struct KnownCertificates(Cache<TokenHash, Arc<PeerCertificate>>);

/// How many certificates are remembered.
const REMEMBERED: usize = 4_096;

impl Default for KnownCertificates {
    fn default() -> Self {
        Self(Cache::new(REMEMBERED))
    }
}

impl KnownCertificates {
    /// What the leaf of a chain says that TLS has validated.
    pub(crate) fn read<'b>(
        &self,
        leaf: &[u8],
        bundles: impl Iterator<Item = &'b str> + Clone,
    ) -> Result<Arc<PeerCertificate>, InvalidCertificate> {
        let hash = TokenHash::of(leaf);
        if let Some(known) = self.0.get(&hash)
            && known.facts.bundles.iter().map(|name| &**name).eq(bundles.clone())
        {
            return Ok(known);
        }
        let certificate = Arc::new(PeerCertificate::from_der(leaf, bundles)?);
        self.0.insert(hash, Arc::clone(&certificate));
        Ok(certificate)
    }
}

/// What a leaf certificate says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CertificateFacts {
    /// The subject's common name.
    pub common_name: Option<Box<str>>,
    /// The subject as text.
    pub subject: Box<str>,
    /// The subject as DER, to be compared.
    pub subject_der: Box<[u8]>,
    /// Its key, as `SubjectPublicKeyInfo` in DER (RFC 5280 §4.1.2.7).
    pub public_key: Box<[u8]>,
    /// The issuer as text.
    pub issuer: Box<str>,
    /// DNS names, lower case.
    pub dns_names: Vec<Box<str>>,
    /// URIs.
    pub uris: Vec<Box<str>>,
    /// Addresses.
    pub addresses: Vec<IpAddr>,
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
    /// The trust bundles that vouch for its chain.
    pub bundles: Vec<Box<str>>,
}

/// The certificate can't be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidCertificate {
    /// It can't be read, is larger than 64 KiB, or has more than 256 names.
    #[error("the certificate can't be read")]
    Unreadable,
    /// It has a `spiffe:` URI that breaks the rules for SPIFFE IDs, or several URIs beside it.
    #[error("the certificate's SPIFFE ID breaks the rules")]
    SpiffeId,
}

impl PeerCertificate {
    /// Reads the leaf of a chain that TLS has validated against the trust bundles of these names.
    ///
    /// # Errors
    /// It can't be read, or its SPIFFE ID breaks the rules.
    pub fn from_der<'b>(
        leaf: &[u8],
        bundles: impl IntoIterator<Item = &'b str>,
    ) -> Result<Self, InvalidCertificate> {
        if leaf.len() > LARGEST {
            return Err(InvalidCertificate::Unreadable);
        }
        let (rest, certificate) =
            X509Certificate::from_der(leaf).map_err(|_| InvalidCertificate::Unreadable)?;
        if !rest.is_empty() {
            return Err(InvalidCertificate::Unreadable);
        }
        let validity = certificate.validity();
        let common_name = certificate.subject().iter_common_name().next();
        let mut facts = CertificateFacts {
            common_name: common_name.and_then(|name| name.as_str().ok()).and_then(printable),
            subject: certificate.subject().to_string().into(),
            subject_der: certificate.subject().as_raw().into(),
            public_key: certificate.public_key().raw.into(),
            issuer: certificate.issuer().to_string().into(),
            dns_names: Vec::new(),
            uris: Vec::new(),
            addresses: Vec::new(),
            emails: Vec::new(),
            spiffe_id: None,
            serial: serial(certificate.raw_serial()),
            not_before: Timestamp::from_seconds(validity.not_before.timestamp()),
            not_after: Timestamp::from_seconds(validity.not_after.timestamp()),
            thumbprint: *TokenHash::of(leaf).as_bytes(),
            bundles: bundles.into_iter().map(Into::into).collect(),
        };
        // RFC 5280 §4.2: an extension twice makes the certificate unreadable.
        if let Some(names) =
            certificate.subject_alternative_name().map_err(|_| InvalidCertificate::Unreadable)?
        {
            if names.value.general_names.len() > MOST_NAMES {
                return Err(InvalidCertificate::Unreadable);
            }
            for name in &names.value.general_names {
                facts.take(name)?;
            }
        }
        let usage = certificate.key_usage().map_err(|_| InvalidCertificate::Unreadable)?;
        let may_sign_others = certificate.is_ca()
            || usage.as_ref().is_some_and(|usage| usage.value.key_cert_sign() || usage.value.crl_sign());
        let may_sign = usage.as_ref().is_none_or(|usage| usage.value.digital_signature());
        facts.spiffe_id = spiffe::id(&facts.uris, may_sign && !may_sign_others)?;
        Ok(Self { facts, identity: ArcSwapOption::empty() })
    }

    /// What it says.
    #[must_use]
    pub fn facts(&self) -> &CertificateFacts {
        &self.facts
    }

    /// The identity as it was made under this generation of the configuration.
    pub(crate) fn identity(&self, generation: u64) -> Option<Arc<Identity>> {
        self.identity.load().as_ref().filter(|made| made.0 == generation).map(|made| Arc::clone(&made.1))
    }

    /// Remembers the identity for the next requests.
    pub(crate) fn remember(&self, generation: u64, identity: &Arc<Identity>) {
        self.identity.store(Some(Arc::new((generation, Arc::clone(identity)))));
    }
}

impl CertificateFacts {
    /// The names a rule may ask for: the SPIFFE ID and the DNS names.
    pub(crate) fn policy_names(&self) -> impl Iterator<Item = &str> {
        self.spiffe_id.as_deref().into_iter().chain(self.dns_names.iter().map(|name| &**name))
    }

    fn take(&mut self, name: &GeneralName<'_>) -> Result<(), InvalidCertificate> {
        let text = |text: &str| printable(text).ok_or(InvalidCertificate::Unreadable);
        match name {
            GeneralName::DNSName(name) => self.dns_names.push(text(&name.to_ascii_lowercase())?),
            GeneralName::URI(uri) => self.uris.push(text(uri)?),
            GeneralName::RFC822Name(email) => self.emails.push(text(email)?),
            GeneralName::IPAddress(bytes) => self.addresses.push(address(bytes)?),
            GeneralName::Invalid(..) => return Err(InvalidCertificate::Unreadable),
            GeneralName::OtherName(..)
            | GeneralName::X400Address(_)
            | GeneralName::DirectoryName(_)
            | GeneralName::EDIPartyName(_)
            | GeneralName::RegisteredID(_) => {}
        }
        Ok(())
    }
}

/// A name without control characters, which would read differently in a log or a header.
fn printable(text: &str) -> Option<Box<str>> {
    (!text.is_empty() && !text.chars().any(char::is_control)).then(|| text.into())
}

/// RFC 5280 §4.2.1.6: four bytes or sixteen.
fn address(bytes: &[u8]) -> Result<IpAddr, InvalidCertificate> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Ok(Ipv4Addr::from(four).into());
    }
    let sixteen = <[u8; 16]>::try_from(bytes).map_err(|_| InvalidCertificate::Unreadable)?;
    Ok(Ipv6Addr::from(sixteen).into())
}

/// Lower-case hexadecimal of the number; the sign byte of DER is no part of it.
fn serial(der: &[u8]) -> CertificateSerial {
    let start = der.iter().position(|byte| *byte != 0).unwrap_or(der.len());
    let digits: String = der.iter().skip(start).map(|byte| format!("{byte:02x}")).collect();
    CertificateSerial::new(if digits.is_empty() { "00".to_owned() } else { digits })
}
