//! The decision: a pure function of the rule and of what was verified.

use std::sync::Arc;

use countersign_model::{Method, Timestamp};
use http::HeaderMap;
use http::HeaderValue;

use super::matcher::admits;
use crate::extract::Placement;
use crate::outcome::Outcome;
use crate::policy::settings::StepUp;
use crate::url_key::keep_private;
use crate::{DPOP_NONCE, Denial, Identity, PeerCertificate, Reason, Rule};

/// What becomes of a request.
#[derive(Debug)]
pub enum Decision {
    /// It may pass.
    Allow(Permit),
    /// It may not.
    Deny(Denial),
}

/// Proof that policy allowed this request. Only `decide` can make one.
#[derive(Debug)]
pub struct Permit {
    identity: Option<Arc<Identity>>,
    placement: Placement,
    nonce: Option<HeaderValue>,
    by_dpop: bool,
}

impl Permit {
    /// Who is calling; `None` when the rule lets anonymous requests pass and this is one.
    #[must_use]
    pub fn identity(&self) -> Option<&Arc<Identity>> {
        self.identity.as_ref()
    }

    /// The next nonce for DPoP proofs, when the answer should bring it (RFC 9449 §8.2).
    #[must_use]
    pub fn dpop_nonce(&self) -> Option<&HeaderValue> {
        self.nonce.as_ref()
    }

    /// Whether a DPoP proof came with the credential: it has been used up, and is nobody else's business.
    #[must_use]
    pub fn is_by_dpop(&self) -> bool {
        self.by_dpop
    }

    /// Where the credential was, so that the surface can take it off before the upstream sees it.
    #[must_use]
    pub fn placement(&self) -> &Placement {
        &self.placement
    }

    /// Adds to the answer what it must say: that of a URL which held a key is for the caller alone; and the next nonce
    /// for DPoP proofs before the last one ends (RFC 9449 §8.2).
    pub fn complete(&self, answer: &mut HeaderMap) {
        if let Some(nonce) = &self.nonce {
            answer.insert(DPOP_NONCE, nonce.clone());
        }
        if self.placement == Placement::Query {
            keep_private(answer);
        }
    }
}

/// What is known of the request when the decision is made.
pub(crate) struct Case<'a> {
    pub(crate) peer: Option<&'a Arc<PeerCertificate>>,
    /// The method of the credential that was presented.
    pub(crate) method: Option<Method>,
    pub(crate) placement: Placement,
    pub(crate) outcome: Outcome,
    pub(crate) is_secure: bool,
    pub(crate) now: Timestamp,
    /// Whether a token came under the scheme DPoP.
    pub(crate) is_dpop: bool,
    /// The nonce that the answer shall bring.
    pub(crate) nonce: Option<HeaderValue>,
}

/// Compares what was verified with what the rule asks for. No rule, no permit: a broken one denies.
pub(crate) fn decide(rule: &Rule, case: Case<'_>) -> Decision {
    let checked = rule.checked();
    let deny = |reason: Reason| {
        let denial = Denial::new(reason, &checked.challenges, case.is_secure);
        if case.is_dpop { denial.about_dpop(case.nonce.clone()) } else { denial }
    };
    if checked.broken {
        return Decision::Deny(deny(Reason::PolicyBroken));
    }
    match case.outcome {
        Outcome::Absent if checked.anonymous => Decision::Allow(Permit {
            identity: None,
            placement: Placement::Nowhere,
            nonce: None,
            by_dpop: false,
        }),
        Outcome::Absent => Decision::Deny(deny(Reason::MissingCredential)),
        Outcome::Rejected(rejection) => {
            let mut denial = deny(rejection.reason).after(rejection.retry_after);
            if let Some(method) = case.method {
                denial = denial.by(method);
            }
            if let Some(about) = rejection.about {
                denial = denial.about(&about.0, &about.1);
            }
            Decision::Deny(denial)
        }
        Outcome::Verified(identity) => match refusal(rule, &identity, case.peer, case.now) {
            None => Decision::Allow(Permit {
                identity: Some(identity),
                placement: case.placement,
                nonce: case.nonce,
                by_dpop: case.is_dpop,
            }),
            Some(reason) => {
                Decision::Deny(deny(reason).by(identity.method).about(&identity.subject, &identity.issuer))
            }
        },
    }
}

/// The checks in order; the first that fails is the reason.
fn refusal(
    rule: &Rule,
    identity: &Identity,
    peer: Option<&Arc<PeerCertificate>>,
    now: Timestamp,
) -> Option<Reason> {
    let checked = rule.checked();
    if !rule.accepts(identity.method) {
        return Some(Reason::MethodNotAccepted);
    }
    if matches!(identity.method, Method::Jwt | Method::Oauth) {
        if !checked.issuers.iter().any(|name| **name == *identity.issuer_name) {
            return Some(Reason::TokenIssuerNotAccepted);
        }
        // RFC 9068 §4, RFC 8725 §3.9: a token says for whom it was made, and we must be meant.
        let wanted = identity.issuer_audience.as_deref().or(checked.audience.as_deref());
        if !wanted.is_some_and(|wanted| identity.audience.iter().any(|audience| **audience == *wanted)) {
            return Some(Reason::TokenAudience);
        }
    }
    if identity.method == Method::Mtls {
        let by = &*identity.issuer_name;
        // Whoever runs another authority may write any name into its certificates.
        if !checked.trust_bundles.iter().any(|name| **name == *by) {
            return Some(Reason::CertificateBundle);
        }
        let names = &checked.certificate_names;
        let is_admitted =
            |peer: &Arc<PeerCertificate>| peer.facts().policy_names().any(|name| admits(names, by, name));
        if !names.is_empty() && !peer.is_some_and(is_admitted) {
            return Some(Reason::CertificateNotAdmitted);
        }
    }
    if !admits(&checked.subjects, &identity.issuer_name, identity.subject.as_str()) {
        return Some(Reason::SubjectNotAdmitted);
    }
    // RFC 9470 §3: before the scopes, because its challenge names them too and one round mends both.
    if !signed_in_well_enough(&checked.step_up, identity, now) {
        return Some(Reason::InsufficientUserAuthentication);
    }
    // RFC 6750 §3.1
    if !identity.scopes.covers(&checked.scopes) {
        return Some(Reason::InsufficientScope);
    }
    None
}

/// Whether the person behind the credential signed in as the rule asks. What a credential does not say, it has not.
fn signed_in_well_enough(step_up: &StepUp, identity: &Identity, now: Timestamp) -> bool {
    let has_class = step_up.acr_values.is_empty()
        || identity.acr.as_deref().is_some_and(|acr| step_up.acr_values.iter().any(|value| value == acr));
    let is_recent = step_up
        .max_age
        .is_none_or(|most| identity.auth_time.is_some_and(|auth_time| now.since(auth_time) <= most));
    has_class && is_recent
}
