//! Where the answer may go.

/// A redirect URI that is registered for the client that asked. Only the check makes one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckedRedirectUri(String);

impl CheckedRedirectUri {
    /// The URI as the client sent it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
