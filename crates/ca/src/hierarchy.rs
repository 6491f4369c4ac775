//! The root and the intermediate: made here, or brought along.

use std::time::Duration;

use countersign_model::{Env, SecretBytes, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyUsagePurpose,
    PublicKeyData as _,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::encode::{date_time, random_serial};
use crate::error::OpenError;
use crate::key::CaKey;

/// Ten years, leap days included.
const ROOT_LIFETIME: Duration = Duration::from_secs(3653 * 24 * 3600);
/// For clocks that differ.
const BACKDATE: Duration = Duration::from_secs(300);

/// An authority's certificate and its private key. The caller seals the key at once.
#[derive(Clone, Debug)]
pub struct CaMaterial {
    /// The certificate, DER.
    pub certificate: Vec<u8>,
    /// The private key, DER: PKCS#8 when it was made here; SEC1 or PKCS#1 are read as well.
    pub key: SecretBytes,
}

/// What runs: the intermediate that signs, and the root that vouches for it. The root's key is not needed.
#[derive(Clone, Debug)]
pub struct Hierarchy {
    /// The root certificate, DER.
    pub root: Vec<u8>,
    /// The signing intermediate; the root itself where there is no intermediate.
    pub intermediate: CaMaterial,
}

impl CaMaterial {
    /// Makes a root: ECDSA P-256, ten years, one intermediate deep.
    ///
    /// # Errors
    /// [`OpenError`] when no key can be made.
    pub fn create_root(name: &str, env: &Env) -> Result<Self, OpenError> {
        let key = CaKey::generate().map_err(make)?;
        let now = env.now();
        let mut params = ca_params(name, 1, now, now.plus(ROOT_LIFETIME))?;
        params.serial_number = Some(random_serial(env.rng.as_ref()).into());
        let certificate = params.self_signed(&key).map_err(make)?;
        Ok(Self { certificate: certificate.der().to_vec(), key: key.to_der() })
    }

    /// Makes an intermediate under this root: ECDSA P-256, no further authority below it. It ends with `lifetime`, or
    /// with the root.
    ///
    /// # Errors
    /// [`OpenError`] when this is no usable root.
    pub fn create_intermediate(&self, name: &str, lifetime: Duration, env: &Env) -> Result<Self, OpenError> {
        let now = env.now();
        let root = Checked::of("root", &self.certificate, now)?;
        if root.depth == Some(0) {
            let reason = "its path length of 0 allows no intermediate below it".to_owned();
            return Err(OpenError::Unusable { what: "root", reason });
        }
        let root_key = self.signing_key("root")?;
        let issuer =
            Issuer::from_ca_cert_der(&self.certificate.as_slice().into(), &root_key).map_err(make)?;
        let key = CaKey::generate().map_err(make)?;
        let mut params = ca_params(name, 0, now, now.plus(lifetime).min(root.not_after))?;
        params.serial_number = Some(random_serial(env.rng.as_ref()).into());
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &issuer).map_err(make)?;
        Ok(Self { certificate: certificate.der().to_vec(), key: key.to_der() })
    }

    /// Takes a certificate and key brought along, both PEM; the key as PKCS#8, SEC1 or PKCS#1.
    ///
    /// # Errors
    /// [`OpenError`] when either can't be read or they do not belong together.
    pub fn from_pem(certificate: &[u8], key: &[u8]) -> Result<Self, OpenError> {
        let certificate = certificate_from_pem(certificate)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| OpenError::Key { what: "authority's" })?;
        let material = Self { certificate, key: SecretBytes::new(key.secret_der().to_vec()) };
        material.signing_key("authority's")?;
        Ok(material)
    }

    /// The key, once it is known to be the certificate's.
    pub(crate) fn signing_key(&self, what: &'static str) -> Result<CaKey, OpenError> {
        let key = CaKey::from_der(&self.key).map_err(|_| OpenError::Key { what })?;
        let certificate = parse(what, &self.certificate)?;
        if key.subject_public_key_info() != certificate.public_key().raw {
            return Err(OpenError::Mismatch { what });
        }
        Ok(key)
    }
}

