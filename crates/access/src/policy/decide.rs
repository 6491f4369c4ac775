//! The decision: a pure function of the rule and of what was verified.

use std::sync::Arc;

use crate::extract::Placement;
use crate::{Denial, Identity};

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
}

impl Permit {
    /// Who is calling; `None` when the rule lets anonymous requests pass and this is one.
    #[must_use]
    pub fn identity(&self) -> Option<&Arc<Identity>> {
        self.identity.as_ref()
    }

    /// Where the credential was, so that the surface can take it off before the upstream sees it.
    #[must_use]
    pub fn placement(&self) -> &Placement {
        &self.placement
    }
}
