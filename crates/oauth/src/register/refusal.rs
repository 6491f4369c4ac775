//! Why a registration is refused.

/// Why a registration is refused. The texts go out as `error_description`: they name members, never values.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RegistrationRefusal {
    /// No token where one is needed.
    #[error("registration needs an access token in the Authorization field")]
    TokenMissing,
    /// Malformed, unknown, expired, used up, or another client's.
    #[error("the access token does not count here")]
    TokenInvalid,
    /// The body is no JSON object.
    #[error("client metadata must be one JSON object with unique members: {0}")]
    Document(&'static str),
    /// A redirect URI can't be taken (RFC 7591 §3.2.2).
    #[error("redirect_uris: {0}")]
    RedirectUri(&'static str),
    /// A member can't be taken.
    #[error("{member}: {fault}")]
    Metadata {
        /// Which.
        member: &'static str,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// The software statement is no statement, or nobody signed it whose keys are known.
    #[error("software_statement: {0}")]
    Statement(&'static str),
    /// The software statement is missing, or of somebody who is not trusted.
    #[error("software_statement: {0}")]
    StatementUnapproved(&'static str),
    /// There are as many such clients as may be.
    #[error("no more clients can be registered at the moment")]
    Full,
}

impl RegistrationRefusal {
    /// A member and what is wrong with it.
    pub(crate) const fn metadata(member: &'static str, fault: &'static str) -> Self {
        Self::Metadata { member, fault }
    }
}
