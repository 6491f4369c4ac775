//! What is kept on disk: SQLite and PostgreSQL behind the engines' ports, one file an aggregate.
//!
//! Every statement is written once for both databases. An operation that changes something is one transaction, and
//! is durable when it returns; what checkers may have remembered of it is announced in the same transaction.

mod access_tokens;
mod api_key_use;
mod api_keys;
mod applications;
mod assertions;
mod backchannel;
mod certificates;
mod changes;
mod clients;
mod codes;
mod decoupled;
mod error;
mod grants;
mod interactions;
mod migrate;
mod postgres;
mod proofs;
mod purge;
mod pushed_requests;
mod refresh_tokens;
mod registrations;
mod revocations;
mod sessions;
mod settings;
mod signing_keys;
mod sql;
mod sqlite;
mod tx;
mod users;
mod writable;

use std::sync::Arc;
use std::time::Duration;

use countersign_model::Timestamp;

pub use api_key_use::ApiKeyUse;
pub use api_keys::ListedApiKey;
pub use changes::{Announcement, Changes};
pub use error::StoreError;
pub use grants::AuthorizedClient;
pub use registrations::RegistrationToken;
pub use sessions::{ListedSession, RevokedSessions, WhichSessions};
pub use settings::{Location, StoreSettings};

use api_key_use::Uses;
use changes::Feed;
use sql::{Param, Row, Sql};
use tx::Write;
use writable::LastProbe;

type Result<T, E = StoreError> = std::result::Result<T, E>;

/// The store. Cheap to clone; every clone is the same store.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    database: Database,
    feed: Arc<Feed>,
    uses: Uses,
    reference_token_freshness: Duration,
    last_probe: LastProbe,
}

#[derive(Debug)]
enum Database {
    Sqlite(sqlite::Database),
    Postgres(postgres::Database),
}

impl Store {
    /// Opens the database, makes it when missing (SQLite), and brings it to this program's schema.
    ///
    /// # Errors
    /// Each says what to do: a directory that can't be written, a damaged file, a full disk, a database of a newer
    /// version, a server that does not answer.
    pub async fn open(settings: &StoreSettings) -> Result<Self> {
        let feed = Arc::new(Feed::new());
        let database = match &settings.location {
            Location::Directory(directory) => {
                let (directory, settings, feed) = (directory.clone(), settings.clone(), Arc::clone(&feed));
                let opening =
                    tokio::task::spawn_blocking(move || sqlite::Database::open(&directory, &settings, feed));
                let opened = opening.await.map_err(|error| StoreError::Database(error.to_string()))?;
                Database::Sqlite(opened?)
            }
            Location::Postgres(url) => {
                Database::Postgres(postgres::Database::open(url.expose(), settings, Arc::clone(&feed)).await?)
            }
        };
        let uses = Uses::default();
        let reference_token_freshness = settings.reference_token_freshness;
        let inner = Arc::new(Inner {
            database,
            feed,
            uses,
            reference_token_freshness,
            last_probe: LastProbe::default(),
        });
        tokio::spawn(api_key_use::write_regularly(Arc::downgrade(&inner)));
        Ok(Self { inner })
    }

    /// Writes what is gathered, finishes what is queued, and closes the database. Whatever comes later is refused.
    pub async fn close(&self) {
        if let Err(error) = self.write_api_key_uses().await {
            tracing::warn!(%error, "the last uses of API keys could not be written");
        }
        match &self.inner.database {
            Database::Sqlite(database) => database.close().await,
            Database::Postgres(database) => database.close(),
        }
        self.inner.feed.close();
    }

