//! The only reader of `Authorization` and of every other place a credential may be.

use std::borrow::Cow;

use countersign_model::SecretString;
use http::{HeaderName, HeaderValue};

/// Where the credential of a request was.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Placement {
    /// There was none.
    Nowhere,
    /// The `Authorization` field.
    Authorization,
    /// A header field of its own.
    Header(HeaderName),
    /// The URL parameter the rule names: see [`crate::Rule::public_query`].
    Query,
    /// The client certificate of the connection.
    Certificate,
}

/// User name and password of `Authorization: Basic` (RFC 7617 §2), as sent.
#[derive(Clone, Debug)]
pub struct BasicCredentials {
    text: SecretString,
    colon: usize,
}

impl BasicCredentials {
    /// The user name.
    #[must_use]
    pub fn username(&self) -> &str {
        self.text.expose().get(..self.colon).unwrap_or_default()
    }

    /// The password. Look twice at every use.
    #[must_use]
    pub fn password(&self) -> &str {
        self.text.expose().get(self.colon + 1..).unwrap_or_default()
    }
}

/// Reads an `Authorization` value as Basic credentials (RFC 7617 §2); for the token endpoint, where a client sends
/// its name and secret so (RFC 6749 §2.3.1, form-decoding them is the caller's part). `None`: another scheme.
///
/// # Errors
/// The scheme is Basic, but what follows is not strict base64 of UTF-8 text with a colon and without control characters.
pub fn basic_credentials(value: &HeaderValue) -> Result<Option<BasicCredentials>, MalformedBasic> {
    let _ = value;
    todo!()
}

/// The value says Basic and is not.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("malformed Basic credentials")]
pub struct MalformedBasic;

/// The query without every parameter of this name, whatever way the name is escaped.
pub(crate) fn without_parameter<'q>(query: &'q str, name: &str) -> Cow<'q, str> {
    let _ = (query, name);
    todo!()
}
