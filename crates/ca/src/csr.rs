//! Certificate signing requests (RFC 2986): a public key and the names asked for, and nothing else.

use std::net::IpAddr;

use rcgen::{
    PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256, PublicKeyData as _,
    SubjectPublicKeyInfo,
};
use rustls_pki_types::CertificateSigningRequestDer;
use rustls_pki_types::pem::PemObject as _;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::oid_registry::{OID_PKCS1_SHA1WITHRSA, OID_SHA1_WITH_RSA};
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey as ParsedKey;

use crate::name::Name;

/// The largest request read, in bytes of PEM or DER.
pub const MAX_REQUEST: usize = 16 * 1024;
/// The most names read from a request.
pub const MAX_NAMES: usize = 100;

/// A public key that may be certified: ECDSA P-256 or P-384, Ed25519, RSA of 2048 to 4096 bits.
#[derive(Clone, Debug)]
pub struct PublicKey(pub(crate) SubjectPublicKeyInfo);

/// A request whose sender has proven to hold the private key. Only [`read`] makes one.
#[derive(Clone, Debug)]
pub struct CheckedRequest {
    pub(crate) public_key: PublicKey,
    pub(crate) names: Vec<Name>,
}

impl CheckedRequest {
    /// The key to certify.
    #[must_use]
    pub const fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The names asked for. Nobody has allowed them yet.
    #[must_use]
    pub fn names(&self) -> &[Name] {
        &self.names
    }
}

/// Why a request is refused: the asker's to mend.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the certificate signing request is refused: {0}")]
pub struct CsrError(pub String);

fn refuse<T>(reason: impl Into<String>) -> Result<T, CsrError> {
    Err(CsrError(reason.into()))
}

/// Reads a request, PEM (`CERTIFICATE REQUEST`) or DER. Of the extensions it asks for only the alternative names are
/// read; the profile decides on all the others.
///
/// # Errors
/// [`CsrError`] when it can't be read, is not signed by its own key, or asks for a name or key we don't certify.
pub fn read(request: &[u8]) -> Result<CheckedRequest, CsrError> {
    if request.len() > MAX_REQUEST {
        return refuse(format!("it is larger than {MAX_REQUEST} bytes"));
    }
    let der = if request.trim_ascii_start().starts_with(b"-----") {
        CertificateSigningRequestDer::from_pem_slice(request)
            .map_err(|_| CsrError("there is no CERTIFICATE REQUEST in the PEM".to_owned()))?
            .to_vec()
    } else {
        request.to_vec()
    };
    let Ok((rest, parsed)) = X509CertificationRequest::from_der(&der) else {
        return refuse("it can't be read");
    };
    if !rest.is_empty() {
        return refuse("there is more after it");
    }
    // RFC 2986 §4.2: the signature proves that the asker holds the key. SHA-1 proves too little today.
    let algorithm = &parsed.signature_algorithm.algorithm;
    if *algorithm == OID_PKCS1_SHA1WITHRSA || *algorithm == OID_SHA1_WITH_RSA {
        return refuse("it is signed with SHA-1");
    }
    if parsed.verify_signature().is_err() {
        return refuse("its signature is not by its own key, or of an unknown algorithm");
    }
    let key = &parsed.certification_request_info.subject_pki;
    if let Ok(ParsedKey::RSA(rsa)) = key.parsed()
        && !(2048..=4096).contains(&rsa.key_size())
    {
        return refuse("RSA keys have 2048 to 4096 bits");
    }
    let public_key = public_key(key.raw)?;
    Ok(CheckedRequest { public_key, names: names(&parsed)? })
}

/// Takes a public key of an allowed kind.
pub(crate) fn public_key(spki: &[u8]) -> Result<PublicKey, CsrError> {
    let Ok(key) = SubjectPublicKeyInfo::from_der(spki) else {
        return refuse("its key is of an unknown kind");
    };
    let allowed = [&PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384, &PKCS_ED25519, &PKCS_RSA_SHA256];
    if !allowed.contains(&key.algorithm()) {
        return refuse("its key is none of ECDSA P-256, ECDSA P-384, Ed25519 and RSA");
    }
    Ok(PublicKey(key))
}

fn names(request: &X509CertificationRequest<'_>) -> Result<Vec<Name>, CsrError> {
    let mut names = Vec::new();
    for extension in request.requested_extensions().into_iter().flatten() {
        let ParsedExtension::SubjectAlternativeName(asked) = extension else { continue };
        for general in &asked.general_names {
            let name = name(general)?;
            if !names.contains(&name) {
                names.push(name);
            }
            if names.len() > MAX_NAMES {
                return refuse(format!("it asks for more than {MAX_NAMES} names"));
            }
        }
    }
    Ok(names)
}

/// RFC 5280 §4.2.1.6: of the kinds of names we certify three.
fn name(general: &GeneralName<'_>) -> Result<Name, CsrError> {
    let invalid = |error: crate::name::InvalidName| CsrError(error.to_string());
    match general {
        GeneralName::DNSName(text) => text.parse().map(Name::Dns).map_err(invalid),
        GeneralName::URI(text) => text.parse().map(Name::Spiffe).map_err(invalid),
        GeneralName::IPAddress(bytes) => address(bytes)
            .map(Name::Ip)
            .ok_or_else(|| CsrError("it asks for an address that is none".to_owned())),
        GeneralName::OtherName(..)
        | GeneralName::RFC822Name(_)
        | GeneralName::X400Address(_)
        | GeneralName::DirectoryName(_)
        | GeneralName::EDIPartyName(_)
        | GeneralName::RegisteredID(_)
        | GeneralName::Invalid(..) => {
            refuse("it asks for a kind of name other than DNS names, addresses and SPIFFE IDs")
        }
    }
}

pub(crate) fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(octets) = <[u8; 4]>::try_from(bytes) {
        return Some(IpAddr::from(octets));
    }
    <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)
}
