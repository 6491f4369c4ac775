//! htpasswd files.

use countersign_model::{PasswordHashText, Username};

/// The accounts of an htpasswd file.
#[derive(Clone, Debug, Default)]
pub struct Htpasswd {
    entries: std::collections::HashMap<Username, PasswordHashText>,
}

/// What is wrong in which line (counted from 1).
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct LineError {
    /// The line.
    pub line: usize,
    /// What is wrong there.
    pub problem: &'static str,
}

impl Htpasswd {
    /// Reads a file's text.
    ///
    /// # Errors
    /// Every line that can't be used; no line is skipped in silence.
    pub fn parse(text: &str) -> Result<Self, Vec<LineError>> {
        let _ = text;
        todo!()
    }

    /// The hash of this account.
    #[must_use]
    pub fn password(&self, name: &Username) -> Option<&PasswordHashText> {
        self.entries.get(name)
    }

    /// How many accounts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
