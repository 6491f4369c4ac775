//! What every surface is built from, opened in the one order that works.

use std::sync::Arc;

use countersign_ca::Authority;
use countersign_keys::MasterKey;
use countersign_model::Env;
use countersign_net::Fetcher;
use countersign_passwords::{Hasher, Limits};
use countersign_store::Store;

use super::keys::Keys;
use super::{authority, fetch, foundation, keys};
use crate::config::Config;
use crate::output::Failure;

/// The shared parts. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) env: Env,
    /// Our own issuer identifier, without a trailing slash.
    pub(crate) issuer: String,
    pub(crate) store: Store,
    pub(crate) hasher: Arc<Hasher>,
    pub(crate) keys: Keys,
    pub(crate) authority: Arc<Authority<Store>>,
    pub(crate) fetcher: Fetcher,
    /// For what is sealed under it beside the keys: secrets of clients.
    pub(crate) master: MasterKey,
}

impl Parts {
    /// Opens the store, the master key, the signing keys and the authority.
    ///
    /// # Errors
    /// The first that can't be opened, saying what to do.
    pub(crate) async fn open(config: &Config, env: Env) -> Result<Self, Failure> {
        let store = foundation::open_store(config).await?;
        let master = keys::master_key(config, &env, &store).await?;
        Self::assemble(config, env, store, master).await
    }

    /// The same over a store and a master key that are open already.
    ///
    /// # Errors
    /// As [`Parts::open`].
    pub(crate) async fn assemble(
        config: &Config,
        env: Env,
        store: Store,
        master: MasterKey,
    ) -> Result<Self, Failure> {
        let authority = Arc::new(authority::open(config, &store, &master, &env).await?);
        let keys = Keys::open(config, &store, master.clone(), &env).await?;
        let hasher = Arc::new(hasher(config, &env));
        let fetcher = fetch::fetcher(config, &env)?;
        Ok(Self { issuer: issuer(config), env, store, hasher, keys, authority, fetcher, master })
    }
}

/// Our issuer identifier. A gateway alone speaks in the name of its trust domain.
pub(crate) fn issuer(config: &Config) -> String {
    match &config.server {
        Some(server) => server.issuer.as_str().trim_end_matches('/').to_owned(),
        None => format!("https://{}", config.ca.trust_domain),
    }
}

/// The password hasher with the configured limit.
pub(crate) fn hasher(config: &Config, env: &Env) -> Hasher {
    let mut limits = Limits::default();
    if let Some(concurrent) = config.basic.concurrent_hashes {
        limits.concurrent = usize::try_from(concurrent).unwrap_or(1).max(1);
    }
    Hasher::new(limits, Arc::clone(&env.rng))
}
