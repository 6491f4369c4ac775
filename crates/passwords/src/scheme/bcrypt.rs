//! bcrypt: `$2b$12$` and 53 characters. `$2a$` and `$2y$` are the same computation; `$2x$`, a known mistake, is refused.

use super::Unsupported;

/// The least cost of the scheme, and the most we compute (about two seconds).
const COSTS: std::ops::RangeInclusive<u32> = 4..=15;

#[derive(Clone)]
pub(crate) struct BcryptHash(Box<str>);

impl BcryptHash {
    pub(super) fn read(text: &str) -> Result<Self, Unsupported> {
        let parts: ::bcrypt::HashParts = text.parse().map_err(|_| Unsupported::Malformed)?;
        if COSTS.contains(&parts.get_cost()) { Ok(Self(text.into())) } else { Err(Unsupported::TooCostly) }
    }

    /// bcrypt reads 72 bytes, the terminating NUL among them, and other programs cut a longer password there in
    /// silence. Two different passwords must never both be right: a longer one, or one with a NUL inside, never is.
    pub(super) fn matches(&self, password: &[u8]) -> bool {
        !password.contains(&0) && ::bcrypt::non_truncating_verify(password, &self.0).unwrap_or(false)
    }
}
