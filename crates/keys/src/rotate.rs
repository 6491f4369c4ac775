//! How keys come and go. Every step leaves a key that signs, and never two nodes with different ideas: the store takes a
//! new key only from a node that knew the latest one.

use countersign_jose::{Algorithm, SigningKey};
use countersign_model::{KeyId, Timestamp};
use std::time::Duration;

use crate::error::KeysError;
use crate::keys::sealed_as;
use crate::policy::Policy;
use crate::ports::{SigningKeys, StoredKey};
use crate::ring::KeyRing;
use crate::state::{KeyInfo, KeyState, signer_at};

/// How often a change is tried again after another node came first.
const ATTEMPTS: usize = 4;

/// From when a new key signs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// After it has been published long enough that everybody knows it: no request fails.
    Prepublished,
    /// At once: whoever cached the JWK Set does not know it until he asks again. For emergencies.
    Now,
}

/// How a key ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Retire {
    /// When its successor signs; its tokens stay good until they expire.
    Gracefully,
    /// Now, its tokens with it. For a key that others may know.
    AtOnce,
}

/// What a rotation did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rotation {
    /// The newest key of the algorithm.
    pub key: KeyInfo,
    /// Whether it is ours; otherwise another node rotated at the same time, and its key is taken.
    pub ours: bool,
}

impl<P: SigningKeys> KeyRing<P> {
    /// Introduces a new key of the algorithm; the others end when it signs.
    ///
    /// # Errors
    /// [`KeysError`].
    pub async fn rotate(&self, algorithm: Algorithm, when: When) -> Result<Rotation, KeysError> {
        let policy = self.configured(algorithm)?;
        self.reload().await?;
        let now = self.env.now();
        let wait = match when {
            When::Prepublished => policy.prepublish,
            When::Now => Duration::ZERO,
        };
        let rotation = self.introduce(algorithm, &policy, now, now.plus(wait)).await?;
        if rotation.ours && when == When::Now {
            self.end_others(&rotation.key, &policy).await?;
        }
        Ok(rotation)
    }

    /// Ends a key; where it is the one that signs, or the only one to come, a new one takes its place first.
    ///
    /// # Errors
    /// [`KeysError`].
    pub async fn retire(&self, id: &KeyId, how: Retire) -> Result<KeyInfo, KeysError> {
        self.reload().await?;
        let now = self.env.now();
        let key = self.stored(id)?;
        let algorithm = key.algorithm.parse::<Algorithm>().ok();
        let successor = algorithm.and_then(|algorithm| Some((algorithm, self.configured(algorithm).ok()?)));
        match (how, key.state(now), successor) {
            (_, KeyState::Removed, _) | (Retire::Gracefully, KeyState::Retiring, _) => {}
            (Retire::Gracefully, KeyState::Active, Some((algorithm, policy))) => {
                // With an end already, its successor is there.
                if key.retired_at.is_none() {
                    self.introduce(algorithm, &policy, now, now.plus(policy.prepublish)).await?;
                }
            }
            (Retire::Gracefully, KeyState::Active | KeyState::Published, None) => {
                let removed_at = now.plus(self.policy().afterlife());
                self.port.retire_signing_key(id, now, removed_at).await?;
            }
            (Retire::Gracefully, KeyState::Published, Some((algorithm, policy))) => {
                // It has signed nothing: another takes its place before it would have.
                self.port.retire_signing_key(id, now, now.plus(policy.afterlife())).await?;
                self.reload().await?;
                self.mend(algorithm, &policy, now).await?;
            }
            (Retire::AtOnce, _, successor) => {
                if let Some((algorithm, policy)) = &successor
                    && self.signer_id(*algorithm, now).is_some_and(|signer| signer == *id)
                {
                    self.introduce(*algorithm, policy, now, now).await?;
                }
                self.port.retire_signing_key(id, now, now).await?;
                self.reload().await?;
                if let Some((algorithm, policy)) = &successor {
                    self.mend(*algorithm, policy, now).await?;
                }
            }
        }
        self.reload().await?;
        self.stored(id).map(|key| KeyInfo::of(&key, now))
    }

    /// Whether anything is to be done for the algorithm, as far as this node knows.
    pub(crate) fn is_due(&self, algorithm: Algorithm, policy: &Policy, now: Timestamp) -> bool {
        let snapshot = self.load();
        let keys = of(snapshot.stored(), algorithm);
        gap(&keys, now).is_some() || rotation_is_due(&keys, policy, now)
    }

