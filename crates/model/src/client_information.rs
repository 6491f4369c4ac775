//! What a client tells people of itself, and how it came to be registered (RFC 7591 §2, OpenID Connect Dynamic
//! Client Registration 1.0 §2).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// What a client tells people of itself. Nothing of it has been proved.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientInformation {
    /// A picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<String>,
    /// Its home page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    /// What it does with what it learns of people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<String>,
    /// Its terms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<String>,
    /// Whom to ask, mostly e-mail addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
    /// Names the software, the same in every installation of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_id: Option<String>,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_version: Option<String>,
    /// Names and addresses in other languages, under the member's name with `#` and the language (RFC 7591 §2.2):
    /// `client_name#de`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub localized: BTreeMap<String, String>,
    /// The statement in which somebody vouches for it (RFC 7591 §2.3), as it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_statement: Option<String>,
}

/// Where the client runs: on a server or in a browser, or as a program on a person's device.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplicationType {
    /// Its redirect URIs are `https`.
    #[default]
    Web,
    /// Its redirect URIs may be loopback addresses or of a scheme of its own (RFC 8252 §7).
    Native,
}

impl ApplicationType {
    /// What a client with these redirect URIs is, where it doesn't say.
    #[must_use]
    pub fn of<'a>(redirect_uris: impl IntoIterator<Item = &'a str>) -> Self {
        let mut uris = redirect_uris.into_iter();
        if uris.all(|uri| uri.starts_with("https://")) { Self::Web } else { Self::Native }
    }

    /// The registered name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Native => "native",
        }
    }
}

/// How a client came to be registered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum ClientOrigin {
    /// By the operator, or by a person the operator lets do so.
    #[default]
    Operator,
    /// By itself (RFC 7591).
    Registration,
    /// By a document at the URL that is its name (Client ID Metadata Documents).
    MetadataDocument {
        /// Until when the document need not be looked at again.
        fresh_until: Timestamp,
    },
}
