//! Where the database is and how much of the machine it may take.

use std::path::PathBuf;
use std::time::Duration;

use countersign_model::SecretString;

/// How to open the store.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// Which database.
    pub location: Location,
    /// Connections: readers beside the one writer on SQLite, the size of the pool on PostgreSQL.
    pub connections: usize,
    /// How long a caller waits for its turn, a connection or an answer before it is told that the store is busy.
    pub patience: Duration,
    /// How long a reference token's answer may be kept by a checker without asking again. Revocations are announced
    /// at once; this bounds the damage when an announcement is lost.
    pub reference_token_freshness: Duration,
}

/// Which database.
#[derive(Clone, Debug)]
pub enum Location {
    /// SQLite in this data directory; made when missing.
    Directory(PathBuf),
    /// PostgreSQL at this URL: `postgres://user:password@host:port/database?sslmode=…&sslrootcert=…`.
    Postgres(SecretString),
}

impl StoreSettings {
    /// SQLite in a data directory, with defaults for the rest.
    #[must_use]
    pub fn sqlite(directory: impl Into<PathBuf>) -> Self {
        Self::at(Location::Directory(directory.into()), readers())
    }

    /// PostgreSQL at a URL, with defaults for the rest.
    #[must_use]
    pub fn postgres(url: impl Into<String>) -> Self {
        Self::at(Location::Postgres(SecretString::new(url.into())), 16)
    }

    fn at(location: Location, connections: usize) -> Self {
        Self {
            location,
            connections,
            patience: Duration::from_secs(10),
            reference_token_freshness: Duration::from_secs(30),
        }
    }
}

/// A reader is held only while a thread computes, so more readers than threads would only take memory.
fn readers() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 8)
}
