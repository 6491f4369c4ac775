//! The whole product in somebody's own process: what `countersign serve` starts, with a clock and randomness to choose.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use countersign_ca::Authority;
use countersign_model::Env;
use countersign_store::Store;

use crate::config::read;
use crate::output::Failure;
use crate::wiring::System;

/// A running Countersign. Dropped, it stops where it stands; [`Running::stop`] lets requests in progress finish.
pub struct Running(System);

impl Running {
    /// Starts what a configuration names. Relative paths begin in `directory`, and no variable of the environment is
    /// laid over it.
    ///
    /// # Errors
    /// What `countersign serve` would say.
    pub async fn start(configuration: &str, directory: &Path, env: Env) -> Result<Self, Failure> {
        let named = directory.join("countersign.toml");
        let config = read::load_text(&named, configuration, [])?;
        Ok(Self(System::start(config, None, env).await?))
    }

    /// Where the authorization server listens, when there is one.
    #[must_use]
    pub fn server(&self) -> Option<SocketAddr> {
        self.0.server_address
    }

    /// Where the gateway listens, when there is one.
    #[must_use]
    pub fn gateway(&self) -> Option<SocketAddr> {
        self.0.gateway_address
    }

    /// What it keeps things in.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// Its certificate authority.
    #[must_use]
    pub fn authority(&self) -> &Arc<Authority<Store>> {
        &self.0.authority
    }

    /// Follows the schedule of the signing keys at once, which it does by itself every few seconds.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn tick(&self) -> Result<(), Failure> {
        self.0.keys.tick().await
    }

    /// Takes nothing new, lets requests in progress finish, closes the store.
    pub async fn stop(self) {
        self.0.stop().await;
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("issuer", &self.0.issuer()).finish_non_exhaustive()
    }
}
