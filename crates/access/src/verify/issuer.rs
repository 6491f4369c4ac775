//! An issuer of tokens: what it may do, and its keys.

use std::sync::Arc;

use countersign_jose::{Algorithms, VerifyingKey};
use countersign_model::{Issuer, Timestamp};

use crate::ports::{JwksFetch, KeySource, ReferenceTokens};
use crate::verify::jwks::{KeySet, RemoteKeys};
use crate::{InvalidSettings, IssuerSettings, KeyOrigin, Limits, Reason};

/// A checked issuer. Lives as long as its configuration.
pub(crate) struct IssuerState {
    pub(crate) name: Box<str>,
    pub(crate) issuer: Issuer,
    pub(crate) algorithms: Algorithms,
    pub(crate) audience: Option<Box<str>>,
    pub(crate) types: Vec<Box<str>>,
    pub(crate) scope_claims: Vec<Box<str>>,
    pub(crate) reference_tokens: Option<Arc<dyn ReferenceTokens>>,
    pub(crate) keys: Keys,
}

/// Where keys come from.
pub(crate) enum Keys {
    InProcess(Arc<dyn KeySource>),
    Remote(Arc<RemoteKeys>),
    Fixed(KeySet),
    None,
}

/// The keys that may have signed a token, and the generation they are of.
pub(crate) struct Candidates {
    pub(crate) keys: Vec<Arc<VerifyingKey>>,
    pub(crate) generation: u64,
}

impl IssuerState {
    /// Checks the settings. Keys that an earlier configuration fetched from the same place are kept.
    pub(crate) fn new(
        settings: IssuerSettings,
        fetch: Option<&Arc<dyn JwksFetch>>,
        limits: &Limits,
        before: &[Arc<IssuerState>],
    ) -> Result<Self, InvalidSettings> {
        let invalid = |problem: &'static str| InvalidSettings { issuer: settings.name.clone(), problem };
        if settings.name.is_empty() || settings.issuer.as_str().is_empty() {
            return Err(invalid("an issuer needs a name and an `iss`"));
        }
        let algorithms = Algorithms::of(&settings.algorithms);
        let remote = |jwks_uri: Option<String>| {
            let fetch = fetch.ok_or_else(|| invalid("keys can't be fetched here"))?;
            let kept = before.iter().find_map(|state| match &state.keys {
                Keys::Remote(keys)
                    if keys.is_for(&settings.issuer, jwks_uri.as_deref())
                        && state.algorithms == algorithms =>
                {
                    Some(Arc::clone(keys))
                }
                Keys::Remote(_) | Keys::InProcess(_) | Keys::Fixed(_) | Keys::None => None,
            });
            let keys = kept.unwrap_or_else(|| {
                let issuer = settings.issuer.clone();
                Arc::new(RemoteKeys::new(issuer, jwks_uri, algorithms, Arc::clone(fetch), limits))
            });
            Ok(Keys::Remote(keys))
        };
        let keys = match settings.keys.clone() {
            KeyOrigin::InProcess(source) => Keys::InProcess(source),
            KeyOrigin::Discovery => remote(None)?,
            KeyOrigin::JwksUri(uri) => remote(Some(uri))?,
            KeyOrigin::Static(json) => {
                let set = KeySet::read(json.as_bytes(), algorithms).filter(|set| !set.is_empty());
                Keys::Fixed(set.ok_or_else(|| invalid("its JWK Set has no key for its algorithms"))?)
            }
            KeyOrigin::Secret(secret) => {
                let set = KeySet::of_secret(&secret, algorithms);
                Keys::Fixed(
                    set.ok_or_else(|| invalid("a shared secret has 32 bytes or more and is for HS256"))?,
                )
            }
            KeyOrigin::None => Keys::None,
        };
        Ok(Self {
            algorithms,
            audience: settings.audience.map(Into::into),
            types: settings.types.into_iter().map(Into::into).collect(),
            scope_claims: settings.scope_claims.into_iter().map(Into::into).collect(),
            reference_tokens: settings.reference_tokens,
            keys,
            name: settings.name.into(),
            issuer: settings.issuer,
        })
    }

    /// Whether what was verified with the keys of that generation still counts.
    pub(crate) fn still_vouches(&self, generation: u64, now: Timestamp) -> bool {
        match &self.keys {
            Keys::InProcess(source) => source.generation() == generation,
            Keys::Remote(keys) => keys.generation() == generation && keys.usable_until() > now,
            Keys::Fixed(_) | Keys::None => true,
        }
    }

    /// The generation of the keys now.
    pub(crate) fn generation(&self) -> u64 {
        match &self.keys {
            Keys::InProcess(source) => source.generation(),
            Keys::Remote(keys) => keys.generation(),
            Keys::Fixed(_) | Keys::None => 0,
        }
    }

    /// The keys that may have signed a token with this `kid`.
    ///
    /// # Errors
    /// There is none, or the keys can't be had.
    pub(crate) async fn candidates(&self, kid: Option<&str>, now: Timestamp) -> Result<Candidates, Reason> {
        let (keys, generation) = match &self.keys {
            Keys::InProcess(source) => {
                // The generation first: keys that change in between make the token be verified again.
                let generation = source.generation();
                let key = kid.and_then(|kid| source.verifying_key(kid, now));
                (key.into_iter().collect(), generation)
            }
            Keys::Remote(keys) => keys.candidates(kid, now).await?,
            Keys::Fixed(set) => (set.candidates(kid), 0),
            Keys::None => return Err(Reason::TokenUnknownKey),
        };
        if keys.is_empty() { Err(Reason::TokenUnknownKey) } else { Ok(Candidates { keys, generation }) }
    }
}
