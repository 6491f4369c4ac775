//! Client certificates: TLS has validated the chain; what is left is time, revocation and the name.

use std::collections::HashSet;
use std::sync::Arc;

use countersign_model::{Assurance, CertificateSerial, Issuer, Method, ScopeSet, Subject, Timestamp};

use crate::certificate::{CertificateFacts, spiffe};
use crate::outcome::Rejection;
use crate::policy::matcher::Qualified;
use crate::{Confirmation, Identity, OWN, PeerCertificate, Reason, TrustDomain};

/// How certificates become identities.
pub(crate) struct CertificateMapping {
    pub(crate) local_issuer: Issuer,
    pub(crate) from_common_name: bool,
    pub(crate) scopes: Vec<(Qualified, ScopeSet)>,
    pub(crate) trust_domains: Vec<TrustDomain>,
    /// Of the configuration: what a connection remembers was made under one.
    pub(crate) generation: u64,
}

/// Whether the certificate counts now. A connection may be older than a revocation and may outlive its certificate.
pub(crate) fn is_current(
    peer: &PeerCertificate,
    revoked: &HashSet<CertificateSerial>,
    now: Timestamp,
) -> Result<(), Reason> {
    let facts = peer.facts();
    holds_now((facts.not_before, facts.not_after), &facts.serial, revoked, now)
}

/// The same of the parts that say so.
pub(crate) fn holds_now(
    (not_before, not_after): (Timestamp, Timestamp),
    serial: &CertificateSerial,
    revoked: &HashSet<CertificateSerial>,
    now: Timestamp,
) -> Result<(), Reason> {
    // RFC 5280 §4.1.2.5: both ends are part of the time; a second counts to its last microsecond.
    if now < not_before || now.seconds() > not_after.seconds() {
        return Err(Reason::CertificateTime);
    }
    // Serial numbers are unguessable; comparing them without their issuer can only refuse too much.
    if !revoked.is_empty() && revoked.contains(serial) {
        return Err(Reason::CertificateRevoked);
    }
    Ok(())
}

/// Whom the certificate names.
pub(crate) fn verify(
    peer: &PeerCertificate,
    mapping: &CertificateMapping,
    revoked: &HashSet<CertificateSerial>,
    now: Timestamp,
) -> Result<Arc<Identity>, Rejection> {
    is_current(peer, revoked, now)?;
    if let Some(identity) = peer.identity(mapping.generation) {
        return Ok(identity);
    }
    let identity = Arc::new(identity(peer.facts(), mapping)?);
    peer.remember(mapping.generation, &identity);
    Ok(identity)
}

fn identity(facts: &CertificateFacts, mapping: &CertificateMapping) -> Result<Identity, Reason> {
    let common_name = facts.common_name.as_deref().filter(|_| mapping.from_common_name);
    let first = || facts.bundles.first().map_or(OWN, |bundle| &**bundle);
    let (subject, bundle) = match (&facts.spiffe_id, facts.dns_names.first()) {
        (Some(id), _) => (&**id, voucher(id, facts, mapping)?),
        (None, Some(name)) => (&**name, first()),
        (None, None) => (common_name.ok_or(Reason::CertificateNameless)?, first()),
    };
    let issuer = match (facts.spiffe_id.as_deref().and_then(spiffe::trust_domain), bundle) {
        (Some(domain), _) => Issuer::new(format!("spiffe://{domain}")),
        (None, OWN) => mapping.local_issuer.clone(),
        (None, other) => Issuer::from(other),
    };
    let mut identity =
        Identity::new(Subject::from(subject), issuer, Method::Mtls, Assurance::ProofOfPossession);
    identity.issuer_name = bundle.into();
    identity.confirmation = Some(Confirmation::Certificate(facts.thumbprint));
    identity.expires_at = facts.not_after;
    let granted = mapping.scopes.iter().filter(|(granted, _)| {
        facts.policy_names().chain(common_name).any(|name| granted.matches(bundle, name))
    });
    identity.scopes = granted.fold(ScopeSet::empty(), |all, (_, scopes)| all.union(scopes));
    Ok(identity)
}

/// X509-SVID §5.1: an SVID is validated with the bundle of its own trust domain. Another authority that we believe for
/// its own callers could write our IDs into its certificates.
fn voucher<'m>(
    id: &str,
    facts: &CertificateFacts,
    mapping: &'m CertificateMapping,
) -> Result<&'m str, Reason> {
    let domain = spiffe::trust_domain(id).ok_or(Reason::CertificateTrustDomain)?;
    let vouches = |bundle: &str| {
        facts.bundles.iter().any(|name| **name == *bundle) || (facts.bundles.is_empty() && bundle == OWN)
    };
    mapping
        .trust_domains
        .iter()
        .find(|known| known.name == domain && vouches(&known.bundle))
        .map(|known| known.bundle.as_str())
        .ok_or(Reason::CertificateTrustDomain)
}
