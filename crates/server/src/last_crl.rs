//! The revocation list as it was signed last.

use std::time::Duration;

use bytes::Bytes;
use countersign_ca::{Authority, IssueError};
use countersign_model::Timestamp;
use countersign_store::Store;
use tokio::sync::Mutex;

/// A list is signed anew this often at most, however often it is asked for.
const FRESH: Duration = Duration::from_secs(30);

/// The list that was signed last.
#[derive(Default)]
pub(crate) struct LastCrl(Mutex<Option<(Timestamp, Bytes)>>);

impl LastCrl {
    /// The list in DER.
    pub(crate) async fn get(
        &self,
        authority: &Authority<Store>,
        now: Timestamp,
    ) -> Result<Bytes, IssueError> {
        // Held while signing: of many who ask at once, one has it signed and the others get the same.
        let mut last = self.0.lock().await;
        if let Some((made, der)) = &*last
            && now.since(*made) < FRESH
            && *made <= now
        {
            return Ok(der.clone());
        }
        let der = Bytes::from(authority.crl().await?.der);
        *last = Some((now, der.clone()));
        Ok(der)
    }
}