impl Hierarchy {
    /// The certificate of a root brought along without its key, PEM, with an intermediate.
    ///
    /// # Errors
    /// [`OpenError`] when the root can't be read.
    pub fn from_pem(root: &[u8], intermediate: CaMaterial) -> Result<Self, OpenError> {
        Ok(Self { root: certificate_from_pem(root)?, intermediate })
    }

    /// Whether the root signs by itself.
    pub(crate) fn is_flat(&self) -> bool {
        self.root == self.intermediate.certificate
    }

    /// Checks that both are authorities in force and that the root signed the intermediate.
    pub(crate) fn check(&self, now: Timestamp) -> Result<Checked, OpenError> {
        let root = Checked::of("root", &self.root, now)?;
        if self.is_flat() {
            return Ok(root);
        }
        let intermediate = Checked::of("intermediate", &self.intermediate.certificate, now)?;
        let (above, below) =
            (parse("root", &self.root)?, parse("intermediate", &self.intermediate.certificate)?);
        let signed = below.verify_signature(Some(above.public_key())).is_ok();
        if above.subject() != below.issuer() || !signed {
            let reason = "the root did not sign it".to_owned();
            return Err(OpenError::Unusable { what: "intermediate", reason });
        }
        Ok(Checked { not_after: intermediate.not_after.min(root.not_after), ..intermediate })
    }
}

/// What matters of an authority's certificate that is in force.
pub(crate) struct Checked {
    pub(crate) not_after: Timestamp,
    depth: Option<u32>,
}

impl Checked {
    fn of(what: &'static str, der: &[u8], now: Timestamp) -> Result<Self, OpenError> {
        let certificate = parse(what, der)?;
        let unusable = |reason: &str| OpenError::Unusable { what, reason: reason.to_owned() };
        // RFC 5280 §4.2.1.9: only a certificate that says so may be used to check signatures on certificates.
        let constraints = certificate.basic_constraints().ok().flatten();
        let Some(constraints) = constraints.filter(|constraints| constraints.value.ca) else {
            return Err(unusable("it is no authority's certificate (CA:TRUE is missing)"));
        };
        // RFC 5280 §4.2.1.3: with a key usage, it must include signing certificates and revocation lists.
        let usage = certificate.key_usage().ok().flatten();
        if usage.is_some_and(|usage| !usage.value.key_cert_sign() || !usage.value.crl_sign()) {
            return Err(unusable("its key usage does not include signing certificates and revocation lists"));
        }
        let validity = certificate.validity();
        let not_after = Timestamp::from_seconds(validity.not_after.timestamp());
        if now > not_after {
            return Err(unusable("it has expired"));
        }
        if now < Timestamp::from_seconds(validity.not_before.timestamp()) {
            return Err(unusable("it is not valid yet: is the clock right?"));
        }
        Ok(Self { not_after, depth: constraints.value.path_len_constraint })
    }
}

fn parse<'c>(what: &'static str, der: &'c [u8]) -> Result<X509Certificate<'c>, OpenError> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok(_) => Err(OpenError::Certificate { what, reason: "there is more after it".to_owned() }),
        Err(error) => Err(OpenError::Certificate { what, reason: error.to_string() }),
    }
}

fn certificate_from_pem(pem: &[u8]) -> Result<Vec<u8>, OpenError> {
    let der = CertificateDer::from_pem_slice(pem)
        .map_err(|error| OpenError::Certificate { what: "authority's", reason: error.to_string() })?;
    parse("authority's", &der)?;
    Ok(der.to_vec())
}

/// RFC 5280 §4.2.1.9 and §4.2.1.3 for authorities: CA with a path length, both critical.
fn ca_params(
    name: &str,
    depth: u8,
    now: Timestamp,
    not_after: Timestamp,
) -> Result<CertificateParams, OpenError> {
    let out_of_range = || OpenError::Make("the time is out of the range a certificate can hold".to_owned());
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(depth));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = date_time(now.minus(BACKDATE)).ok_or_else(out_of_range)?;
    params.not_after = date_time(not_after).ok_or_else(out_of_range)?;
    Ok(params)
}

fn make(error: rcgen::Error) -> OpenError {
    OpenError::Make(error.to_string())
}
