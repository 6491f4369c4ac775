//! When, from where and on which route API keys were last used: gathered in memory, written every few seconds.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use countersign_access::ports::KeyUse;
use countersign_model::{ApiKey, ApiKeyId, Timestamp};

use crate::sql::{Row, params, statements};
use crate::tx::{Tx, Write};
use crate::{Inner, Result, Store, StoreError};

/// How often uses are written.
const PERIOD: Duration = Duration::from_secs(5);
/// How many keys' uses are gathered at most between two writes, as many as checkers remember; more are forgotten.
const MOST: usize = 131_072;
/// How many are written in one transaction.
const BATCH: usize = 500;

statements! {
    /// Never goes back: another node may have seen a later use. A key that is gone is left out.
    NOTE = "INSERT INTO api_key_uses (key_id, used_at, address, route) \
        SELECT id, ?2, ?3, ?4 FROM api_keys WHERE id = ?1 ON CONFLICT (key_id) DO UPDATE \
        SET used_at = excluded.used_at, address = excluded.address, route = excluded.route \
        WHERE api_key_uses.used_at < excluded.used_at";
}

/// When, from where and on which route an API key was used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApiKeyUse {
    /// When.
    pub at: Timestamp,
    /// From where.
    pub address: IpAddr,
    /// On which route, where that is known.
    pub route: Option<String>,
}

/// The columns of `api_key_uses` in a row, if they are not NULL.
pub(crate) fn read(row: &mut Row) -> Result<Option<ApiKeyUse>> {
    let (at, address, route) = (row.time_or_null()?, row.text_or_null()?, row.text_or_null()?);
    let (Some(at), Some(address)) = (at, address) else { return Ok(None) };
    let address = address.parse().map_err(|_| StoreError::Unreadable("an address".into()))?;
    Ok(Some(ApiKeyUse { at, address, route }))
}

/// What is gathered. Ordered, so that two nodes write the rows in the same order and never wait for each other in a
/// circle.
#[derive(Debug, Default)]
pub(crate) struct Uses(Mutex<BTreeMap<ApiKeyId, ApiKeyUse>>);

impl Uses {
    fn note(&self, key: &ApiKeyId, at: Timestamp, address: IpAddr, route: Option<&str>) {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = uses.get_mut(key) {
            if last.at < at {
                (last.at, last.address) = (at, address);
                if last.route.as_deref() != route {
                    last.route = route.map(str::to_owned);
                }
            }
        } else if uses.len() < MOST {
            uses.insert(key.clone(), ApiKeyUse { at, address, route: route.map(str::to_owned) });
        }
    }

    fn take(&self) -> BTreeMap<ApiKeyId, ApiKeyUse> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Store {
    /// Notes that a key was used. Never waits: uses are gathered in memory and written every few seconds.
    pub fn note_api_key_use(&self, key: &ApiKeyId, at: Timestamp, address: IpAddr, route: Option<&str>) {
        self.inner.uses.note(key, at, address, route);
    }

    /// Writes what was gathered now, rather than in a few seconds.
    ///
    /// # Errors
    /// Whatever keeps the database from answering; what could not be written is forgotten.
    pub async fn write_api_key_uses(&self) -> Result<()> {
        let gathered: Vec<_> = self.inner.uses.take().into_iter().collect();
        for batch in gathered.chunks(BATCH) {
            self.write(Note(batch.to_vec())).await?;
        }
        Ok(())
    }
}

impl KeyUse for Store {
    fn used(&self, key: &Arc<ApiKey>, address: IpAddr, now: Timestamp) {
        self.note_api_key_use(&key.id, now, address, None);
    }
}

/// Writes what is gathered every few seconds, for as long as there is a store.
pub(crate) async fn write_regularly(inner: Weak<Inner>) {
    loop {
        tokio::time::sleep(PERIOD).await;
        let Some(inner) = inner.upgrade() else { return };
        match (Store { inner }).write_api_key_uses().await {
            Ok(()) => {}
            Err(StoreError::Closed) => return,
            Err(error) => tracing::warn!(%error, "the last uses of API keys could not be written"),
        }
    }
}

struct Note(Vec<(ApiKeyId, ApiKeyUse)>);

impl Write for Note {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        for (key, used) in &self.0 {
            let values = params![key, used.at, used.address.to_string(), used.route.as_deref()];
            tx.execute(&NOTE, values).await?;
        }
        Ok(())
    }
}
