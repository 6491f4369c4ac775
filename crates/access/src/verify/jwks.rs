//! Keys of an external issuer: fetched, refreshed behind the requests, and used a stated time while they can't be.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use countersign_jose::{Algorithms, JwkSet, VerifyingKey};
use countersign_model::{Issuer, SecretBytes, Timestamp, TokenHash};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::ports::JwksFetch;
use crate::{Limits, Reason};

/// Keys tried for a token without a `kid`.
const MOST_TRIED: usize = 8;
/// The least time between two attempts while there are no usable keys.
const RETRY: Duration = Duration::from_secs(2);

/// A set of parsed keys, each for one algorithm that the issuer may use.
#[derive(Default)]
pub(crate) struct KeySet(Vec<Arc<VerifyingKey>>);

impl KeySet {
    /// Reads a JWK Set (RFC 7517 §5). A key that names no algorithm is there once for each it fits.
    pub(crate) fn read(json: &[u8], algorithms: Algorithms) -> Option<Self> {
        let set = JwkSet::from_json(json).ok()?;
        let keys = set.keys.iter().flat_map(|jwk| {
            algorithms
                .iter()
                .filter_map(|algorithm| VerifyingKey::from_jwk(jwk, algorithm).ok())
                .map(Arc::new)
        });
        Some(Self(keys.collect()))
    }

    /// A shared secret, which has no `kid`.
    pub(crate) fn of_secret(secret: &SecretBytes, algorithms: Algorithms) -> Option<Self> {
        let keys: Vec<_> = algorithms
            .iter()
            .filter_map(|algorithm| VerifyingKey::from_secret(secret, algorithm, None).ok())
            .map(Arc::new)
            .collect();
        (!keys.is_empty()).then_some(Self(keys))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys that may have signed a token with this `kid`; a few, when it names none. A key without a `kid` may
    /// have signed any.
    pub(crate) fn candidates(&self, kid: Option<&str>) -> Vec<Arc<VerifyingKey>> {
        let fits = |key: &&Arc<VerifyingKey>| match (kid, key.kid()) {
            (Some(kid), Some(own)) => kid == own.as_str(),
            (Some(_), None) | (None, _) => true,
        };
        let most = if kid.is_some() { usize::MAX } else { MOST_TRIED };
        self.0.iter().filter(fits).take(most).cloned().collect()
    }
}

/// The keys behind a URL.
pub(crate) struct RemoteKeys {
    issuer: Issuer,
    /// As configured; found by discovery when there is none.
    jwks_uri: Option<String>,
    algorithms: Algorithms,
    fetch: Arc<dyn JwksFetch>,
    fresh: Duration,
    stale: Duration,
    refetch: Duration,
    keys: ArcSwap<KeySet>,
    /// Moves on when the document changed.
    generation: AtomicU64,
    /// When the keys were last had, in microseconds; `i64::MIN` for never.
    fetched_at: AtomicI64,
    /// One fetch at a time; the others wait for it.
    fetching: Mutex<Fetching>,
}

#[derive(Default)]
struct Fetching {
    discovered: Option<String>,
    document: Option<TokenHash>,
    last_attempt: Option<Timestamp>,
    last_for_unknown: Option<Timestamp>,
}

impl RemoteKeys {
    pub(crate) fn new(
        issuer: Issuer,
        jwks_uri: Option<String>,
        algorithms: Algorithms,
        fetch: Arc<dyn JwksFetch>,
        limits: &Limits,
    ) -> Self {
        // A secret that is published is none.
        let algorithms: Vec<_> = algorithms.iter().filter(|algorithm| !algorithm.is_symmetric()).collect();
        Self {
            issuer,
            jwks_uri,
            algorithms: Algorithms::of(&algorithms),
            fetch,
            fresh: limits.jwks_fresh,
            stale: limits.jwks_stale,
            refetch: limits.jwks_refetch,
            keys: ArcSwap::default(),
            generation: AtomicU64::new(0),
            fetched_at: AtomicI64::new(i64::MIN),
            fetching: Mutex::default(),
        }
    }

