//! What a verifier answers.

use std::sync::Arc;
use std::time::Duration;

use countersign_model::{Issuer, Subject};

use crate::{Identity, Reason};

/// One scheme's answer. Only `Absent` lets the next scheme look; a rejected credential ends the search.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// The request has no credential of this scheme.
    Absent,
    /// It has one, and it is good.
    Verified(Arc<Identity>),
    /// It has one, and it is not.
    Rejected(Rejection),
}

/// Why a credential is not good.
#[derive(Clone, Debug)]
pub(crate) struct Rejection {
    pub(crate) reason: Reason,
    /// Whom it speaks of, when that much was verified.
    pub(crate) about: Option<Box<(Subject, Issuer)>>,
    pub(crate) retry_after: Option<Duration>,
}

impl Rejection {
    pub(crate) fn about(self, identity: &Identity) -> Self {
        Self { about: Some(Box::new((identity.subject.clone(), identity.issuer.clone()))), ..self }
    }

    pub(crate) fn after(self, retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..self }
    }
}

impl From<Reason> for Rejection {
    fn from(reason: Reason) -> Self {
        Self { reason, about: None, retry_after: None }
    }
}

impl From<Reason> for Outcome {
    fn from(reason: Reason) -> Self {
        Self::Rejected(reason.into())
    }
}

impl From<Result<Arc<Identity>, Rejection>> for Outcome {
    fn from(result: Result<Arc<Identity>, Rejection>) -> Self {
        match result {
            Ok(identity) => Self::Verified(identity),
            Err(rejection) => Self::Rejected(rejection),
        }
    }
}
