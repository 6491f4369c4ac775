//! PostgreSQL: a pool, cached statements, transactions that try again when the database asks for it.

mod listen;
mod target;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Pool, PoolError, RecyclingMethod, Runtime, Timeouts,
};
use tokio::task::JoinHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use crate::changes::{self, Cursor, Feed};
use crate::sql::{Cell, Param, Row, Sql};
use crate::tx::{Tx, Write};
use crate::{Result, StoreError, StoreSettings, migrate};

use target::Target;

/// How often something is tried when connections are lost.
const RECONNECTIONS: u32 = 3;
/// How often a transaction is tried when others are in its way.
const ATTEMPTS: u32 = 10;
/// The safety net under LISTEN.
const POLL: Duration = Duration::from_secs(1);

/// A PostgreSQL database.
#[derive(Debug)]
pub(crate) struct Database {
    pool: Pool,
    target: Arc<Target>,
    reading: Arc<Reading>,
    tasks: Vec<JoinHandle<()>>,
}

/// What reads the change feed.
#[derive(Debug)]
struct Reading {
    pool: Pool,
    feed: Arc<Feed>,
    cursor: tokio::sync::Mutex<Cursor>,
}

/// When a transaction failed.
enum Failed {
    /// Before its commit: nothing was kept.
    Before(StoreError),
    /// At its commit.
    AtCommit(StoreError),
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Before(error)
    }
}

impl Database {
    /// Connects, and brings the database to this program's schema.
    pub(crate) async fn open(url: &str, settings: &StoreSettings, feed: Arc<Feed>) -> Result<Self> {
        let target = Arc::new(Target::parse(url, settings)?);
        // The first connection is made by hand, for an error that says what to do.
        let (mut client, connection) = target.connect().await?;
        let connection = tokio::spawn(connection);
        migrate::postgres(&mut client).await?;
        drop(client);
        connection.abort();

        let pool = pool(&target, settings)?;
        let cursor = Cursor::at(read(&pool, &changes::LAST, &[]).await?)?;
        let reading = Arc::new(Reading { pool: pool.clone(), feed, cursor: tokio::sync::Mutex::new(cursor) });
        let wake = Arc::new(tokio::sync::Notify::new());
        let tasks = vec![
            tokio::spawn(listen::listen(Arc::clone(&target), Arc::clone(&wake))),
            tokio::spawn(follow(Arc::clone(&reading), wake)),
        ];
        Ok(Self { pool, target, reading, tasks })
    }

    /// Where the database is, without the password.
    pub(crate) fn name(&self) -> &str {
        self.target.name()
    }

    /// Runs a reading statement. When the server was restarted under a pooled connection it is simply asked again.
    pub(crate) async fn read(&self, sql: &'static Sql, params: &[Param<'_>]) -> Result<Vec<Row>> {
        let mut attempt = 1;
        loop {
            match read(&self.pool, sql, params).await {
                Err(StoreError::Unreachable { .. }) if attempt < RECONNECTIONS => attempt += 1,
                answer => return answer.map_err(|error| self.named(error)),
            }
        }
    }

    /// Runs work in a transaction, again when others were in its way or the connection was lost under it. A
    /// transaction whose commit got no answer is not tried again, because it may have been kept.
    pub(crate) async fn write<W: Write>(&self, work: W) -> Result<W::Output> {
        let mut attempt = 1;
        loop {
            let error = match self.attempt(&work).await {
                Ok(output) => return Ok(output),
                Err(Failed::AtCommit(error @ StoreError::Unreachable { .. })) => {
                    return Err(self.named(error));
                }
                Err(Failed::AtCommit(error) | Failed::Before(error)) => error,
            };
            let attempts = match &error {
                StoreError::Contended(_) => ATTEMPTS,
                StoreError::Unreachable { .. } => RECONNECTIONS,
                _ => 0,
            };
            if attempt >= attempts {
                return Err(self.named(error));
            }
            tracing::debug!(attempt, %error, "transaction tried again");
            tokio::time::sleep(Duration::from_millis(u64::from(attempt * attempt))).await;
            attempt += 1;
        }
    }

    async fn attempt<W: Write>(&self, work: &W) -> Result<W::Output, Failed> {
        let (output, announced) = {
            let mut client = self.pool.get().await.map_err(|error| no_connection(&error))?;
            let mut tx = Tx::postgres(client.transaction().await.map_err(failed)?);
            let output = work.run(&mut tx).await?;
            let announced = tx.finish().await?;
            tx.commit_postgres().await.map_err(|error| Failed::AtCommit(failed(error)))?;
            (output, announced)
        };
        if announced && let Err(error) = self.reading.pump().await {
            // It is committed; the poll tells it a moment later.
            tracing::warn!(%error, "could not read changes");
        }
        Ok(output)
    }

    /// The same error, naming the server.
    fn named(&self, error: StoreError) -> StoreError {
        match error {
            StoreError::Unreachable { detail, .. } => {
                StoreError::Unreachable { server: self.name().to_owned(), detail }
            }
            other => other,
        }
    }

    /// Prepares a statement; for the test that prepares every one.
    pub(crate) async fn prepare(&self, sql: &'static Sql) -> Result<()> {
        let client = self.pool.get().await.map_err(|error| no_connection(&error))?;
        client.prepare(sql.postgres()).await.map(drop).map_err(failed)
    }

    pub(crate) fn close(&self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        self.pool.close();
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.close();
    }
}

