//! Migrations: embedded, forward only, one text for both databases, checked by checksum at every start. A lock makes
//! two nodes that start at once take turns.

use countersign_model::TokenHash;

use crate::sql::{Row, Sql, params, statements};
use crate::{Result, StoreError, postgres, sqlite};

/// One step. A released step never changes; what comes next is another step.
struct Migration {
    version: i64,
    name: &'static str,
    text: &'static str,
}

static MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "initial", text: include_str!("../migrations/0001_initial.sql") },
    Migration { version: 2, name: "decoupled", text: include_str!("../migrations/0002_decoupled.sql") },
    Migration {
        version: 3,
        name: "registrations",
        text: include_str!("../migrations/0003_registrations.sql"),
    },
    Migration {
        version: 4,
        name: "pushed_requests",
        text: include_str!("../migrations/0004_pushed_requests.sql"),
    },
    Migration { version: 5, name: "dpop_proofs", text: include_str!("../migrations/0005_dpop_proofs.sql") },
    Migration { version: 6, name: "applications", text: include_str!("../migrations/0006_applications.sql") },
    Migration { version: 7, name: "backchannel", text: include_str!("../migrations/0007_backchannel.sql") },
    Migration {
        version: 8,
        name: "grants_by_session",
        text: include_str!("../migrations/0008_grants_by_session.sql"),
    },
    Migration {
        version: 9,
        name: "strangers_requests",
        text: include_str!("../migrations/0009_strangers_requests.sql"),
    },
    Migration {
        version: 10,
        name: "endless_tokens",
        text: include_str!("../migrations/0010_endless_tokens.sql"),
    },
];

/// This program's version, kept beside each step so that the message about a newer database can name who made it.
const PRODUCT: &str = env!("CARGO_PKG_VERSION");

static CREATE: Sql = Sql::new(
    "CREATE TABLE IF NOT EXISTS schema_migrations (version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, \
     checksum TEXT NOT NULL, product TEXT NOT NULL)",
);

statements! {
    APPLIED = "SELECT version, name, checksum, product FROM schema_migrations ORDER BY version";
    RECORD = "INSERT INTO schema_migrations (version, name, checksum, product) VALUES (?1, ?2, ?3, ?4)";
}

/// Serialises nodes that start at once on PostgreSQL; any number nobody else uses in this database.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7166043122)";

impl Migration {
    fn checksum(&self) -> String {
        TokenHash::of(self.text.as_bytes()).to_base64url()
    }
}

/// What the steps say.
#[cfg(test)]
pub(crate) fn texts() -> impl Iterator<Item = &'static str> {
    MIGRATIONS.iter().map(|migration| migration.text)
}

/// What must still be applied, after checking what was.
fn pending(applied: Vec<Row>) -> Result<&'static [Migration]> {
    let count = applied.len();
    for (position, mut row) in applied.into_iter().enumerate() {
        let (version, name, checksum) = (row.int()?, row.text()?, row.text()?);
        let product = row.text()?;
        match MIGRATIONS.get(position) {
            Some(known) if known.version == version && known.checksum() == checksum => {}
            Some(_) => return Err(StoreError::ChangedMigration { version, name }),
            None => return Err(newer(version, product)),
        }
    }
    Ok(MIGRATIONS.get(count..).unwrap_or_default())
}

fn newer(found: i64, found_product: String) -> StoreError {
    let known = MIGRATIONS.last().map_or(0, |migration| migration.version);
    StoreError::NewerSchema { found, found_product, known, known_product: PRODUCT }
}

/// Brings a SQLite database up to date.
pub(crate) fn sqlite(connection: &mut rusqlite::Connection) -> Result<()> {
    // Mostly there is nothing to do, and finding that out should not need the write lock.
    if connection.table_exists(None, "schema_migrations").map_err(sqlite::failed)?
        && pending(sqlite::all(connection, &APPLIED, &[])?)?.is_empty()
    {
        return Ok(());
    }
    let tx = connection
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .map_err(sqlite::failed)?;
    sqlite::execute(&tx, &CREATE, &[])?;
    for migration in pending(sqlite::all(&tx, &APPLIED, &[])?)? {
        tx.execute_batch(migration.text).map_err(sqlite::failed)?;
        let checksum = migration.checksum();
        sqlite::execute(&tx, &RECORD, params![migration.version, migration.name, checksum, PRODUCT])?;
        tracing::info!(version = migration.version, name = migration.name, "schema brought up to date");
    }
    tx.commit().map_err(sqlite::failed)
}

/// Brings a PostgreSQL database up to date.
pub(crate) async fn postgres(client: &mut tokio_postgres::Client) -> Result<()> {
    let tx = client.transaction().await.map_err(postgres::failed)?;
    tx.batch_execute(LOCK).await.map_err(postgres::failed)?;
    tx.batch_execute(CREATE.postgres()).await.map_err(postgres::failed)?;
    let applied = tx.query(APPLIED.postgres(), &[]).await.map_err(postgres::failed)?;
    for migration in pending(applied.iter().map(postgres::row).collect::<Result<_>>()?)? {
        tx.batch_execute(migration.text).await.map_err(postgres::failed)?;
        let checksum = migration.checksum();
        tx.execute(RECORD.postgres(), &[&migration.version, &migration.name, &checksum, &PRODUCT])
            .await
            .map_err(postgres::failed)?;
        tracing::info!(version = migration.version, name = migration.name, "schema brought up to date");
    }
    tx.commit().await.map_err(postgres::failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Cell;

    fn row(version: i64, checksum: &str) -> Row {
        let text = |text: &str| Cell::Text(text.to_owned());
        Row::new(vec![Cell::Int(version), text("step"), text(checksum), text("9.9.9")])
    }

    #[test]
    fn steps_are_numbered_from_one() {
        for (position, migration) in MIGRATIONS.iter().enumerate() {
            assert_eq!(migration.version, i64::try_from(position).unwrap() + 1);
        }
    }

    #[test]
    fn a_changed_or_unknown_step_is_refused() {
        assert!(matches!(
            pending(vec![row(1, "other")]),
            Err(StoreError::ChangedMigration { version: 1, .. })
        ));
        let mut applied: Vec<Row> = MIGRATIONS.iter().map(|m| row(m.version, &m.checksum())).collect();
        applied.push(row(99, "new"));
        let Err(error) = pending(applied) else { panic!("accepted") };
        let message = error.to_string();
        assert!(
            message.contains("99") && message.contains("9.9.9") && message.contains(PRODUCT),
            "{message}"
        );
    }
}
