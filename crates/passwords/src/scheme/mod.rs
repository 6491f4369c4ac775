//! The hash schemes, told apart by how the stored text begins.

mod apr1;
mod argon2id;
mod bcrypt;
mod crypt64;
mod sha_crypt;

use countersign_model::Rng;
use subtle::ConstantTimeEq as _;

pub(crate) use argon2id::Memory;

/// A stored hash whose parameters are within limits, ready to be compared with.
#[derive(Clone)]
pub(crate) enum Stored {
    Argon2(argon2id::Argon2Hash),
    Bcrypt(bcrypt::BcryptHash),
    ShaCrypt(sha_crypt::ShaCryptHash),
    Apr1(apr1::Apr1Hash),
}

/// Why a stored hash can't be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unsupported {
    /// Not one of the schemes: plain text, DES crypt, bare SHA-1 and the like.
    #[error("not a scheme we read: use Argon2, bcrypt, SHA-crypt ($5$, $6$) or apr1")]
    Scheme,
    /// One of the schemes, but broken off or misspelt.
    #[error("the hash is malformed")]
    Malformed,
    /// Checking it would take more memory or time than we give.
    #[error("the hash's cost is beyond the limits")]
    TooCostly,
}

/// Whether a stored hash can be checked at all, without computing anything.
///
/// # Errors
/// Why not.
pub fn is_supported(stored: &str) -> Result<(), Unsupported> {
    Stored::read(stored).map(|_| ())
}

impl Stored {
    pub(crate) fn read(text: &str) -> Result<Self, Unsupported> {
        let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| text.starts_with(prefix));
        if text.len() > 512 {
            Err(Unsupported::Malformed)
        } else if starts(&["$argon2id$", "$argon2i$", "$argon2d$"]) {
            argon2id::Argon2Hash::read(text).map(Self::Argon2)
        } else if starts(&["$2a$", "$2b$", "$2y$"]) {
            bcrypt::BcryptHash::read(text).map(Self::Bcrypt)
        } else if starts(&["$5$", "$6$"]) {
            sha_crypt::ShaCryptHash::read(text).map(Self::ShaCrypt)
        } else if starts(&["$apr1$"]) {
            apr1::Apr1Hash::read(text).map(Self::Apr1)
        } else {
            Err(Unsupported::Scheme)
        }
    }

    /// What an account that does not exist is compared with.
    pub(crate) fn nobody() -> Self {
        Self::Argon2(argon2id::Argon2Hash::nobody())
    }

    /// Whether this is the password.
    pub(crate) fn matches(&self, password: &[u8], memory: &mut Memory) -> bool {
        match self {
            Self::Argon2(hash) => hash.matches(password, memory),
            Self::Bcrypt(hash) => hash.matches(password),
            Self::ShaCrypt(hash) => hash.matches(password),
            Self::Apr1(hash) => hash.matches(password),
        }
    }

    /// Whether it is weaker than what we write.
    pub(crate) fn is_weak(&self) -> bool {
        match self {
            Self::Argon2(hash) => hash.is_weak(),
            Self::Bcrypt(_) | Self::ShaCrypt(_) | Self::Apr1(_) => true,
        }
    }
}

/// Hashes a new password the way we do.
pub(crate) fn hash(password: &[u8], rng: &dyn Rng, memory: &mut Memory) -> Option<String> {
    argon2id::hash(password, &rng.bytes(), memory)
}

/// Texts of one length compared in constant time.
fn same_text(left: &str, right: &str) -> bool {
    left.as_bytes().ct_eq(right.as_bytes()).into()
}

/// The salts of the crypt family: 1 to `longest` characters of their alphabet.
fn is_crypt_salt(salt: &str, longest: usize) -> bool {
    (1..=longest).contains(&salt.len()) && salt.bytes().all(|b| crypt64::ALPHABET.contains(&b))
}
