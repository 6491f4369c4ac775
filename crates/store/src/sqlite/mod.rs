//! SQLite: one writer thread with group commit, and a few readers that answer on the calling thread.

mod files;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

use rusqlite::ErrorCode;
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};

use crate::changes::Feed;
use crate::sql::{Cell, Param, Row, Sql};
use crate::tx::Write;
use crate::{Result, StoreError, StoreSettings, migrate};

use writer::Writer;

/// The database's name in the data directory.
pub(crate) const FILE: &str = "countersign.db";

/// How many prepared statements a connection keeps: more than there are.
const STATEMENTS: usize = 128;

/// An open SQLite database.
#[derive(Debug)]
pub(crate) struct Database {
    path: Arc<Path>,
    file: files::Identity,
    readers: Arc<Readers>,
    writer: Writer,
}

impl Database {
    /// Opens the database in a directory, makes it when missing, and brings it to this program's schema.
    pub(crate) fn open(directory: &Path, settings: &StoreSettings, feed: Arc<Feed>) -> Result<Self> {
        let path: Arc<Path> = files::prepare(directory)?.into();
        let mut connection = connect(&path, Role::Writer, settings.patience)?;
        migrate::sqlite(&mut connection).map_err(|error| error.at(&path))?;
        let file = files::Identity::of(&path).map_err(|error| StoreError::Io(error.to_string()).at(&path))?;
        let writer = Writer::start(connection, (Arc::clone(&path), file), feed, settings.patience);
        let writer = writer.map_err(|error| error.at(&path))?;
        let readers = Arc::new(Readers::new(Arc::clone(&path), settings));
        Ok(Self { path, file, readers, writer })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes sure that the file is where it was opened.
    pub(crate) fn is_there(&self) -> Result<()> {
        self.file.still(&self.path)
    }

    /// Runs a reading statement on the calling thread: a point read takes microseconds.
    pub(crate) fn read(&self, sql: &'static Sql, params: &[Param<'_>]) -> Result<Vec<Row>> {
        self.readers.read(sql, params)
    }

    /// Runs a reading statement that may take its time, away from the threads that serve.
    pub(crate) async fn read_apart(&self, sql: &'static Sql, params: &[Param<'_>]) -> Result<Vec<Row>> {
        let params: Vec<Param<'static>> = params.iter().map(|param| param.clone().into_owned()).collect();
        let readers = Arc::clone(&self.readers);
        let reading = tokio::task::spawn_blocking(move || readers.read(sql, &params));
        reading.await.map_err(|error| StoreError::Database(error.to_string()))?
    }

    /// Prepares a statement; for the test that prepares every one.
    pub(crate) fn prepare(&self, sql: &'static Sql) -> Result<()> {
        connect(&self.path, Role::Reader, self.readers.patience)?
            .prepare(sql.sqlite())
            .map(drop)
            .map_err(failed)
    }

    pub(crate) async fn write<W: Write>(&self, work: W) -> Result<W::Output> {
        self.writer.write(work).await
    }

    /// Finishes what is queued and closes the database.
    pub(crate) async fn close(&self) {
        self.writer.close().await;
        self.readers.close();
    }
}

/// A few connections that only read. They open when first needed.
#[derive(Debug)]
struct Readers {
    path: Arc<Path>,
    patience: Duration,
    connections: Vec<Mutex<Reader>>,
    next: AtomicUsize,
}

#[derive(Debug)]
enum Reader {
    Unopened,
    Open(rusqlite::Connection),
    Closed,
}

impl Readers {
    fn new(path: Arc<Path>, settings: &StoreSettings) -> Self {
        let connections = (0..settings.connections.max(1)).map(|_| Mutex::new(Reader::Unopened)).collect();
        Self { path, patience: settings.patience, connections, next: AtomicUsize::new(0) }
    }

