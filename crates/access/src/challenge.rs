//! A denial, as HTTP says it (RFC 9110 §11.6.1, RFC 6750 §3, RFC 7617 §2, RFC 9457).

use std::sync::Arc;
use std::time::Duration;

use countersign_model::{Issuer, Subject};
use http::{HeaderValue, StatusCode};

use crate::{InvalidRule, Reason, RuleSettings};

/// A request that may not pass. What it says outside is less than what it knows.
#[derive(Debug)]
pub struct Denial {
    reason: Reason,
    subject: Option<Subject>,
    issuer: Option<Issuer>,
    retry_after: Option<Duration>,
    challenges: Arc<Challenges>,
}

impl Denial {
    /// Why, in one word, for the log and for metrics; never for the caller.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.reason.as_str()
    }

    /// Whom it was about, once that was verified. For the log.
    #[must_use]
    pub fn subject(&self) -> Option<&Subject> {
        self.subject.as_ref()
    }

    /// Who vouched for the subject. For the log.
    #[must_use]
    pub fn issuer(&self) -> Option<&Issuer> {
        self.issuer.as_ref()
    }

    /// 400, 401, 403, 429 or 503.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        todo!()
    }

    /// The `Retry-After` of 429 and 503.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The values of `WWW-Authenticate`, one a method the rule accepts.
    #[must_use]
    pub fn www_authenticate(&self) -> Vec<HeaderValue> {
        todo!()
    }

    /// The body: `application/problem+json` (RFC 9457 §3) with the request's id.
    #[must_use]
    pub fn problem(&self, request_id: &str) -> String {
        let _ = request_id;
        todo!()
    }
}

/// The challenges of a rule, built once.
#[derive(Debug)]
pub(crate) struct Challenges {}

impl Challenges {
    pub(crate) fn new(settings: &RuleSettings) -> Result<Self, InvalidRule> {
        let _ = settings;
        todo!()
    }

    pub(crate) fn none() -> Self {
        Self {}
    }
}
