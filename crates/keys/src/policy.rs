//! How keys live.

use std::time::Duration;

use countersign_jose::Algorithm;

use crate::error::KeysError;

/// The longest that the JWK Set may be cached: how late a verifier may learn that a key was withdrawn.
const LONGEST_CACHE: Duration = Duration::from_secs(300);

/// How keys live.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// Algorithms there are keys for; the first signs by default. At least one.
    pub algorithms: Vec<Algorithm>,
    /// How long a key signs before the next takes over; longer than `prepublish`.
    pub rotate_after: Duration,
    /// How long a new key is published before it signs.
    pub prepublish: Duration,
    /// The longest life of a token, clock differences included: so long a retired key stays published.
    pub token_life: Duration,
}

impl Default for Policy {
    /// One ES256 key, rotated every 90 days, for tokens of at most an hour.
    fn default() -> Self {
        Self {
            algorithms: vec![Algorithm::ES256],
            rotate_after: Duration::from_secs(90 * 86_400),
            prepublish: Duration::from_secs(3_600),
            token_life: Duration::from_secs(3_660),
        }
    }
}

impl Policy {
    /// How long the JWK Set may be cached, for its `Cache-Control`. Whoever fetched it just before a key was published
    /// must ask again before that key signs; half of the time is left for the other nodes to learn of the key.
    #[must_use]
    pub fn cache_life(&self) -> Duration {
        LONGEST_CACHE.min(self.prepublish / 2)
    }

    /// How often what the store holds is read again even though nobody said that it changed.
    pub(crate) fn reload_every(&self) -> Duration {
        (self.prepublish / 4).clamp(Duration::from_secs(1), Duration::from_secs(60))
    }

    pub(crate) fn check(&self) -> Result<(), KeysError> {
        if self.algorithms.is_empty() {
            return Err(KeysError::NoAlgorithm);
        }
        if let Some(symmetric) = self.algorithms.iter().find(|algorithm| algorithm.is_symmetric()) {
            return Err(KeysError::Symmetric(*symmetric));
        }
        if self.rotate_after <= self.prepublish { Err(KeysError::RotatesTooOften) } else { Ok(()) }
    }
}

/// When a successor begins to sign.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// After it has been published long enough for everybody to know it: no request fails.
    Published,
    /// At once, for emergencies: verifiers must fetch the JWK Set again when they meet its `kid`.
    Now,
}