    /// Does what is due for the algorithm: its first key, a missing successor, the next rotation.
    pub(crate) async fn follow_schedule(
        &self,
        algorithm: Algorithm,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<(), KeysError> {
        self.mend(algorithm, policy, now).await?;
        let is_due = rotation_is_due(&of(self.load().stored(), algorithm), policy, now);
        if is_due {
            let rotation = self.introduce(algorithm, policy, now, now.plus(policy.prepublish)).await?;
            tracing::info!(%algorithm, kid = %rotation.key.id, "a new signing key is published");
        }
        Ok(())
    }

    /// Sees to it that at every moment to come there is a key that signs.
    async fn mend(&self, algorithm: Algorithm, policy: &Policy, now: Timestamp) -> Result<(), KeysError> {
        let gap = gap(&of(self.load().stored(), algorithm), now);
        match gap {
            None => Ok(()),
            // The first of its algorithm, or the last was ended by hand: it has to sign at once.
            Some(Gap::Now) => {
                let rotation = self.introduce(algorithm, policy, now, now).await?;
                tracing::info!(%algorithm, kid = %rotation.key.id, "a new signing key signs at once");
                Ok(())
            }
            // The one that signs stays until its new successor is known everywhere.
            Some(Gap::After(id)) => {
                let until = now.plus(policy.prepublish);
                self.port.retire_signing_key(&id, until, until.plus(policy.afterlife())).await?;
                self.introduce(algorithm, policy, now, until).await.map(drop)
            }
        }
    }

    /// Makes a key and keeps it, unless another node did so first.
    async fn introduce(
        &self,
        algorithm: Algorithm,
        policy: &Policy,
        now: Timestamp,
        active_from: Timestamp,
    ) -> Result<Rotation, KeysError> {
        for _ in 0..ATTEMPTS {
            let newest = self.newest(algorithm);
            // Later than every other, whatever another node's clock said: so "the newest" means the same everywhere.
            let published_at = newest
                .as_ref()
                .map_or(now, |newest| now.max(newest.published_at.plus(Duration::from_micros(1))));
            let active_from = active_from.max(published_at);
            let key = self.make(algorithm, published_at, active_from).await?;
            let seen = newest.as_ref().map(|newest| &newest.id);
            let removed_at = active_from.plus(policy.afterlife());
            let is_kept = self.port.introduce_signing_key(&key, seen, active_from, removed_at).await?;
            self.reload().await?;
            if is_kept {
                return Ok(Rotation { key: KeyInfo::of(&key, now), ours: true });
            }
            // Another node was first: its key does as well, if it signs as early.
            if let Some(theirs) = self.newest(algorithm)
                && newest.is_none_or(|newest| newest.id != theirs.id)
                && theirs.active_from <= active_from.plus(policy.leeway)
            {
                return Ok(Rotation { key: KeyInfo::of(&theirs, now), ours: false });
            }
        }
        Err(KeysError::Contended)
    }

    async fn make(
        &self,
        algorithm: Algorithm,
        published_at: Timestamp,
        active_from: Timestamp,
    ) -> Result<StoredKey, KeysError> {
        let failed = || KeysError::Generation(algorithm);
        // RSA takes long enough to keep others waiting.
        let key = tokio::task::spawn_blocking(move || SigningKey::generate(algorithm))
            .await
            .map_err(|_| failed())?
            .map_err(|_| failed())?;
        let pkcs8 = key.to_pkcs8().ok_or_else(failed)?;
        let name = sealed_as(algorithm.as_str(), key.kid());
        Ok(StoredKey {
            id: key.kid().clone(),
            algorithm: algorithm.as_str().to_owned(),
            public_jwk: key.public_jwk_value().ok_or_else(failed)?,
            sealed: self.master.seal(&name, pkcs8.expose(), &*self.env.rng)?,
            published_at,
            active_from,
            retired_at: None,
            removed_at: None,
        })
    }

    /// After an emergency: those whose end lay in the future end with the rest.
    async fn end_others(&self, new: &KeyInfo, policy: &Policy) -> Result<(), KeysError> {
        let ending: Vec<KeyId> = self
            .load()
            .stored()
            .iter()
            .filter(|key| key.algorithm == new.algorithm && key.id != new.id)
            .filter(|key| key.retired_at.is_none_or(|retired_at| retired_at > new.active_from))
            .map(|key| key.id.clone())
            .collect();
        for id in &ending {
            let removed_at = new.active_from.plus(policy.afterlife());
            self.port.retire_signing_key(id, new.active_from, removed_at).await?;
        }
        if ending.is_empty() { Ok(()) } else { self.reload().await }
    }

    fn stored(&self, id: &KeyId) -> Result<StoredKey, KeysError> {
        let found = self.load().stored().iter().find(|key| key.id == *id).cloned();
        found.ok_or_else(|| KeysError::Unknown(id.clone()))
    }

    fn newest(&self, algorithm: Algorithm) -> Option<StoredKey> {
        let snapshot = self.load();
        of(snapshot.stored(), algorithm).into_iter().max_by_key(|key| key.published_at).cloned()
    }

    fn signer_id(&self, algorithm: Algorithm, now: Timestamp) -> Option<KeyId> {
        signer_at(of(self.load().stored(), algorithm), now).map(|key| key.id.clone())
    }
}

fn of(stored: &[StoredKey], algorithm: Algorithm) -> Vec<&StoredKey> {
    stored.iter().filter(|key| key.algorithm == algorithm.as_str()).collect()
}

/// A moment at which no key signs.
enum Gap {
    /// This one.
    Now,
    /// When this key, which signs now or later, ends.
    After(KeyId),
}

/// The first gap there is from now on: follows the keys from one end to the next.
fn gap(keys: &[&StoredKey], now: Timestamp) -> Option<Gap> {
    let mut signer = match signer_at(keys.iter().copied(), now) {
        Some(signer) => signer,
        None => return Some(Gap::Now),
    };
    // Each step goes on to a later end, so there are at most as many as there are keys.
    while let Some(end) = signer.retired_at {
        match signer_at(keys.iter().copied(), end) {
            Some(next) => signer = next,
            None => return Some(Gap::After(signer.id.clone())),
        }
    }
    None
}

/// Whether the next key should be published now, so that it signs when the last one has the age for it.
fn rotation_is_due(keys: &[&StoredKey], policy: &Policy, now: Timestamp) -> bool {
    let Some(age) = policy.rotate_after else { return false };
    let last = keys.iter().filter(|key| key.retired_at.is_none()).map(|key| key.active_from).max();
    last.is_some_and(|active_from| active_from.plus(age) <= now.plus(policy.prepublish))
}
