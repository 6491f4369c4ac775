//! How keys come and go. Every step leaves a key that signs, and never two nodes with different ideas: the store takes a
//! new key only from a node that knew the latest one.

use std::time::Duration;

use countersign_jose::{Algorithm, SigningKey};
use countersign_model::{KeyId, Timestamp};

use crate::error::KeysError;
use crate::policy::{Policy, When};
use crate::ports::{SigningKeys, StoredKey};
use crate::ring::KeyRing;
use crate::snapshot::sealed_as;
use crate::state::{KeyState, signer_at};

/// How often a change is tried again after another node came first.
const ATTEMPTS: usize = 4;
/// How much later than ours another node's key may sign and still do as well.
const AS_GOOD: Duration = Duration::from_secs(60);

impl<P: SigningKeys> KeyRing<P> {
    /// Gives an algorithm a new key; its predecessors stop signing when it begins. A successor that is published
    /// already and begins as soon is taken instead of another beside it.
    ///
    /// # Errors
    /// [`KeysError`].
    pub async fn rotate(&self, algorithm: Algorithm, when: When) -> Result<KeyId, KeysError> {
        if !self.policy.algorithms.contains(&algorithm) {
            return Err(KeysError::NotConfigured(algorithm));
        }
        self.reload().await?;
        let now = self.env.now();
        let begins = self.begins(when, now);
        let waiting = self.newest(algorithm).filter(|key| {
            KeyState::of(key, now) == KeyState::Published
                && key.retired_at.is_none()
                && key.active_from <= begins
        });
        if let Some(waiting) = waiting {
            return Ok(waiting.id);
        }
        let kid = self.introduce(algorithm, now, begins).await?;
        if when == When::Now {
            self.end_others(algorithm, &kid, now).await?;
        }
        Ok(kid)
    }

    /// Retires a key. One that signs, or is the next to, gets a successor first. With [`When::Now`] it is no longer
    /// published either: what it signed is refused from now on.
    ///
    /// # Errors
    /// [`KeysError`].
    pub async fn retire(&self, kid: &KeyId, when: When) -> Result<(), KeysError> {
        self.reload().await?;
        let now = self.env.now();
        let key = self.snapshot().find_stored(kid).cloned();
        let key = key.ok_or_else(|| KeysError::NoSuchKey(kid.clone()))?;
        // Nothing signs with an algorithm that is not configured, so nothing has to follow.
        let algorithm = key.algorithm.parse().ok().filter(|own| self.policy.algorithms.contains(own));
        match (when, KeyState::of(&key, now)) {
            (_, KeyState::Retired) | (When::Published, KeyState::Retiring) => return Ok(()),
            (When::Published, KeyState::Active) => match algorithm {
                // With an end already, its successor is there.
                Some(_) if key.retired_at.is_some() => return Ok(()),
                Some(algorithm) => {
                    self.introduce(algorithm, now, self.begins(when, now)).await?;
                }
                None => self.end(kid, now, self.unpublished(now)).await?,
            },
            (When::Published, KeyState::Published) => self.end(kid, now, self.unpublished(now)).await?,
            (When::Now, KeyState::Published | KeyState::Active | KeyState::Retiring) => {
                if let Some(algorithm) = algorithm
                    && self.signer_id(algorithm, now).is_some_and(|signer| signer == *kid)
                {
                    self.introduce(algorithm, now, now).await?;
                }
                self.end(kid, now, now).await?;
            }
        }
        self.reload().await?;
        match algorithm {
            Some(algorithm) => self.mend(algorithm, now).await,
            None => Ok(()),
        }
    }

    /// Whether anything is to be done for the algorithm, as far as this node knows.
    pub(crate) fn is_due(&self, algorithm: Algorithm, now: Timestamp) -> bool {
        let snapshot = self.snapshot();
        let keys = snapshot.stored(algorithm);
        gap(&keys, now).is_some() || rotation_is_due(&keys, &self.policy, now)
    }

    /// Does what is due for the algorithm: its first key, a missing successor, the next rotation.
    pub(crate) async fn follow_schedule(
        &self,
        algorithm: Algorithm,
        now: Timestamp,
    ) -> Result<(), KeysError> {
        self.mend(algorithm, now).await?;
        let is_due = rotation_is_due(&self.snapshot().stored(algorithm), &self.policy, now);
        if is_due {
            let kid = self.introduce(algorithm, now, self.begins(When::Published, now)).await?;
            tracing::info!(%algorithm, %kid, "a new signing key is published, and signs later");
        }
        Ok(())
    }