    fn read(&self, sql: &'static Sql, params: &[Param<'_>]) -> Result<Vec<Row>> {
        // The first free one, so that a quiet process warms the cache of one connection only.
        for reader in &self.connections {
            match reader.try_lock() {
                Ok(mut reader) => return self.read_on(&mut reader, sql, params),
                Err(TryLockError::Poisoned(poisoned)) => {
                    return self.read_on(&mut poisoned.into_inner(), sql, params);
                }
                Err(TryLockError::WouldBlock) => {}
            }
        }
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.connections.len();
        let reader = self.connections.get(turn).ok_or(StoreError::Closed)?;
        self.read_on(&mut reader.lock().unwrap_or_else(PoisonError::into_inner), sql, params)
    }

    fn read_on(&self, reader: &mut Reader, sql: &'static Sql, params: &[Param<'_>]) -> Result<Vec<Row>> {
        if matches!(reader, Reader::Unopened) {
            *reader = Reader::Open(connect(&self.path, Role::Reader, self.patience)?);
        }
        match reader {
            Reader::Open(connection) => all(connection, sql, params).map_err(|error| error.at(&self.path)),
            Reader::Unopened | Reader::Closed => Err(StoreError::Closed),
        }
    }

    fn close(&self) {
        for reader in &self.connections {
            *reader.lock().unwrap_or_else(PoisonError::into_inner) = Reader::Closed;
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Writer,
    Reader,
}

fn connect(path: &Path, role: Role, patience: Duration) -> Result<rusqlite::Connection> {
    use rusqlite::OpenFlags;
    // Readers open for writing too: a reader may have to rebuild the WAL's index. `query_only` holds them to reading.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = rusqlite::Connection::open_with_flags(path, flags).map_err(|e| failed(e).at(path))?;
    configure(&connection, role, patience).map_err(|error| failed(error).at(path))?;
    Ok(connection)
}

fn configure(connection: &rusqlite::Connection, role: Role, patience: Duration) -> rusqlite::Result<()> {
    connection.busy_timeout(patience)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Without this SQLite plans a prepared statement again whenever a parameter changes.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    match role {
        // WAL lets readers go on while one writes; FULL makes every commit durable before it is answered. A page that is
        // written by one commit after the other reaches the database file once in 16 MB of log.
        Role::Writer => {
            let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
            if mode != "wal" {
                tracing::warn!(mode, "no write-ahead log on this file system: readers will wait for writers");
            }
            connection.execute_batch(
                "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -2048; \
                 PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 16777216; \
                 PRAGMA temp_store = MEMORY;",
            )
        }
        Role::Reader => connection.execute_batch(
            "PRAGMA query_only = ON; PRAGMA foreign_keys = ON; PRAGMA cache_size = -512; \
             PRAGMA temp_store = MEMORY;",
        ),
    }
}

pub(crate) fn execute(
    connection: &rusqlite::Connection,
    sql: &'static Sql,
    params: &[Param<'_>],
) -> Result<u64> {
    let mut statement = connection.prepare_cached(sql.sqlite()).map_err(failed)?;
    let touched = statement.execute(rusqlite::params_from_iter(params)).map_err(failed)?;
    Ok(u64::try_from(touched).unwrap_or(u64::MAX))
}

pub(crate) fn all(
    connection: &rusqlite::Connection,
    sql: &'static Sql,
    params: &[Param<'_>],
) -> Result<Vec<Row>> {
    let mut statement = connection.prepare_cached(sql.sqlite()).map_err(failed)?;
    let width = statement.column_count();
    let mut rows = statement.query(rusqlite::params_from_iter(params)).map_err(failed)?;
    let mut read = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let cells = (0..width).map(|column| row.get_ref(column).map_err(failed).and_then(cell));
        read.push(Row::new(cells.collect::<Result<_>>()?));
    }
    Ok(read)
}

fn cell(value: ValueRef<'_>) -> Result<Cell> {
    match value {
        ValueRef::Null => Ok(Cell::Null),
        ValueRef::Integer(value) => Ok(Cell::Int(value)),
        ValueRef::Text(value) => String::from_utf8(value.to_vec())
            .map(Cell::Text)
            .map_err(|_| StoreError::Unreadable("a text that is not UTF-8".into())),
        ValueRef::Blob(value) => Ok(Cell::Bytes(value.to_vec())),
        ValueRef::Real(_) => Err(StoreError::Unreadable("a fraction".into())),
    }
}

impl rusqlite::ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Bytes(value) => ValueRef::Blob(value),
        }))
    }
}

/// Turns SQLite's error into ours. The statement's text has no values in it, so its message may be shown.
#[expect(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
pub(crate) fn failed(error: rusqlite::Error) -> StoreError {
    let detail = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::DiskFull(detail),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StoreError::Corrupt { path: FILE.to_owned(), detail }
        }
        Some(
            ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied,
        ) => StoreError::ReadOnly(detail),
        Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => StoreError::Io(detail),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => {
            StoreError::Busy(detail)
        }
        _ => StoreError::Database(detail),
    }
}

impl StoreError {
    /// The same error, naming the file where that helps.
    fn at(self, path: &Path) -> Self {
        match self {
            Self::Corrupt { detail, .. } => Self::Corrupt { path: path.display().to_string(), detail },
            Self::Io(detail) => Self::Io(format!("{}: {detail}", path.display())),
            Self::ReadOnly(detail) => Self::ReadOnly(format!("{}: {detail}", path.display())),
            Self::Busy(detail) => Self::Busy(format!("{}: {detail}", path.display())),
            Self::DiskFull(detail) => Self::DiskFull(format!("{}: {detail}", path.display())),
            other => other,
        }
    }
}

/// The path of the database in a data directory.
pub(crate) fn path_in(directory: &Path) -> PathBuf {
    directory.join(FILE)
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    #[test]
    fn a_statement_is_planned_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = files::prepare(directory.path()).unwrap();
        let patience = Duration::from_secs(1);
        migrate::sqlite(&mut connect(&path, Role::Writer, patience).unwrap()).unwrap();
        let connection = connect(&path, Role::Reader, patience).unwrap();
        for (name, sql) in crate::statements() {
            let mut statement = connection.prepare_cached(sql.sqlite()).unwrap();
            if !statement.readonly() {
                continue;
            }
            for text in ["one", "two", "three"] {
                let params = (0..statement.parameter_count()).map(|_| Param::from(text));
                let mut rows = statement.query(rusqlite::params_from_iter(params)).unwrap();
                // A text where a number belongs fails in LIMIT only, and that is as good.
                while let Ok(Some(_)) = rows.next() {}
            }
            assert_eq!(statement.get_status(StatementStatus::RePrepare), 0, "{name}");
        }
    }
}