    /// Whether these are the keys of that issuer at that place.
    pub(crate) fn is_for(&self, issuer: &Issuer, jwks_uri: Option<&str>) -> bool {
        self.issuer == *issuer && self.jwks_uri.as_deref() == jwks_uri
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Until when the last good keys may be used.
    pub(crate) fn usable_until(&self) -> Timestamp {
        match self.fetched_at.load(Ordering::Acquire) {
            i64::MIN => Timestamp::from_micros(i64::MIN),
            fetched => Timestamp::from_micros(fetched).plus(self.stale),
        }
    }

    /// The keys for this `kid`, with the generation they are of. An unknown one is worth one fetch, but not a fetch
    /// each: the requests that come meanwhile wait for it, later ones are answered from what is known.
    pub(crate) async fn candidates(
        &self,
        kid: Option<&str>,
        now: Timestamp,
    ) -> Result<(Vec<Arc<VerifyingKey>>, u64), Reason> {
        if let Some(found) = self.known(kid, now) {
            return Ok(found);
        }
        let mut fetching = self.fetching.lock().await;
        if let Some(found) = self.known(kid, now) {
            return Ok(found);
        }
        let is_usable = self.usable_until() > now;
        let (last, pause) = if is_usable {
            (&mut fetching.last_for_unknown, self.refetch)
        } else {
            (&mut fetching.last_attempt, RETRY)
        };
        let may_fetch = last.is_none_or(|last| now.since(last) >= pause);
        if may_fetch {
            *last = Some(now);
            self.fetch(&mut fetching, now).await;
        }
        if self.usable_until() <= now {
            return Err(Reason::IssuerUnavailable);
        }
        self.known(kid, now).ok_or(Reason::TokenUnknownKey)
    }

    fn known(&self, kid: Option<&str>, now: Timestamp) -> Option<(Vec<Arc<VerifyingKey>>, u64)> {
        if self.usable_until() <= now {
            return None;
        }
        let generation = self.generation();
        let keys = self.keys.load().candidates(kid);
        (!keys.is_empty()).then_some((keys, generation))
    }

    /// Fetches the keys when they are due.
    pub(crate) async fn refresh(&self, now: Timestamp) {
        let fetched = self.fetched_at.load(Ordering::Acquire);
        if fetched != i64::MIN && now.since(Timestamp::from_micros(fetched)) < self.fresh {
            return;
        }
        let mut fetching = self.fetching.lock().await;
        if fetching.last_attempt.is_none_or(|last| now.since(last) >= RETRY) {
            self.fetch(&mut fetching, now).await;
        }
    }

    async fn fetch(&self, fetching: &mut Fetching, now: Timestamp) {
        fetching.last_attempt = Some(now);
        match self.document(fetching).await {
            Ok((hash, keys)) => {
                if fetching.document != Some(hash) {
                    fetching.document = Some(hash);
                    self.keys.store(Arc::new(keys));
                    self.generation.fetch_add(1, Ordering::AcqRel);
                }
                self.fetched_at.store(now.micros(), Ordering::Release);
            }
            Err(error) => {
                // Asked where the keys are the next time: they may have moved.
                fetching.discovered = None;
                tracing::warn!(issuer = %self.issuer, error, "the issuer's keys could not be fetched");
            }
        }
    }

    async fn document(&self, fetching: &mut Fetching) -> Result<(TokenHash, KeySet), String> {
        let uri = match (&self.jwks_uri, fetching.discovered.take()) {
            (Some(uri), _) => uri.clone(),
            (None, Some(uri)) => uri,
            (None, None) => self.discover().await?,
        };
        let document = self.fetch.fetch(&uri).await.map_err(|error| error.to_string())?;
        if self.jwks_uri.is_none() {
            fetching.discovered = Some(uri);
        }
        // RFC 7517 §5: keys of kinds we don't know are left out; none at all is no set.
        let keys = KeySet::read(&document, self.algorithms).ok_or("the JWK Set can't be read")?;
        if keys.is_empty() {
            return Err("the JWK Set has no usable key".to_owned());
        }
        Ok((TokenHash::of(&document), keys))
    }

    /// OpenID Connect Discovery §4, then RFC 8414 §3.
    async fn discover(&self) -> Result<String, String> {
        let issuer = self.issuer.as_str();
        let mut problem = "no metadata".to_owned();
        for url in metadata_urls(issuer) {
            match self.fetch.fetch(&url).await {
                Ok(document) => match serde_json::from_slice::<Metadata>(&document) {
                    // OpenID Connect Discovery §4.3, RFC 8414 §3.3: it must be the issuer's own.
                    Ok(metadata) if metadata.issuer == issuer => return Ok(metadata.jwks_uri),
                    Ok(_) => return Err("the metadata is of another issuer".to_owned()),
                    Err(_) => problem = "the metadata can't be read".to_owned(),
                },
                Err(error) => problem = error.to_string(),
            }
        }
        Err(problem)
    }
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

fn metadata_urls(issuer: &str) -> Vec<String> {
    let base = issuer.strip_suffix('/').unwrap_or(issuer);
    let mut urls = vec![format!("{base}/.well-known/openid-configuration")];
    if let Some((scheme, rest)) = base.split_once("://") {
        let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        urls.push(format!("{scheme}://{authority}/.well-known/oauth-authorization-server{path}"));
    }
    urls
}
