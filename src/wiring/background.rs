//! What goes on beside requests: announced changes, keys, certificates, housekeeping.

use std::sync::Arc;
use std::time::Duration;

use countersign_access::ports::Change;
use countersign_net::CancellationToken;
use countersign_store::{Announcement, Changes};
use tokio::sync::Mutex;
use tokio::time::MissedTickBehavior;

use super::Parts;
use super::live::Live;

/// How often keys, issuers and certificates are looked at.
const TICK: Duration = Duration::from_secs(5);
/// How often our revocation list is signed anew: long before it ends, because a list that is over refuses everybody.
const FRESH_LIST: Duration = Duration::from_secs(3_600);
/// How often what has expired is removed.
const HOUSEKEEPING: Duration = Duration::from_secs(30);
/// How many rows are removed at a time: few, so that writers hardly wait.
const BATCH: u32 = 500;

/// Takes up what other processes and our own handlers changed.
pub(super) async fn follow_changes(
    parts: Parts,
    live: Arc<Mutex<Live>>,
    mut changes: Changes,
    stopped: CancellationToken,
) {
    let access = Arc::clone(live.lock().await.access());
    loop {
        let announcement = tokio::select! {
            () = stopped.cancelled() => return,
            announcement = changes.next() => announcement,
        };
        match announcement {
            None => return,
            Some(Announcement::Change(change)) => {
                access.apply(&change, parts.env.now());
                follow(&parts, &live, &change).await;
            }
            Some(Announcement::Resync) => resync(&parts, &live).await,
        }
    }
}

async fn follow(parts: &Parts, live: &Mutex<Live>, change: &Change) {
    let outcome = match change {
        Change::SigningKeys => parts.keys.reload().await,
        Change::Certificates => live.lock().await.refresh_revoked_certificates().await,
        Change::ApiKey(_)
        | Change::User(..)
        | Change::Client(_)
        | Change::TokenRevoked(..)
        | Change::GrantRevoked(..) => Ok(()),
    };
    if let Err(error) = outcome {
        tracing::error!(%error, ?change, "a change could not be taken up; it is tried again with the next one");
    }
}

/// Announcements were missed: everything that they might have said is read again.
async fn resync(parts: &Parts, live: &Mutex<Live>) {
    let mut live = live.lock().await;
    if let Err(error) = live.forget_callers().await {
        tracing::error!(%error, "revocations could not be read again");
    }
    if let Err(error) = parts.keys.reload().await {
        tracing::error!(%error, "signing keys could not be read again");
    }
    if let Err(error) = live.refresh_revoked_certificates().await {
        tracing::error!(%error, "revoked certificates could not be read again");
    }
}

/// Looks after keys, issuers and certificates every few seconds.
pub(super) async fn tick(parts: Parts, live: Arc<Mutex<Live>>, stopped: CancellationToken) {
    let access = Arc::clone(live.lock().await.access());
    let mut interval = tokio::time::interval(TICK);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut list_made_at = parts.env.now();
    loop {
        tokio::select! {
            () = stopped.cancelled() => return,
            _ = interval.tick() => {}
        }
        let now = parts.env.now();
        access.refresh_issuers(now).await;
        if now.since(list_made_at) >= FRESH_LIST {
            match live.lock().await.refresh_revoked_certificates().await {
                Ok(()) => list_made_at = now,
                Err(error) => tracing::error!(%error, "the revocation list could not be made anew"),
            }
        }
        if let Err(error) = parts.keys.tick().await {
            tracing::error!(%error, "the signing keys' schedule could not be followed");
        }
        if let Err(error) = live.lock().await.renew_certificates(now).await {
            tracing::error!(%error, "a listener's certificate could not be renewed");
        }
    }
}

/// Removes what has expired, in small steps.
pub(super) async fn housekeeping(parts: Parts, stopped: CancellationToken) {
    let mut interval = tokio::time::interval(HOUSEKEEPING);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stopped.cancelled() => return,
            _ = interval.tick() => {}
        }
        loop {
            match parts.store.purge(parts.env.now(), BATCH).await {
                Ok(removed) if removed >= u64::from(BATCH) && !stopped.is_cancelled() => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(%error, "what has expired could not be removed");
                    break;
                }
            }
        }
    }
}
