//! The engine: ports, time, randomness, keys and settings in one handle.

use std::sync::Arc;

use countersign_access::dpop::Nonces;
use countersign_jose::Algorithm;
use countersign_keys::Jwks;
use countersign_model::{Client, ClientId, Env, SecretBytes, Timestamp, TokenHash};
use quick_cache::sync::Cache;

use crate::client_auth::FetchKeys;
use crate::discovery;
use crate::introspect::Verified;
use crate::ports::Ports;
use crate::profile::Rules;
use crate::register::FetchDocuments;
use crate::{InvalidSettings, Settings, SigningFailed, TokenKeys};

/// The authorization server without its network and without its disk. Share it in an [`Arc`].
pub struct Engine<P> {
    pub(crate) ports: Arc<P>,
    pub(crate) env: Env,
    pub(crate) keys: Arc<dyn TokenKeys>,
    pub(crate) fetch: Arc<dyn FetchKeys>,
    pub(crate) documents: Option<Arc<dyn FetchDocuments>>,
    pub(crate) settings: Settings,
    pub(crate) nonces: Nonces,
    pub(crate) verified: Cache<TokenHash, Arc<Verified>>,
    /// When the use of a client that nobody looks after was last written down.
    pub(crate) noted: Cache<ClientId, Timestamp>,
    metadata: Arc<[u8]>,
}

/// How many clients that registered themselves are remembered as in use.
const NOTED: usize = 4_096;
/// How many JWT access tokens whose signature was right are remembered.
const VERIFIED: usize = 4_096;

impl<P> std::fmt::Debug for Engine<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("issuer", &self.settings.issuer).finish_non_exhaustive()
    }
}

impl<P: Ports> Engine<P> {
    /// Puts an engine together. `fetch` brings the keys of clients that publish them at a URL.
    ///
    /// # Errors
    /// The settings contradict a specification.
    pub fn new(
        ports: Arc<P>,
        env: Env,
        keys: Arc<dyn TokenKeys>,
        fetch: Arc<dyn FetchKeys>,
        settings: Settings,
    ) -> Result<Self, InvalidSettings> {
        settings.check(&keys.algorithms())?;
        let shared = settings.master_key.as_ref().and_then(|master| master.derive("dpop-nonce"));
        // Without a key that all nodes have, each knows its own nonces only.
        let key = shared.unwrap_or_else(|| SecretBytes::new(env.rng.bytes::<32>().to_vec()));
        let nonces = Nonces::new(&key);
        let metadata = discovery::document(&settings, &keys.algorithms());
        let verified = Cache::new(VERIFIED);
        let noted = Cache::new(NOTED);
        Ok(Self { ports, env, keys, fetch, documents: None, settings, nonces, verified, noted, metadata })
    }

    /// Brings metadata documents of clients. Without it no client is known by one, whatever the settings say.
    #[must_use]
    pub fn with_client_documents(self, documents: Arc<dyn FetchDocuments>) -> Self {
        Self { documents: Some(documents), ..self }
    }

    /// The settings it works with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What it keeps things in.
    #[must_use]
    pub fn ports(&self) -> &Arc<P> {
        &self.ports
    }

    /// The metadata document in JSON, for both `/.well-known/oauth-authorization-server` (RFC 8414 §3) and
    /// `/.well-known/openid-configuration` (OpenID Connect Discovery §4).
    #[must_use]
    pub fn metadata(&self) -> Arc<[u8]> {
        Arc::clone(&self.metadata)
    }

    /// The published keys as a JWK Set (RFC 7517 §5), and for how long it may be cached: never so long that somebody who
    /// keeps to it meets a signature before the key.
    #[must_use]
    pub fn jwks(&self) -> Jwks {
        self.keys.jwks(self.now())
    }

    /// What is signed with for this client: what it registered, else the server's first that its profile takes.
    pub(crate) fn signing_algorithm(
        &self,
        client: &Client,
        wanted: Option<&str>,
    ) -> Result<Algorithm, SigningFailed> {
        let rules = Rules::of(client.profile);
        let fits = |known: &Algorithm| {
            rules.algorithms.contains(known) && wanted.is_none_or(|name| name == known.as_str())
        };
        self.keys.algorithms().into_iter().find(fits).ok_or(SigningFailed)
    }

    /// The nonces of DPoP proofs, for our own protected endpoints.
    #[must_use]
    pub fn nonces(&self) -> &Nonces {
        &self.nonces
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.env.now()
    }
}
