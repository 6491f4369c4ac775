//! The pipeline itself.

use std::collections::HashSet;
use std::sync::Arc;

use countersign_model::{CertificateSerial, Timestamp};

use crate::ports::{Change, Unavailable};
use crate::{Decision, Peer, RequestParts, Rule, Settings, Sources};

/// Who is calling, and may they? Shared by every surface of a process as `Arc<Access>`.
pub struct Access {}

impl Access {
    /// A pipeline over these sources.
    #[must_use]
    pub fn new(settings: Settings, sources: Sources) -> Self {
        let _ = (settings, sources);
        todo!()
    }

    /// Checks one request. On a credential seen before this neither waits nor allocates.
    pub async fn check(
        &self,
        request: &RequestParts<'_>,
        peer: &Peer,
        rule: &Rule,
        now: Timestamp,
    ) -> Decision {
        let _ = (request, peer, rule, now);
        todo!()
    }

    /// Forgets what a change made untrue. Call it for every announced change, in order.
    pub fn apply(&self, change: &Change, now: Timestamp) {
        let _ = (change, now);
        todo!()
    }

    /// Swaps the configuration; everything remembered is forgotten.
    pub fn replace_config(&self, settings: Settings, sources: Sources) {
        let _ = (settings, sources);
        todo!()
    }

    /// Swaps the set of revoked certificates.
    pub fn replace_revoked_certificates(&self, serials: HashSet<CertificateSerial>) {
        let _ = serials;
        todo!()
    }

    /// Learns every revocation that still matters: at start, and whenever announcements may have been missed.
    ///
    /// # Errors
    /// The list can't be had: don't serve before it can.
    pub async fn load_revocations(&self, now: Timestamp) -> Result<(), Unavailable> {
        let _ = now;
        todo!()
    }

    /// Fetches the keys of external issuers that are due. Call it every few seconds from a background task.
    pub async fn refresh_issuers(&self, now: Timestamp) {
        let _ = now;
        todo!()
    }

    /// Whether every external issuer's keys are there, for readiness.
    #[must_use]
    pub fn issuers_ready(&self, now: Timestamp) -> bool {
        let _ = now;
        todo!()
    }
}

const _: fn(Arc<Access>) = |_| {};
