//! Authorities as trust anchors: which certificates may be one, and when.

use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use x509_parser::parse_x509_crl;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Seconds since the epoch, first and last.
pub(crate) type Validity = (i64, i64);

/// Authorities and when each is in force. RFC 5280 §6.1.1 leaves that to the one who trusts them; here an authority
/// that has ended vouches for nobody.
#[derive(Default)]
pub(crate) struct Anchors {
    pub(crate) trusted: Vec<TrustAnchor<'static>>,
    validity: Vec<Validity>,
}

impl Anchors {
    pub(crate) fn push(&mut self, anchor: TrustAnchor<'static>, validity: Validity) {
        self.trusted.push(anchor);
        self.validity.push(validity);
    }

    /// When the next of those ends that are in force now, if any is.
    pub(crate) fn next_end(&self, now: UnixTime) -> Option<i64> {
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        self.validity.iter().map(|(_, until)| *until).filter(|until| *until >= seconds).min()
    }

    /// A renewed authority may stand there twice, with one name and key: either will do.
    pub(crate) fn in_force(&self, anchor: &TrustAnchor<'_>, now: UnixTime) -> Result<(), webpki::Error> {
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let found = self
            .trusted
            .iter()
            .zip(&self.validity)
            .any(|(known, (from, until))| known == anchor && (*from..=*until).contains(&seconds));
        if found { Ok(()) } else { Err(webpki::Error::UnknownIssuer) }
    }
}

/// Takes a certificate as an authority, if it says that it is one.
pub(crate) fn anchor(der: &CertificateDer<'static>) -> Result<(TrustAnchor<'static>, Validity), String> {
    let (_, certificate) =
        X509Certificate::from_der(der).map_err(|error| format!("can't be read: {error}"))?;
    if !certificate.is_ca() {
        return Err("it is no authority's certificate (CA:TRUE is missing)".to_owned());
    }
    if certificate.key_usage().ok().flatten().is_some_and(|usage| !usage.value.key_cert_sign()) {
        return Err("its key usage does not include signing certificates".to_owned());
    }
    if certificate.subject().iter().next().is_none() {
        return Err("it has no subject (RFC 5280 §4.1.2.6)".to_owned());
    }
    // RFC 5280 §4.2: what is critical and not understood forbids the use.
    let unknown = certificate.extensions().iter().find(|e| e.critical && e.parsed_extension().unsupported());
    if let Some(unknown) = unknown {
        return Err(format!("it has a critical extension that is not understood: {}", unknown.oid));
    }
    let validity =
        (certificate.validity().not_before.timestamp(), certificate.validity().not_after.timestamp());
    let anchor = webpki::anchor_from_trusted_cert(der).map_err(|error| format!("can't be read: {error}"))?;
    Ok((anchor.to_owned(), validity))
}

/// Refuses a revocation list in the name of an authority that may sign none (RFC 5280 §4.2.1.3, cRLSign).
pub(crate) fn may_sign_lists(authority: &CertificateDer<'_>, list: &[u8]) -> Result<(), String> {
    let (Ok((_, authority)), Ok((_, list))) = (X509Certificate::from_der(authority), parse_x509_crl(list))
    else {
        return Err("can't be read".to_owned());
    };
    let forbidden = authority.key_usage().ok().flatten().is_some_and(|usage| !usage.value.crl_sign());
    if forbidden && authority.subject().as_raw() == list.issuer().as_raw() {
        return Err("the key usage of its issuer does not include signing revocation lists".to_owned());
    }
    Ok(())
}
