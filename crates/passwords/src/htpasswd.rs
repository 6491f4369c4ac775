//! htpasswd files: `name:hash`, one account a line.

use std::collections::HashMap;

use countersign_model::{PasswordHashText, Username};

use crate::scheme::{self, Unsupported};

/// The most bytes a file may have.
const LARGEST_FILE: usize = 16 * 1024 * 1024;
/// The most accounts a file may have.
const MOST_ACCOUNTS: usize = 100_000;
/// The longest line.
const LONGEST_LINE: usize = 1024;
/// Problems are reported up to this many.
const MOST_PROBLEMS: usize = 100;

/// The accounts of an htpasswd file.
#[derive(Clone, Debug, Default)]
pub struct Htpasswd {
    entries: HashMap<Username, PasswordHashText>,
}

/// What is wrong in which line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct LineError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What can be wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Problem {
    /// The file is larger than 16 MiB or has more than 100,000 accounts.
    #[error("the file is too large")]
    FileTooLarge,
    /// The line is longer than 1,024 bytes.
    #[error("the line is too long")]
    LineTooLong,
    /// There is no colon.
    #[error("a line is name:hash")]
    NoColon,
    /// The name can't be one.
    #[error("the name is no user name")]
    Name,
    /// The name was there before; names differ by more than case.
    #[error("the name is there twice")]
    Duplicate,
    /// The hash can't be used.
    #[error(transparent)]
    Hash(#[from] Unsupported),
}

impl Htpasswd {
    /// Reads a file's text. Empty lines and lines that begin with `#` say nothing.
    ///
    /// # Errors
    /// Every line that can't be used, up to a hundred; no line is skipped in silence.
    pub fn parse(text: &str) -> Result<Self, Vec<LineError>> {
        if text.len() > LARGEST_FILE {
            return Err(vec![LineError { line: 1, problem: Problem::FileTooLarge }]);
        }
        let mut entries = HashMap::new();
        let mut errors = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let outcome = match read_line(line) {
                Ok(None) => Ok(()),
                Ok(Some(_)) if entries.len() >= MOST_ACCOUNTS => Err(Problem::FileTooLarge),
                Ok(Some((name, hash))) => match entries.insert(name, hash) {
                    None => Ok(()),
                    Some(_) => Err(Problem::Duplicate),
                },
                Err(problem) => Err(problem),
            };
            if let Err(problem) = outcome {
                errors.push(LineError { line: number + 1, problem });
                if errors.len() >= MOST_PROBLEMS || problem == Problem::FileTooLarge {
                    break;
                }
            }
        }
        if errors.is_empty() { Ok(Self { entries }) } else { Err(errors) }
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

fn read_line(line: &str) -> Result<Option<(Username, PasswordHashText)>, Problem> {
    if line.len() > LONGEST_LINE {
        return Err(Problem::LineTooLong);
    }
    if line.trim().is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (name, hash) = line.split_once(':').ok_or(Problem::NoColon)?;
    let name = name.parse().map_err(|_| Problem::Name)?;
    scheme::is_supported(hash)?;
    Ok(Some((name, PasswordHashText::new(hash))))
}
