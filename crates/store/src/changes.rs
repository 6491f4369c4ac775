//! The change feed: what checkers must be told, written in the transaction that makes it true, told in order and
//! without gaps, in this process at once and in others a moment later. Who missed something is told that.

use std::sync::{Mutex, PoisonError};

use countersign_access::ports::Change;
use countersign_model::{ClientId, GrantId, Timestamp, TokenHash, TokenId, UserId, Username};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::{self, error::RecvError};

use crate::sql::{Param, Row, json, params, statements};
use crate::tx::Tx;
use crate::{Result, StoreError};

/// Wakes the other nodes on PostgreSQL; sent when the transaction commits.
pub(crate) const NOTIFY: &str = "NOTIFY countersign_changes";
/// What a node listens on.
pub(crate) const LISTEN: &str = "LISTEN countersign_changes";

/// How many announcements a slow subscriber may be behind before it is told to start afresh.
const CAPACITY: usize = 4096;
/// How many changes are read at once.
const PAGE: i64 = 500;

statements! {
    COUNT = "UPDATE counters SET value = value + 1 WHERE name = 'changes' RETURNING value";
    INSERT = "INSERT INTO changes (seq, at, document) VALUES (?1, ?2, ?3)";
    pub(crate) LAST = "SELECT value FROM counters WHERE name = 'changes'";
    /// Always one row at least, so that a gap at the end is seen too.
    pub(crate) AFTER = "SELECT counters.value, changes.seq, changes.document FROM counters \
        LEFT JOIN changes ON changes.seq > ?1 WHERE counters.name = 'changes' ORDER BY changes.seq LIMIT ?2";
}

/// What the change feed says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Announcement {
    /// Something changed.
    Change(Change),
    /// Changes were missed: forget everything remembered, and ask for the revocations again.
    Resync,
}

/// A subscription to the change feed. It hears of every change committed after it was made.
#[derive(Debug)]
pub struct Changes {
    receiver: broadcast::Receiver<Announcement>,
}

impl Changes {
    /// The next announcement; `None` when the store was closed. A change may be told twice, never too seldom: a
    /// subscriber that was too slow is told to start afresh.
    pub async fn next(&mut self) -> Option<Announcement> {
        match self.receiver.recv().await {
            Ok(announcement) => Some(announcement),
            Err(RecvError::Lagged(_)) => Some(Announcement::Resync),
            Err(RecvError::Closed) => None,
        }
    }
}

/// Where announcements go in this process.
#[derive(Debug)]
pub(crate) struct Feed {
    sender: Mutex<Option<broadcast::Sender<Announcement>>>,
}

impl Feed {
    pub(crate) fn new() -> Self {
        Self { sender: Mutex::new(Some(broadcast::Sender::new(CAPACITY))) }
    }

    pub(crate) fn subscribe(&self) -> Changes {
        let receiver = match self.sender.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            Some(sender) => sender.subscribe(),
            None => broadcast::channel(1).1,
        };
        Changes { receiver }
    }

    pub(crate) fn close(&self) {
        drop(self.sender.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    fn tell(&self, announcement: Announcement) {
        if let Some(sender) = self.sender.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            // No subscriber is no error.
            drop(sender.send(announcement));
        }
    }
}

/// How far this process has read.
#[derive(Debug)]
pub(crate) struct Cursor {
    last: i64,
}

impl Cursor {
    /// Starts after everything there is, as [`LAST`] tells it.
    pub(crate) fn at(rows: Vec<Row>) -> Result<Self> {
        let mut row =
            rows.into_iter().next().ok_or_else(|| StoreError::Unreadable("no change counter".into()))?;
        Ok(Self { last: row.int()? })
    }

    /// The parameters of [`AFTER`].
    pub(crate) fn params(&self) -> [Param<'static>; 2] {
        [self.last.into(), PAGE.into()]
    }

    /// Tells what [`AFTER`] read. Returns whether there may be more.
    ///
    /// Numbers have no gaps, so a gap means that rows were removed before this process read them, and a smaller
    /// counter that the database was restored from a backup.
    pub(crate) fn advance(&mut self, rows: Vec<Row>, feed: &Feed) -> Result<bool> {
        let more = i64::try_from(rows.len()).is_ok_and(|count| count >= PAGE);
        for mut row in rows {
            let latest = row.int()?;
            let (seq, document) = (row.int_or_null()?, row.text_or_null()?);
            let seq = seq.unwrap_or(latest);
            let missed = match &document {
                Some(_) => seq != self.last + 1,
                None => seq != self.last,
            };
            self.last = seq;
            if missed {
                feed.tell(Announcement::Resync);
            }
            // What a newer version announces and this one can't read may concern anything.
            let announcement = document.map(|text| {
                serde_json::from_str::<Stored>(&text)
                    .map_or(Announcement::Resync, |stored| Announcement::Change(stored.into()))
            });
            if let Some(announcement) = announcement {
                feed.tell(announcement);
            }
        }
        Ok(more)
    }
}

/// Writes one change. Whoever holds the counter's row goes first: numbers become visible in their order, also on
/// PostgreSQL.
pub(crate) async fn write(tx: &mut Tx<'_>, change: &Change, now: Timestamp) -> Result<()> {
    let mut counted = tx
        .optional(&COUNT, params![])
        .await?
        .ok_or_else(|| StoreError::Unreadable("no change counter".into()))?;
    let document = json(&Stored::from(change.clone()))?;
    tx.execute(&INSERT, &[counted.int()?.into(), now.into(), document]).await?;
    Ok(())
}

/// A change as it rests.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
enum Stored {
    ApiKey { hash: TokenHash },
    User { id: UserId, username: Username },
    Client { id: ClientId },
    TokenRevoked { id: TokenId, until: Timestamp },
    GrantRevoked { id: GrantId, until: Timestamp },
    SigningKeys {},
    Certificates {},
}

impl From<Change> for Stored {
    fn from(change: Change) -> Self {
        match change {
            Change::ApiKey(hash) => Self::ApiKey { hash },
            Change::User(id, username) => Self::User { id, username },
            Change::Client(id) => Self::Client { id },
            Change::TokenRevoked(id, until) => Self::TokenRevoked { id, until },
            Change::GrantRevoked(id, until) => Self::GrantRevoked { id, until },
            Change::SigningKeys => Self::SigningKeys {},
            Change::Certificates => Self::Certificates {},
        }
    }
}

impl From<Stored> for Change {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::ApiKey { hash } => Self::ApiKey(hash),
            Stored::User { id, username } => Self::User(id, username),
            Stored::Client { id } => Self::Client(id),
            Stored::TokenRevoked { id, until } => Self::TokenRevoked(id, until),
            Stored::GrantRevoked { id, until } => Self::GrantRevoked(id, until),
            Stored::SigningKeys {} => Self::SigningKeys,
            Stored::Certificates {} => Self::Certificates,
        }
    }
}