    /// Where the data is, for people to read: a file, or `user@host:port/database`. Never a password.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.inner.database {
            Database::Sqlite(database) => format!("SQLite at {}", database.path().display()),
            Database::Postgres(database) => format!("PostgreSQL at {}", database.name()),
        }
    }

    /// Asks the database for something trivial: whether the store is ready.
    ///
    /// # Errors
    /// Whatever keeps the database from answering, or what is written from being kept.
    pub async fn ping(&self) -> Result<()> {
        if let Database::Sqlite(database) = &self.inner.database {
            database.is_there()?;
        }
        self.one(&changes::LAST, &[]).await.map(drop)
    }

    /// Subscribes to the change feed. A checker that starts subscribes first and asks for the revocations then, so
    /// that nothing falls between.
    #[must_use]
    pub fn subscribe(&self) -> Changes {
        self.inner.feed.subscribe()
    }

    /// Removes what has expired, at most `batch` rows of each kind; returns how many rows were removed. Call it again
    /// while it returns something.
    ///
    /// # Errors
    /// Whatever keeps the database from answering.
    pub async fn purge(&self, now: Timestamp, batch: u32) -> Result<u64> {
        purge::purge(self, now, batch).await
    }

    /// Prepares every statement of every aggregate: proof that the database understands them all.
    ///
    /// # Errors
    /// Names the first statement that it does not.
    pub async fn prepare_every_statement(&self) -> Result<usize> {
        let mut prepared = 0;
        for (name, sql) in statements() {
            let result = match &self.inner.database {
                Database::Sqlite(database) => database.prepare(sql),
                Database::Postgres(database) => database.prepare(sql).await,
            };
            result.map_err(|error| StoreError::Database(format!("{name}: {error}")))?;
            prepared += 1;
        }
        Ok(prepared)
    }

    /// The rows of a reading statement that finds few.
    async fn all(&self, sql: &'static Sql, params: &[Param<'_>]) -> Result<Vec<Row>> {
        match &self.inner.database {
            Database::Sqlite(database) => database.read(sql, params),
            Database::Postgres(database) => database.read(sql, params).await,
        }
    }

    /// The row of a reading statement that finds one or none.
    async fn one(&self, sql: &'static Sql, params: &[Param<'_>]) -> Result<Option<Row>> {
        Ok(self.all(sql, params).await?.into_iter().next())
    }

    /// The rows of a reading statement that may find many.
    async fn many(&self, sql: &'static Sql, params: &[Param<'_>]) -> Result<Vec<Row>> {
        match &self.inner.database {
            Database::Sqlite(database) => database.read_apart(sql, params).await,
            Database::Postgres(database) => database.read(sql, params).await,
        }
    }

    /// One transaction, durable when this returns.
    async fn write<W: Write>(&self, work: W) -> Result<W::Output> {
        match &self.inner.database {
            Database::Sqlite(database) => database.write(work).await,
            Database::Postgres(database) => database.write(work).await,
        }
    }
}

/// Reads every row.
fn read_all<T>(rows: Vec<Row>, read: impl Fn(Row) -> Result<T>) -> Result<Vec<T>> {
    rows.into_iter().map(read).collect()
}

/// Every statement of every aggregate, with its name.
fn statements() -> impl Iterator<Item = (&'static str, &'static Sql)> {
    [
        access_tokens::STATEMENTS,
        api_key_use::STATEMENTS,
        api_keys::STATEMENTS,
        applications::STATEMENTS,
        assertions::STATEMENTS,
        backchannel::STATEMENTS,
        proofs::STATEMENTS,
        certificates::STATEMENTS,
        changes::STATEMENTS,
        clients::STATEMENTS,
        codes::STATEMENTS,
        decoupled::STATEMENTS,
        grants::STATEMENTS,
        interactions::STATEMENTS,
        pushed_requests::STATEMENTS,
        migrate::STATEMENTS,
        purge::STATEMENTS,
        refresh_tokens::STATEMENTS,
        registrations::STATEMENTS,
        revocations::STATEMENTS,
        sessions::STATEMENTS,
        signing_keys::STATEMENTS,
        users::STATEMENTS,
        writable::STATEMENTS,
    ]
    .into_iter()
    .flatten()
    .copied()
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_question_mark_is_a_placeholder() {
        for (name, sql) in super::statements() {
            let (first, others) = sql.sqlite().split_once('?').unwrap_or((sql.sqlite(), "1"));
            let mut after = others.split('?');
            assert!(!first.contains('$'), "{name}");
            assert!(after.all(|rest| rest.starts_with(|c: char| c.is_ascii_digit() && c != '0')), "{name}");
        }
    }
}
