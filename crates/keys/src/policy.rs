//! How long keys live, and for what.

use std::time::Duration;

use countersign_jose::Algorithm;

/// The rules a key ring follows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// Algorithms that have a signing key; the first signs where nothing else is asked for.
    pub algorithms: Vec<Algorithm>,
    /// How long a key is published before it signs.
    pub prepublish: Duration,
    /// At what age a key hands over to the next; `None`: only by command.
    pub rotate_after: Option<Duration>,
    /// The longest life of a token that is signed: a retired key stays published that long.
    pub longest_token: Duration,
    /// Clock difference between nodes and verifiers that is allowed for.
    pub leeway: Duration,
    /// How long the JWK Set may be cached; never more than half of `prepublish`.
    pub jwks_max_age: Duration,
}

impl Default for Policy {
    /// One ES256 key, rotated every 90 days.
    fn default() -> Self {
        Self {
            algorithms: vec![Algorithm::ES256],
            prepublish: Duration::from_secs(3_600),
            rotate_after: Some(Duration::from_secs(90 * 86_400)),
            longest_token: Duration::from_secs(3_600),
            leeway: Duration::from_secs(60),
            jwks_max_age: Duration::from_secs(300),
        }
    }
}

impl Policy {
    /// How long the JWK Set may be cached. Whoever fetched it just before a key was published must ask again before
    /// that key signs; the other half of the time is for the nodes to learn of the key.
    #[must_use]
    pub fn cache_life(&self) -> Duration {
        self.jwks_max_age.min(self.prepublish / 2)
    }

    /// How long a key is published after it has stopped signing.
    pub(crate) fn afterlife(&self) -> Duration {
        self.longest_token.saturating_add(self.leeway)
    }

    /// How often what the store holds is read again even though nobody said that it changed.
    pub(crate) fn reload_every(&self) -> Duration {
        (self.prepublish / 4).clamp(Duration::from_secs(1), Duration::from_secs(60))
    }
}
