//! People and service accounts.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{PasswordHashText, ScopeSet, Timestamp, UserId};

/// A name to sign in with: 1 to 128 characters, no control characters, no colon (RFC 7617 §2), lower-cased, so that
/// two people can't differ by case alone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Username(Box<str>);

/// The text is no user name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a user name is 1 to 128 characters without ':', white space and control characters")]
pub struct InvalidUsername;

impl Username {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Username {
    type Err = InvalidUsername;

    fn from_str(text: &str) -> Result<Self, InvalidUsername> {
        let fits = !text.is_empty()
            && text.chars().count() <= 128
            && !text.chars().any(|c| c == ':' || c.is_whitespace() || c.is_control());
        if fits { Ok(Self(text.to_lowercase().into())) } else { Err(InvalidUsername) }
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A person or a service account.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct User {
    /// Stable for ever; the `sub` of every token about this account.
    pub id: UserId,
    /// What they type.
    pub username: Username,
    /// Whether somebody or something signs in.
    pub kind: UserKind,
    /// Disabled accounts can't sign in, and what they hold stops working.
    pub status: UserStatus,
    /// How pages and the `name` claim call them.
    pub display_name: Option<String>,
    /// E-mail address as typed.
    pub email: Option<String>,
    /// Whether somebody proved that the address is theirs.
    pub email_verified: bool,
    /// What Basic authentication as this account may do.
    pub scopes: ScopeSet,
    /// The password's hash in PHC or crypt form, when there is one. Never logged; see `passwords`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<PasswordHashText>,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When the password last changed: older sessions and remembered pairs are void.
    pub password_changed_at: Timestamp,
}

impl User {
    /// Whether the account may be used at all.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.status == UserStatus::Enabled
    }
}

/// What kind of account it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserKind {
    /// Somebody who can sign in at a page.
    Person,
    /// A program; it never sees a page.
    Service,
}

/// Whether the account may be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserStatus {
    /// It may.
    Enabled,
    /// It may not, and what it holds stops working.
    Disabled,
}
