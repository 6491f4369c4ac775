//! Client certificates: TLS has validated the chain; what is left is time, revocation and the name.

use std::collections::HashSet;
use std::sync::Arc;

use countersign_model::{Assurance, CertificateSerial, Issuer, Method, ScopeSet, Subject, Timestamp};

use crate::certificate::{CertificateFacts, spiffe};
use crate::outcome::Rejection;
use crate::policy::matcher::Pattern;
use crate::{Confirmation, Identity, OWN, PeerCertificate, Reason};

/// How certificates become identities.
pub(crate) struct CertificateMapping {
    pub(crate) local_issuer: Issuer,
    pub(crate) from_common_name: bool,
    pub(crate) scopes: Vec<(Pattern, ScopeSet)>,
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
    // RFC 5280 §4.1.2.5: both ends are part of the time; a second counts to its last microsecond.
    if now < facts.not_before || now.seconds() > facts.not_after.seconds() {
        return Err(Reason::CertificateTime);
    }
    // Serial numbers are unguessable; comparing them without their issuer can only refuse too much.
    if !revoked.is_empty() && revoked.contains(&facts.serial) {
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
    let identity = Arc::new(identity(peer.facts(), mapping).ok_or(Reason::CertificateNameless)?);
    peer.remember(mapping.generation, &identity);
    Ok(identity)
}

fn identity(facts: &CertificateFacts, mapping: &CertificateMapping) -> Option<Identity> {
    let common_name = facts.common_name.as_deref().filter(|_| mapping.from_common_name);
    let (subject, issuer) = match (&facts.spiffe_id, facts.dns_names.first()) {
        (Some(id), _) => (&**id, Issuer::new(format!("spiffe://{}", spiffe::trust_domain(id)?))),
        (None, Some(name)) => (&**name, bundle_issuer(facts, mapping)),
        (None, None) => (common_name?, bundle_issuer(facts, mapping)),
    };
    let mut identity =
        Identity::new(Subject::from(subject), issuer, Method::Mtls, Assurance::ProofOfPossession);
    identity.issuer_name = facts.bundle.clone().unwrap_or_else(|| OWN.into());
    identity.confirmation = Some(Confirmation::Certificate(facts.thumbprint));
    identity.expires_at = facts.not_after;
    let granted = mapping
        .scopes
        .iter()
        .filter(|(pattern, _)| facts.policy_names().chain(common_name).any(|name| pattern.matches(name)));
    identity.scopes = granted.fold(ScopeSet::empty(), |all, (_, scopes)| all.union(scopes));
    Some(identity)
}

fn bundle_issuer(facts: &CertificateFacts, mapping: &CertificateMapping) -> Issuer {
    facts.bundle.as_deref().map_or_else(|| mapping.local_issuer.clone(), Issuer::from)
}
