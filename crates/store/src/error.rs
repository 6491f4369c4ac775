//! What can go wrong, and what to do about it.

use std::path::PathBuf;

/// The store could not do what it was asked. Each message says what to do; none holds a password.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The data directory can't be made or written.
    #[error(
        "the data directory {path} can't be written ({detail}): give the user that runs Countersign the right to \
         write there, or choose another directory"
    )]
    DirectoryNotWritable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        detail: String,
    },
    /// The database is read-only.
    #[error(
        "the database is read-only ({0}): look at the rights of its files and directory, and whether the file \
         system was mounted or switched to read-only"
    )]
    ReadOnly(String),
    /// The file is no database or is damaged.
    #[error(
        "{path} is damaged or no Countersign database ({detail}): stop Countersign, keep a copy of the file, and \
         restore a backup; `sqlite3 {path} .recover` may save what is left"
    )]
    Corrupt {
        /// Which file.
        path: String,
        /// What SQLite said.
        detail: String,
    },
    /// The file was removed or exchanged under the open database.
    #[error(
        "the database {path} was removed or exchanged while it was open: nothing more is written, because it would be \
         lost; stop Countersign, put the file back or restore a backup, and start again"
    )]
    Gone {
        /// Which file.
        path: String,
    },
    /// No space is left.
    #[error("no space is left for the database ({0}): nothing was lost; free some space and try again")]
    DiskFull(String),
    /// Reading or writing the disk failed.
    #[error("the database could not read or write its disk ({0}): look at the system's log for disk errors")]
    Io(String),
    /// Somebody else held the database for too long, or too much is waiting.
    #[error("the database is busy ({0}): try again, and look for another program that holds it")]
    Busy(String),
    /// Another transaction was in the way; the store tries again by itself before it says so.
    #[error("the database was too contended ({0}): try again")]
    Contended(String),
    /// The database is of a newer version of the product.
    #[error(
        "the database has schema version {found}, made by Countersign {found_product}; this is Countersign \
         {known_product}, which knows versions up to {known}: run Countersign {found_product} or newer, or restore \
         a backup made before the upgrade"
    )]
    NewerSchema {
        /// The database's version.
        found: i64,
        /// Who made it.
        found_product: String,
        /// The newest this program knows.
        known: i64,
        /// This program.
        known_product: &'static str,
    },
    /// A migration that was applied is not the one this program holds.
    #[error(
        "schema version {version} ({name}) of the database was made by a different text than this program holds: \
         the database belongs to another build; run that build, or restore a backup"
    )]
    ChangedMigration {
        /// Which.
        version: i64,
        /// Its name.
        name: String,
    },
    /// The URL of the database can't be used.
    #[error("the database URL can't be used: {0}")]
    InvalidUrl(String),
    /// PostgreSQL can't be reached.
    #[error(
        "PostgreSQL at {server} can't be reached ({detail}): look whether it runs, and at the host and port of the \
         database URL"
    )]
    Unreachable {
        /// Where, without user and password.
        server: String,
        /// What went wrong.
        detail: String,
    },
    /// PostgreSQL refused the connection.
    #[error("PostgreSQL at {server} refused the connection ({detail}): {advice}")]
    Refused {
        /// Where, without the password.
        server: String,
        /// What it said.
        detail: String,
        /// What to do.
        advice: &'static str,
    },
    /// There is one already.
    #[error("there is already {what}: choose another name")]
    AlreadyExists {
        /// What there is: `a user "ada"`.
        what: String,
    },
    /// A stored value can't be read.
    #[error(
        "the database holds a value that can't be read ({0}): it was changed by other hands or a newer version"
    )]
    Unreadable(String),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// Anything else.
    #[error("the database could not answer: {0}")]
    Database(String),
}

impl From<StoreError> for countersign_oauth::ports::Unavailable {
    fn from(error: StoreError) -> Self {
        Self(Box::new(error))
    }
}

impl From<StoreError> for countersign_keys::ports::Unavailable {
    fn from(error: StoreError) -> Self {
        Self(Box::new(error))
    }
}

impl From<StoreError> for countersign_ca::ports::Unavailable {
    fn from(error: StoreError) -> Self {
        Self(Box::new(error))
    }
}

impl From<StoreError> for countersign_access::ports::Unavailable {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}