impl Reading {
    /// Tells this process's subscribers everything that was committed and not yet told.
    async fn pump(&self) -> Result<()> {
        let mut cursor = self.cursor.lock().await;
        loop {
            let rows = read(&self.pool, &changes::AFTER, &cursor.params()).await?;
            if !cursor.advance(rows, &self.feed)? {
                return Ok(());
            }
        }
    }
}

/// Reads the feed whenever there is word of news, and every second in case word was lost.
async fn follow(reading: Arc<Reading>, wake: Arc<tokio::sync::Notify>) {
    loop {
        let _woken_or_not = tokio::time::timeout(POLL, wake.notified()).await;
        if let Err(error) = reading.pump().await {
            tracing::warn!(%error, "could not read changes");
        }
    }
}

fn pool(target: &Target, settings: &StoreSettings) -> Result<Pool> {
    let manager = Manager::from_config(
        target.config().clone(),
        target.tls().clone(),
        ManagerConfig { recycling_method: RecyclingMethod::Fast },
    );
    // The database gives up before the caller does, so that nothing runs on unwatched.
    let patience = settings.patience.as_millis();
    let limits = format!(
        "SET statement_timeout = {patience}; SET lock_timeout = {patience}; \
         SET idle_in_transaction_session_timeout = {}",
        patience.saturating_mul(3)
    );
    let set_limits = Hook::async_fn(move |client, _| {
        let limits = limits.clone();
        Box::pin(async move { client.batch_execute(&limits).await.map_err(HookError::Backend) })
    });
    let patience = Some(settings.patience);
    Pool::builder(manager)
        .max_size(settings.connections.max(2))
        .timeouts(Timeouts { wait: patience, create: patience, recycle: patience })
        .runtime(Runtime::Tokio1)
        .post_create(set_limits)
        .build()
        .map_err(|error| StoreError::Database(error.to_string()))
}

async fn read(pool: &Pool, sql: &'static Sql, params: &[Param<'_>]) -> Result<Vec<Row>> {
    let client = pool.get().await.map_err(|error| no_connection(&error))?;
    let statement = client.prepare_cached(sql.postgres()).await.map_err(failed)?;
    let rows = client.query(&statement, &borrowed(params)).await.map_err(failed)?;
    rows.iter().map(row).collect()
}

fn no_connection(error: &PoolError) -> StoreError {
    match error {
        PoolError::Timeout(_) => StoreError::Busy("no connection became free".into()),
        PoolError::Closed => StoreError::Closed,
        PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => {
            StoreError::Unreachable {
                server: "the configured server".into(),
                detail: target::describe(error),
            }
        }
        PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
            StoreError::Database(error.to_string())
        }
    }
}

/// The parameters as the driver wants them.
pub(crate) fn borrowed<'a>(params: &'a [Param<'_>]) -> Vec<&'a (dyn ToSql + Sync)> {
    params.iter().map(|param| param as &(dyn ToSql + Sync)).collect()
}

/// Turns PostgreSQL's error into ours. Only its primary message is shown: the detail may quote values.
#[expect(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
pub(crate) fn failed(error: tokio_postgres::Error) -> StoreError {
    let detail = target::describe(&error);
    let Some(code) = error.code() else {
        return if error.is_closed() || is_io(&error) {
            StoreError::Unreachable { server: "the configured server".into(), detail }
        } else {
            StoreError::Database(detail)
        };
    };
    match *code {
        SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => {
            StoreError::Contended(detail)
        }
        SqlState::DISK_FULL => StoreError::DiskFull(detail),
        SqlState::IO_ERROR => StoreError::Io(detail),
        SqlState::READ_ONLY_SQL_TRANSACTION => StoreError::ReadOnly(detail),
        SqlState::QUERY_CANCELED | SqlState::LOCK_NOT_AVAILABLE | SqlState::TOO_MANY_CONNECTIONS => {
            StoreError::Busy(detail)
        }
        SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN | SqlState::CANNOT_CONNECT_NOW => {
            StoreError::Unreachable { server: "the configured server".into(), detail }
        }
        _ => StoreError::Database(detail),
    }
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<std::io::Error>())
}

/// A row of the driver as one of ours.
pub(crate) fn row(row: &tokio_postgres::Row) -> Result<Row> {
    let cells = (0..row.len()).map(|column| row.try_get::<_, Cell>(column).map_err(failed));
    Ok(Row::new(cells.collect::<Result<_>>()?))
}

impl<'a> tokio_postgres::types::FromSql<'a> for Cell {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        match *kind {
            Type::INT8 => i64::from_sql(kind, raw).map(Self::Int),
            Type::INT4 => i32::from_sql(kind, raw).map(|value| Self::Int(value.into())),
            Type::BOOL => bool::from_sql(kind, raw).map(|value| Self::Int(value.into())),
            Type::BYTEA => Vec::from_sql(kind, raw).map(Self::Bytes),
            _ => String::from_sql(kind, raw).map(Self::Text),
        }
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::INT8 | Type::INT4 | Type::BOOL | Type::BYTEA | Type::TEXT | Type::VARCHAR)
    }
}

impl ToSql for Param<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match (self, kind) {
            (Self::Null, _) => Ok(IsNull::Yes),
            (Self::Int(value), &Type::INT8) => value.to_sql(kind, out),
            (Self::Text(value), &Type::TEXT) => value.as_ref().to_sql(kind, out),
            (Self::Bytes(value), &Type::BYTEA) => value.as_ref().to_sql(kind, out),
            (Self::Int(_) | Self::Text(_) | Self::Bytes(_), _) => {
                Err(format!("a parameter of another type than {kind}").into())
            }
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
