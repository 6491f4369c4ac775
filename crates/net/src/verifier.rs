//! Checking a client's chain: RFC 5280 §6 by webpki, revocation lists included.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertRevocationListError, CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError,
    SignatureScheme,
};
use webpki::{
    CertRevocationList, EndEntityCert, ExpirationPolicy, KeyUsage, OwnedCertRevocationList,
    RevocationCheckDepth, RevocationOptionsBuilder, UnknownStatusPolicy, VerifiedPath,
};
use x509_parser::parse_x509_crl;

use crate::anchors::{Anchors, anchor, may_sign_lists};
use crate::bundle::{ClientTrust, Crl};
use crate::good_chains::{GoodChains, end_of};
use crate::material::TlsError;
use crate::provider;

/// Checks client chains against bundles and lists.
pub(crate) struct ClientVerifier {
    bundles: Vec<(Arc<str>, Anchors)>,
    all: Anchors,
    hints: Vec<DistinguishedName>,
    crls: Vec<CertRevocationList<'static>>,
    /// The last second of each list.
    crl_ends: Vec<Option<i64>>,
    unknown_status: UnknownStatusPolicy,
    policy: Policy,
    good: GoodChains,
    algorithms: WebPkiSupportedAlgorithms,
}

/// What the handshake demands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Policy {
    /// A vouched-for certificate, or none.
    Optional,
    /// A vouched-for certificate.
    Required,
    /// Any certificate whose key the client holds, or none. Who vouches for it is found out after the handshake.
    OptionalUnvouched,
}

impl ClientVerifier {
    pub(crate) fn new(trust: &ClientTrust, policy: Policy) -> Result<Self, TlsError> {
        if trust.bundles.is_empty() {
            return Err(TlsError::new(
                "client certificates",
                "no trust bundle is given: nobody could be believed",
            ));
        }
        let mut bundles = Vec::with_capacity(trust.bundles.len());
        let mut all = Anchors::default();
        for bundle in &trust.bundles {
            let mut anchors = Anchors::default();
            for (position, der) in bundle.anchors.iter().enumerate() {
                let wrong = |reason: String| {
                    TlsError::new(
                        &format!("trust bundle {}, certificate {}", bundle.name, position + 1),
                        reason,
                    )
                };
                let (anchor, validity) = anchor(der).map_err(wrong)?;
                all.push(anchor.clone(), validity);
                anchors.push(anchor, validity);
            }
            bundles.push((Arc::clone(&bundle.name), anchors));
        }
        let hints = all
            .trusted
            .iter()
            .map(|anchor| DistinguishedName::in_sequence(anchor.subject.as_ref()))
            .collect();
        for authority in trust.bundles.iter().flat_map(|bundle| &bundle.anchors) {
            for list in &trust.crls {
                may_sign_lists(authority, &list.0)
                    .map_err(|reason| TlsError::new("revocation list", reason))?;
            }
        }
        let crls = trust
            .crls
            .iter()
            .map(|crl| OwnedCertRevocationList::from_der(&crl.0).map(CertRevocationList::Owned))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| TlsError::new("revocation list", format!("can't be read: {error}")))?;
        let crl_ends = trust.crls.iter().map(last_second).collect();
        let unknown_status = if trust.require_revocation_status {
            UnknownStatusPolicy::Deny
        } else {
            UnknownStatusPolicy::Allow
        };
        let algorithms = provider().signature_verification_algorithms;
        let good = GoodChains::default();
        Ok(Self { bundles, all, hints, crls, crl_ends, unknown_status, policy, good, algorithms })
    }

    /// The bundles that vouch for a chain now, each tried on its own.
    pub(crate) fn vouchers(
        &self,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<Vec<Arc<str>>, Error> {
        let Some((leaf, intermediates)) = chain.split_first() else { return Ok(Vec::new()) };
        let mut refusal = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let mut names = Vec::new();
        for (place, (name, anchors)) in self.bundles.iter().enumerate() {
            match self.check((leaf, intermediates), (place + 1, anchors), now) {
                Ok(()) => names.push(Arc::clone(name)),
                Err(error) => refusal = as_rustls(error),
            }
        }
        if names.is_empty() { Err(refusal) } else { Ok(names) }
    }

    /// Whether a certificate may have passed the handshake that nobody vouches for.
    pub(crate) fn lets_unvouched_in(&self) -> bool {
        self.policy == Policy::OptionalUnvouched
    }

    /// The name of the only bundle: who passed the handshake was vouched for by it.
    pub(crate) fn only_bundle(&self) -> Option<Arc<str>> {
        match self.bundles.as_slice() {
            [(name, _)] if !self.lets_unvouched_in() => Some(Arc::clone(name)),
            _ => None,
        }
    }

    /// A client's chain against the anchors of a place, from memory if it was good and nothing can have changed.
    fn check(
        &self,
        (leaf, intermediates): (&CertificateDer<'_>, &[CertificateDer<'_>]),
        (place, anchors): (usize, &Anchors),
        now: UnixTime,
    ) -> Result<(), webpki::Error> {
        let key = GoodChains::key(place, leaf, intermediates);
        if self.good.holds(&key, now) {
            return Ok(());
        }
        self.verify((leaf, intermediates), anchors, now, KeyUsage::client_auth())?;
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let certificates = std::iter::once(leaf).chain(intermediates).map(end_of);
        // What has ended already was not needed for the answer, and won't be.
        let lists = self.crl_ends.iter().copied().filter(|end| end.is_none_or(|end| end >= seconds));
        self.good.remember(key, now, certificates.chain(lists).chain([anchors.next_end(now)]));
        Ok(())
    }

    fn verify(
        &self,
        (leaf, intermediates): (&CertificateDer<'_>, &[CertificateDer<'_>]),
        anchors: &Anchors,
        now: UnixTime,
        usage: KeyUsage,
    ) -> Result<(), webpki::Error> {
        let leaf = EndEntityCert::try_from(leaf)?;
        let crls: Vec<_> = self.crls.iter().collect();
        // A list out of date says nothing about what was revoked since: it counts as no answer, and no answer of an
        // issuer who gives lists is a refusal (RFC 5280 §6.3.3).
        let revocation = RevocationOptionsBuilder::new(&crls).ok().map(|options| {
            options
                .with_depth(RevocationCheckDepth::Chain)
                .with_status_policy(self.unknown_status)
                .with_expiration_policy(ExpirationPolicy::Enforce)
                .build()
        });
        let in_force = |path: &VerifiedPath<'_>| anchors.in_force(path.anchor(), now);
        leaf.verify_for_usage(
            self.algorithms.all,
            &anchors.trusted,
            intermediates,
            now,
            usage,
            revocation,
            Some(&in_force),
        )
        .map(|_| ())
    }

    /// The chains it remembers.
    #[cfg(test)]
    pub(crate) fn good(&self) -> &GoodChains {
        &self.good
    }

    /// The chain against all bundles, for any usage.
    #[cfg(test)]
    pub(crate) fn verify_for(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
        usage: KeyUsage,
    ) -> Result<(), webpki::Error> {
        self.verify((leaf, intermediates), &self.all, now, usage)
    }
}

