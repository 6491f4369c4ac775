//! What can go wrong, and whose fault it is.

use crate::name::InvalidName;
use crate::ports::Unavailable;

/// Why an authority could not be made or opened: the operator's to mend.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A certificate can't be read.
    #[error("the {what} certificate can't be read: {reason}")]
    Certificate {
        /// `root` or `intermediate`.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A key can't be read.
    #[error("the {what} key can't be read: it is no PKCS#8, SEC1 or PKCS#1 key of a known kind")]
    Key {
        /// `root` or `intermediate`.
        what: &'static str,
    },
    /// Key and certificate do not belong together.
    #[error("the {what} key is not the key of the {what} certificate")]
    Mismatch {
        /// `root` or `intermediate`.
        what: &'static str,
    },
    /// It may not sign certificates, has expired, or does not chain to the root.
    #[error("the {what} certificate can't be used: {reason}")]
    Unusable {
        /// `root` or `intermediate`.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// Two profiles of one name, or one whose times make no sense.
    #[error("profile '{profile}': {reason}")]
    Profile {
        /// The profile.
        profile: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// The crypto library refused.
    #[error("no certificate could be made: {0}")]
    Make(String),
}

/// Why nothing was issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// There is no such profile.
    #[error("there is no profile '{0}'")]
    UnknownProfile(String),
    /// A certificate without a name says nothing.
    #[error("at least one name is needed")]
    NoNames,
    /// Too many names.
    #[error("at most {limit} names fit into one certificate")]
    TooManyNames {
        /// How many are allowed.
        limit: usize,
    },
    /// More than one SPIFFE ID.
    #[error("a certificate carries one SPIFFE ID at most")]
    SeveralSpiffeIds,
    /// The text is no name.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// The profile does not allow a name.
    #[error("profile '{profile}' does not allow the name '{name}'")]
    NameNotAllowed {
        /// The profile.
        profile: String,
        /// The name.
        name: String,
    },
    /// The profile does not allow so long a life.
    #[error("profile '{profile}' allows at most {max} seconds")]
    LifetimeTooLong {
        /// The profile.
        profile: String,
        /// The most it allows, in seconds.
        max: u64,
    },
    /// The intermediate itself ends too soon.
    #[error("the intermediate certificate has expired: make a new one")]
    AuthorityExpired,
    /// What was signed is not what was meant. Ours to mend; nothing left the authority.
    #[error("the signed certificate failed its check: {0}")]
    Invalid(String),
    /// The crypto library refused.
    #[error("the certificate could not be signed: {0}")]
    Sign(String),
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] Unavailable),
}
