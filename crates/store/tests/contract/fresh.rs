//! A fresh database for each test.

use std::time::Duration;

use countersign_store::{Announcement, Changes, Location, Store, StoreSettings};

/// A thousand callers at once wait for each other, however slow the machine is.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Fresh {
    pub settings: StoreSettings,
    pub directory: Option<tempfile::TempDir>,
}

impl Fresh {
    pub fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut settings = StoreSettings::sqlite(directory.path().join("data"));
        settings.patience = PATIENCE;
        Self { settings, directory: Some(directory) }
    }

    pub fn postgres() -> Option<Self> {
        let server = crate::postgres_server::server()?;
        let mut settings = StoreSettings::postgres(server.database());
        settings.connections = 8;
        settings.patience = PATIENCE;
        Some(Self { settings, directory: None })
    }

    /// A store on this database; each call another one, as another process would have it.
    pub async fn open(&self) -> Store {
        Store::open(&self.settings).await.unwrap()
    }

    /// Runs SQL behind the store's back.
    pub async fn tamper(&self, sql: &str) {
        match &self.settings.location {
            Location::Directory(directory) => {
                let connection = rusqlite::Connection::open(directory.join("countersign.db")).unwrap();
                connection.busy_timeout(Duration::from_secs(10)).unwrap();
                connection.execute_batch(sql).unwrap();
            }
            Location::Postgres(url) => {
                let (client, connection) =
                    tokio_postgres::connect(url.expose(), tokio_postgres::NoTls).await.unwrap();
                let connection = tokio::spawn(connection);
                client.batch_execute(sql).await.unwrap();
                drop(client);
                connection.await.unwrap().unwrap();
            }
        }
    }
}

/// The next announcement, which must come.
pub async fn next(changes: &mut Changes) -> Announcement {
    tokio::time::timeout(Duration::from_secs(20), changes.next())
        .await
        .expect("no announcement came")
        .unwrap()
}
