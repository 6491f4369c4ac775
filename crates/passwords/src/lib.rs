//! Every password hash we read, the one we write, and the limit on how many are computed at once.
//!
//! We write Argon2id (RFC 9106). We read Argon2 with other parameters, bcrypt, SHA-crypt and apr1, because people
//! bring them along; a password that is right but was stored in one of those ways should be hashed anew.

mod hasher;
pub mod htpasswd;
mod scheme;

pub use hasher::{Busy, HashError, Hasher, Limits, Verdict};
pub use scheme::{Unsupported, is_supported};

/// The longest password that is looked at, in bytes.
pub const LONGEST: usize = 1024;

#[cfg(test)]
mod tests;
