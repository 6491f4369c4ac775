//! The key ring, seen by those who sign and verify with it.

use std::sync::Arc;
use std::time::Duration;

use countersign_access::ports::KeySource;
use countersign_gateway::{SignIdentity, SigningUnavailable};
use countersign_jose::{Algorithm, VerifyingKey, jws};
use countersign_keys::ports::SigningKeys as _;
use countersign_keys::{KeyRing, MasterKey, Policy};
use countersign_model::{Env, SecretBytes, SecretString, Timestamp};
use countersign_store::Store;

use super::{authority, files};
use crate::config::Config;
use crate::output::{Failure, remark};

/// The variable that holds the master key, before the file is looked at.
const VARIABLE: &str = "COUNTERSIGN_MASTER_KEY";
/// Clock differences and the last moment before a reload: added to the longest token's life.
const MARGIN: Duration = Duration::from_secs(300);
/// What a client's own setting may give a signed access token where the server's default is not longer.
const LONGEST_TOKEN: Duration = Duration::from_secs(86_400);

/// The longest life of a signed access token: so long its key stays published.
pub(crate) fn longest_signed_token(config: &Config) -> Duration {
    LONGEST_TOKEN.max(config.tokens.access_token)
}

/// The shared key ring.
#[derive(Clone)]
pub(crate) struct Keys {
    ring: Arc<KeyRing<Store>>,
    /// What signs when nothing else is asked for.
    default: Algorithm,
}

impl Keys {
    /// Opens the ring.
    ///
    /// # Errors
    /// When the keys can't be read, above all with another master key than they were sealed under.
    pub(super) async fn open(
        config: &Config,
        store: &Store,
        master: MasterKey,
        env: &Env,
    ) -> Result<Self, Failure> {
        let algorithms =
            config.keys.algorithms.iter().map(|name| name.parse()).collect::<Result<Vec<Algorithm>, _>>()?;
        let default = algorithms.first().copied().ok_or("keys.algorithms is empty")?;
        let policy = Policy {
            algorithms,
            rotate_after: config.keys.rotate_after,
            prepublish: config.keys.prepublish,
            token_life: longest_signed_token(config).max(config.tokens.id_token) + MARGIN,
        };
        let ring = KeyRing::open(store.clone(), master, env.clone(), policy).await?;
        Ok(Self { ring: Arc::new(ring), default })
    }

    /// The ring itself, for the engine and for the commands that change it.
    pub(crate) fn ring(&self) -> &Arc<KeyRing<Store>> {
        &self.ring
    }

    /// Reads the keys again.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(super) async fn reload(&self) -> Result<(), Failure> {
        Ok(self.ring.reload().await?)
    }

    /// Follows the rotation schedule.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(crate) async fn tick(&self) -> Result<(), Failure> {
        Ok(self.ring.tick().await?)
    }

    /// Whether there is a key to sign with.
    pub(crate) fn can_sign(&self, now: Timestamp) -> bool {
        self.ring.snapshot().signer(self.default, now).is_some()
    }

    fn compact(&self, typ: &str, payload: &[u8], now: Timestamp) -> Option<String> {
        jws::sign_compact(Some(typ), payload, self.ring.snapshot().signer(self.default, now)?).ok()
    }
}

impl KeySource for Keys {
    fn verifying_key(&self, kid: &str, now: Timestamp) -> Option<Arc<VerifyingKey>> {
        self.ring.snapshot().verifier(kid, now).cloned()
    }

    fn generation(&self) -> u64 {
        self.ring.snapshot().generation()
    }
}

impl SignIdentity for Keys {
    fn sign(&self, typ: &str, payload: &[u8], now: Timestamp) -> Result<String, SigningUnavailable> {
        self.compact(typ, payload, now).ok_or_else(|| SigningUnavailable("no key signs now".to_owned()))
    }
}

/// The master key: from the variable, else from the file, which is made at the first start and never later: over a
/// store that was sealed under another, a new one would open nothing and stand where the former belongs.
///
/// # Errors
/// When it can't be read or made, or is missing.
#[expect(clippy::disallowed_methods, reason = "the master key's variable is no part of the configuration")]
pub(crate) async fn master_key(config: &Config, env: &Env, store: &Store) -> Result<MasterKey, Failure> {
    if let Ok(text) = std::env::var(VARIABLE) {
        return MasterKey::from_text(&SecretString::new(text))
            .map_err(|error| format!("{VARIABLE}: {error}").into());
    }
    let file = &config.keys.master_key_file;
    if file.exists() {
        if files::is_open_to_others(file) {
            remark(&format!("{}: others may read the master key; `chmod 600` closes it", file.display()));
        }
        let content = SecretBytes::new(files::read(file)?);
        return MasterKey::from_file_content(&content)
            .map_err(|error| format!("{}: {error}", file.display()).into());
    }
    if store.sealed(authority::SEALED_AS).await?.is_some() {
        return Err(format!(
            "{}: the master key is not there, but {} was sealed under one: put the file back from its backup, or give \
             the key in {VARIABLE}; a new one could open nothing",
            file.display(),
            store.describe()
        )
        .into());
    }
    if let Some(directory) = file.parent() {
        files::private_directory(directory)?;
    }
    let key = MasterKey::generate(&*env.rng)?;
    files::write_new_private(file, format!("{}\n", key.to_text().expose()).as_bytes())?;
    remark(&format!("made a master key: {} (back it up apart from the database)", file.display()));
    Ok(key)
}
