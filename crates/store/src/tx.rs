//! One transaction, on either database, and the operations that run in one.

use std::future::Future;

use countersign_access::ports::Change;
use countersign_model::Timestamp;

use crate::sql::{Param, Row, Sql};
use crate::{Result, changes, postgres, sqlite};

/// An operation that runs in one transaction: all of it is kept, or nothing.
///
/// It owns what it needs, because it may run on the writer's thread, and it may run again from the start when the
/// database asks for that.
pub(crate) trait Write: Send + Sync + 'static {
    type Output: Send + 'static;

    /// Does the work. On SQLite nothing in here may wait for anything but the transaction itself.
    fn run(&self, tx: &mut Tx<'_>) -> impl Future<Output = Result<Self::Output>> + Send;
}

/// An open transaction.
pub(crate) struct Tx<'c> {
    connection: Connection<'c>,
    changes: Vec<(Change, Timestamp)>,
}

enum Connection<'c> {
    Sqlite(&'c mut rusqlite::Connection),
    Postgres(deadpool_postgres::Transaction<'c>),
}

impl<'c> Tx<'c> {
    pub(crate) fn sqlite(connection: &'c mut rusqlite::Connection) -> Self {
        Self { connection: Connection::Sqlite(connection), changes: Vec::new() }
    }

    pub(crate) fn postgres(transaction: deadpool_postgres::Transaction<'c>) -> Self {
        Self { connection: Connection::Postgres(transaction), changes: Vec::new() }
    }

    /// Runs a statement; returns how many rows it touched.
    pub(crate) async fn execute(&mut self, sql: &'static Sql, params: &[Param<'_>]) -> Result<u64> {
        match &mut self.connection {
            Connection::Sqlite(connection) => sqlite::execute(connection, sql, params),
            Connection::Postgres(transaction) => {
                let statement = transaction.prepare_cached(sql.postgres()).await.map_err(postgres::failed)?;
                let params = postgres::borrowed(params);
                transaction.execute(&statement, &params).await.map_err(postgres::failed)
            }
        }
    }

    /// Every row of a statement.
    pub(crate) async fn all(&mut self, sql: &'static Sql, params: &[Param<'_>]) -> Result<Vec<Row>> {
        match &mut self.connection {
            Connection::Sqlite(connection) => sqlite::all(connection, sql, params),
            Connection::Postgres(transaction) => {
                let statement = transaction.prepare_cached(sql.postgres()).await.map_err(postgres::failed)?;
                let params = postgres::borrowed(params);
                let rows = transaction.query(&statement, &params).await.map_err(postgres::failed)?;
                rows.iter().map(postgres::row).collect()
            }
        }
    }

    /// The first row of a statement, if there is one.
    pub(crate) async fn optional(&mut self, sql: &'static Sql, params: &[Param<'_>]) -> Result<Option<Row>> {
        Ok(self.all(sql, params).await?.into_iter().next())
    }

    /// Announces a change when, and only when, the transaction commits.
    pub(crate) fn announce(&mut self, change: Change, now: Timestamp) {
        self.changes.push((change, now));
    }

    /// Writes the announcements. They come last, so that the row that numbers them is held for the shortest time
    /// and nothing is locked after it. Returns whether there were any.
    pub(crate) async fn finish(&mut self) -> Result<bool> {
        let announced = std::mem::take(&mut self.changes);
        for (change, now) in &announced {
            changes::write(self, change, *now).await?;
        }
        if !announced.is_empty()
            && let Connection::Postgres(transaction) = &mut self.connection
        {
            transaction.batch_execute(changes::NOTIFY).await.map_err(postgres::failed)?;
        }
        Ok(!announced.is_empty())
    }

    /// Commits on PostgreSQL. On SQLite the writer commits many of these at once.
    pub(crate) async fn commit_postgres(self) -> Result<(), tokio_postgres::Error> {
        match self.connection {
            Connection::Sqlite(_) => Ok(()),
            Connection::Postgres(transaction) => transaction.commit().await,
        }
    }
}