    /// Sees to it that at every moment to come there is a key that signs.
    async fn mend(&self, algorithm: Algorithm, now: Timestamp) -> Result<(), KeysError> {
        let gap = gap(&self.snapshot().stored(algorithm), now);
        match gap {
            None => Ok(()),
            // The first of its algorithm, or the last was ended by hand: it has to sign at once.
            Some(Gap::Now) => {
                let kid = self.introduce(algorithm, now, now).await?;
                tracing::info!(%algorithm, %kid, "a new signing key signs at once");
                Ok(())
            }
            // The one that signs stays until its new successor is known everywhere.
            Some(Gap::After(kid)) => {
                let until = self.begins(When::Published, now);
                self.end(&kid, until, self.unpublished(until)).await?;
                self.introduce(algorithm, now, until).await.map(drop)
            }
        }
    }

    /// Makes a key and keeps it, unless another node was first, whose key is then taken.
    async fn introduce(
        &self,
        algorithm: Algorithm,
        now: Timestamp,
        active_from: Timestamp,
    ) -> Result<KeyId, KeysError> {
        for _ in 0..ATTEMPTS {
            let newest = self.newest(algorithm);
            // Later than every other, whatever another node's clock said: "the newest" means the same everywhere.
            let published_at = newest
                .as_ref()
                .map_or(now, |newest| now.max(newest.published_at.plus(Duration::from_micros(1))));
            let key = self.make(algorithm, published_at, active_from).await?;
            let seen = newest.as_ref().map(|newest| &newest.id);
            let removed_at = self.unpublished(active_from);
            let is_kept = self.ports.introduce_signing_key(&key, seen, active_from, removed_at).await?;
            self.reload().await?;
            if is_kept {
                return Ok(key.id);
            }
            if let Some(theirs) = self.newest(algorithm)
                && newest.is_none_or(|newest| newest.id != theirs.id)
                && theirs.active_from <= active_from.plus(AS_GOOD)
            {
                return Ok(theirs.id);
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
        let failed = || KeysError::Generate(algorithm);
        // RSA takes long enough to keep others waiting.
        let key = tokio::task::spawn_blocking(move || SigningKey::generate(algorithm));
        let key = key.await.map_err(|_| failed())?.map_err(|_| failed())?;
        let pkcs8 = key.to_pkcs8().ok_or_else(failed)?;
        let name = sealed_as(algorithm, key.kid());
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
    async fn end_others(&self, algorithm: Algorithm, kid: &KeyId, now: Timestamp) -> Result<(), KeysError> {
        let ending: Vec<KeyId> = {
            let snapshot = self.snapshot();
            let Some(begins) = snapshot.find_stored(kid).map(|key| key.active_from.max(now)) else {
                return Ok(());
            };
            let others = snapshot.stored(algorithm).into_iter().filter(|key| key.id != *kid);
            others
                .filter(|key| key.retired_at.is_none_or(|retired_at| retired_at > begins))
                .map(|key| key.id.clone())
                .collect()
        };
        for kid in &ending {
            self.end(kid, now, self.unpublished(now)).await?;
        }
        if ending.is_empty() { Ok(()) } else { self.reload().await }
    }

    async fn end(&self, kid: &KeyId, retired_at: Timestamp, removed_at: Timestamp) -> Result<(), KeysError> {
        self.ports.retire_signing_key(kid, retired_at, removed_at).await?;
        Ok(())
    }

    /// From when a key signs that is published now.
    fn begins(&self, when: When, now: Timestamp) -> Timestamp {
        match when {
            When::Published => now.plus(self.policy.prepublish),
            When::Now => now,
        }
    }

    /// Until when a key is published that stops signing then.
    fn unpublished(&self, retired_at: Timestamp) -> Timestamp {
        retired_at.plus(self.policy.token_life)
    }

    fn newest(&self, algorithm: Algorithm) -> Option<StoredKey> {
        self.snapshot().stored(algorithm).into_iter().max_by_key(|key| key.published_at).cloned()
    }

    fn signer_id(&self, algorithm: Algorithm, now: Timestamp) -> Option<KeyId> {
        signer_at(&self.snapshot().stored(algorithm), now).map(|key| key.id.clone())
    }
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
    let Some(mut signer) = signer_at(keys, now) else { return Some(Gap::Now) };
    // Each step goes on to a later end, so there are at most as many as there are keys.
    while let Some(end) = signer.retired_at {
        match signer_at(keys, end) {
            Some(next) => signer = next,
            None => return Some(Gap::After(signer.id.clone())),
        }
    }
    None
}

/// Whether the next key should be published now, so that it signs when the last one has the age for it.
fn rotation_is_due(keys: &[&StoredKey], policy: &Policy, now: Timestamp) -> bool {
    let last = keys.iter().filter(|key| key.retired_at.is_none()).map(|key| key.active_from).max();
    last.is_some_and(|active_from| active_from.plus(policy.rotate_after) <= now.plus(policy.prepublish))
}
