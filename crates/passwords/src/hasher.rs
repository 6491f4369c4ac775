//! Hashing behind a limit.

use std::sync::Arc;
use std::time::Duration;

use countersign_model::{PasswordHashText, Rng, SecretString};

/// How much hashing is done at once.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Hashes computed at the same time, each on its own thread.
    pub concurrent: usize,
    /// Hashes that may wait for their turn; the next one is refused.
    pub queue: usize,
    /// How long one may wait.
    pub wait: Duration,
}

impl Default for Limits {
    /// Half the processors, at least one; 64 may wait, five seconds.
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { concurrent: (processors / 2).max(1), queue: 64, wait: Duration::from_secs(5) }
    }
}

/// What became of a password.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is not the password, or there is no such account.
    Wrong,
    /// It is.
    Right,
    /// It is, and the stored hash should be replaced by a stronger one.
    RightButWeak,
}

/// Too many hashes wait already: try again after the given time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("too many passwords are being checked")]
pub struct Busy {
    /// When to try again.
    pub retry_after: Duration,
}

/// Why a password was not hashed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HashError {
    /// Empty, or longer than 1,024 bytes.
    #[error("a password has 1 to 1,024 bytes")]
    Length,
    /// Too many hashes wait already.
    #[error(transparent)]
    Busy(#[from] Busy),
}

/// Computes password hashes on threads of its own, a few at a time.
pub struct Hasher {}

impl Hasher {
    /// A hasher with these limits; `rng` gives the salts.
    #[must_use]
    pub fn new(limits: Limits, rng: Arc<dyn Rng>) -> Self {
        let _ = (limits, rng);
        todo!()
    }

    /// Hashes a new password: Argon2id, 19 MiB, two passes, one lane.
    ///
    /// # Errors
    /// The password's length, or too many wait.
    pub async fn hash(&self, password: &SecretString) -> Result<PasswordHashText, HashError> {
        let _ = password;
        todo!()
    }

    /// Compares a password with a stored hash. `None` (no such account) costs as much as one of ours and is wrong.
    ///
    /// # Errors
    /// Too many wait.
    pub async fn verify(
        &self,
        password: &SecretString,
        stored: Option<&PasswordHashText>,
    ) -> Result<Verdict, Busy> {
        let _ = (password, stored);
        todo!()
    }
}
