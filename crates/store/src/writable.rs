//! Whether what is written is kept: a database on a full disk, on a file system that went read-only, or on a server that
//! takes no writes answers every question and is of no use. Asked rarely, and never as part of a request.

use std::time::Duration;

use countersign_model::Timestamp;
use tokio::sync::Mutex;

use crate::sql::{params, statements};
use crate::tx::{Tx, Write};
use crate::{Result, Store};

/// How long a good answer is believed.
const GOOD: Duration = Duration::from_secs(10);
/// How long a bad one is: whoever waits for it to become good learns that soon.
const BAD: Duration = Duration::from_secs(1);

statements! {
    TOUCH = "INSERT INTO counters (name, value) VALUES ('write_probe', 1) \
        ON CONFLICT (name) DO UPDATE SET value = counters.value + 1";
}

/// The last answer.
#[derive(Debug, Default)]
pub(crate) struct LastProbe(Mutex<Option<(Timestamp, Result<()>)>>);

struct Touch;

impl Write for Touch {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        tx.execute(&TOUCH, params![]).await.map(drop)
    }
}

impl Store {
    /// Whether the database keeps what is written. Tried with one row of its own, every ten seconds at most; who asks
    /// in between is told what was found then.
    ///
    /// # Errors
    /// Whatever keeps it from being kept.
    pub async fn is_writable(&self, now: Timestamp) -> Result<()> {
        // Held while it is tried: of many who ask at once, one tries.
        let mut last = self.inner.last_probe.0.lock().await;
        if let Some((at, found)) = &*last {
            let believed = if found.is_ok() { GOOD } else { BAD };
            if *at <= now && now.since(*at) < believed {
                return found.clone();
            }
        }
        let found = self.write(Touch).await;
        *last = Some((now, found.clone()));
        found
    }
}
