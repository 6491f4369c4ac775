//! What every command stands on: the data directory, the store, the clock.

use countersign_access::TokenKind;
use countersign_model::{Env, SecretString};
use countersign_store::{Store, StoreSettings};

use super::{Parts, files, keys};
use crate::config::{Config, checked};
use crate::output::Failure;

/// Opens the store that the configuration names, making the data directory if it is missing.
///
/// # Errors
/// When it can't be opened; the text says what to do.
pub(crate) async fn open_store(config: &Config) -> Result<Store, Failure> {
    files::private_directory(&config.data_dir)?;
    let settings = match &config.store {
        checked::Store::Sqlite => StoreSettings::sqlite(&config.data_dir),
        checked::Store::PostgresUrl(url) => StoreSettings::postgres(url.expose().as_str()),
        checked::Store::PostgresUrlFile(file) => {
            StoreSettings::postgres(files::read_secret(file)?.expose().as_str())
        }
    };
    Ok(Store::open(&settings).await?)
}

/// What a management command works with.
pub(crate) struct Desk {
    /// The checked configuration.
    pub(crate) config: Config,
    /// The store, shared with a running server.
    pub(crate) store: Store,
    /// Time and randomness.
    pub(crate) env: Env,
}

impl Desk {
    /// Opens the store of a configuration.
    ///
    /// # Errors
    /// As [`open_store`].
    pub(crate) async fn open(config: Config) -> Result<Self, Failure> {
        let store = open_store(&config).await?;
        Ok(Self { config, store, env: Env::system() })
    }

    /// The shared parts over the same store, with the master key: for commands that sign, rotate or issue.
    ///
    /// # Errors
    /// When the master key is missing or another one.
    pub(crate) async fn parts(&self) -> Result<Parts, Failure> {
        let master = keys::master_key(&self.config, &self.env, &self.store).await?;
        Parts::assemble(&self.config, self.env.clone(), self.store.clone(), master).await
    }

    /// A generated password or secret: 256 random bits, and what it is.
    pub(crate) fn generate(&self, kind: TokenKind) -> SecretString {
        kind.generate(&*self.env.rng)
    }
}

/// Runs one command's future to its end on this thread.
///
/// # Errors
/// The future's own, or when no runtime can be made.
pub(crate) fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future)
}

/// The runtime that serves: as many workers as the configuration says, or one a processor. One worker needs no
/// thread of its own and no work stealing.
///
/// # Errors
/// When the system gives no threads.
pub(crate) fn runtime(config: &Config) -> Result<tokio::runtime::Runtime, Failure> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = config.network.workers.map_or(processors, usize::from);
    let mut builder = match workers {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    if workers > 1 {
        builder.worker_threads(workers);
    }
    Ok(builder.thread_name("countersign").enable_all().build()?)
}