impl ClientCertVerifier for ClientVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.policy == Policy::Required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // RFC 8446 §4.2.4: a client whose own certificate is from none of those named would keep it to itself.
        if self.policy == Policy::OptionalUnvouched {
            return &[];
        }
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if self.policy != Policy::OptionalUnvouched {
            self.check((end_entity, intermediates), (0, &self.all), now).map_err(as_rustls)?;
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl fmt::Debug for ClientVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientVerifier")
            .field("bundles", &self.bundles.len())
            .field("crls", &self.crls.len())
            .finish()
    }
}

/// A list is out of date from its nextUpdate on (RFC 5280 §5.1.2.5).
fn last_second(crl: &Crl) -> Option<i64> {
    let (_, list) = parse_x509_crl(&crl.0).ok()?;
    Some(list.next_update()?.timestamp() - 1)
}

/// The alert a client gets depends on which error this is (RFC 8446 §6.2).
fn as_rustls(error: webpki::Error) -> Error {
    let certificate = match error {
        webpki::Error::BadDer | webpki::Error::BadDerTime | webpki::Error::TrailingData(_) => {
            CertificateError::BadEncoding
        }
        webpki::Error::CertNotValidYet { .. } => CertificateError::NotValidYet,
        webpki::Error::CertExpired { .. } | webpki::Error::InvalidCertValidity => CertificateError::Expired,
        webpki::Error::UnknownIssuer => CertificateError::UnknownIssuer,
        webpki::Error::CertRevoked => CertificateError::Revoked,
        webpki::Error::UnknownRevocationStatus => CertificateError::UnknownRevocationStatus,
        webpki::Error::CrlExpired { .. } => CertificateError::ExpiredRevocationList,
        webpki::Error::InvalidCrlSignatureForPublicKey => {
            return Error::InvalidCertRevocationList(CertRevocationListError::BadSignature);
        }
        webpki::Error::InvalidSignatureForPublicKey => CertificateError::BadSignature,
        webpki::Error::RequiredEkuNotFoundContext(_) => CertificateError::InvalidPurpose,
        // webpki adds reasons in minor releases; whatever they are, they refuse.
        other => CertificateError::Other(OtherError(Arc::new(other))),
    };
    Error::InvalidCertificate(certificate)
}
