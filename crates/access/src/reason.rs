//! Why a request was refused: one word for the log, one error outside.

/// Why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// No credential, and the rule wants one.
    MissingCredential,
}

impl Reason {
    /// One word for the log and for metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MissingCredential => "missing_credential",
        }
    }
}
