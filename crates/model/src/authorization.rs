//! What a client registers about its authorization requests and their answers.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The rules a client lives by, in one word. What each tightens is a table of `countersign_oauth`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub enum Profile {
    /// OAuth 2.1 as RFC 9700 wants it.
    #[default]
    #[serde(rename = "oauth2.1")]
    OAuth21,
    /// An OpenID Connect relying party of the classical kind.
    #[serde(rename = "oidc")]
    Oidc,
    /// FAPI 1.0 part 2, Advanced.
    #[serde(rename = "fapi1-advanced")]
    Fapi1Advanced,
    /// FAPI 2.0 Security Profile.
    #[serde(rename = "fapi2-security")]
    Fapi2Security,
    /// FAPI 2.0 Message Signing: signed requests and signed answers on top of it.
    #[serde(rename = "fapi2-message-signing")]
    Fapi2MessageSigning,
    /// Authorization of the Model Context Protocol.
    #[serde(rename = "mcp")]
    Mcp,
    /// A client written for GitHub's OAuth applications.
    #[serde(rename = "github")]
    Github,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 7] = [
        Self::OAuth21,
        Self::Oidc,
        Self::Fapi1Advanced,
        Self::Fapi2Security,
        Self::Fapi2MessageSigning,
        Self::Mcp,
        Self::Github,
    ];

    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OAuth21 => "oauth2.1",
            Self::Oidc => "oidc",
            Self::Fapi1Advanced => "fapi1-advanced",
            Self::Fapi2Security => "fapi2-security",
            Self::Fapi2MessageSigning => "fapi2-message-signing",
            Self::Mcp => "mcp",
            Self::Github => "github",
        }
    }
}

/// `response_type` (RFC 6749 §3.1.1, OAuth 2.0 Multiple Response Types §3 and §4). Types that hand out an access token
/// by way of the browser are not among them (RFC 9700 §2.1.2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ResponseType {
    /// A code.
    Code,
    /// Nothing but the news that the person agreed.
    None,
    /// An ID token (OpenID Connect Core §3.2).
    IdToken,
    /// Both a code and an ID token (OpenID Connect Core §3.3).
    CodeIdToken,
}

impl ResponseType {
    /// Every type.
    pub const ALL: [Self; 4] = [Self::Code, Self::None, Self::IdToken, Self::CodeIdToken];

    /// The registered name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::None => "none",
            Self::IdToken => "id_token",
            Self::CodeIdToken => "code id_token",
        }
    }

    /// Whether a code is part of the answer.
    #[must_use]
    pub const fn gives_code(self) -> bool {
        matches!(self, Self::Code | Self::CodeIdToken)
    }

    /// Whether an ID token is part of the answer.
    #[must_use]
    pub const fn gives_id_token(self) -> bool {
        matches!(self, Self::IdToken | Self::CodeIdToken)
    }
}

/// `response_mode`: how the answer reaches the client.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ResponseMode {
    /// In the query of the redirect URI (OAuth 2.0 Multiple Response Types §2.1).
    Query,
    /// In its fragment.
    Fragment,
    /// In a form that the browser posts to it (OAuth 2.0 Form Post Response Mode §2).
    FormPost,
    /// In the query, as one signed JWT (JARM §2.3.1).
    QueryJwt,
    /// In the fragment, as one signed JWT (JARM §2.3.2).
    FragmentJwt,
    /// In a form, as one signed JWT (JARM §2.3.3).
    FormPostJwt,
}

impl ResponseMode {
    /// Every mode.
    pub const ALL: [Self; 6] =
        [Self::Query, Self::Fragment, Self::FormPost, Self::QueryJwt, Self::FragmentJwt, Self::FormPostJwt];

    /// The registered name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Fragment => "fragment",
            Self::FormPost => "form_post",
            Self::QueryJwt => "query.jwt",
            Self::FragmentJwt => "fragment.jwt",
            Self::FormPostJwt => "form_post.jwt",
        }
    }

    /// Whether the answer is one signed JWT.
    #[must_use]
    pub const fn is_signed(self) -> bool {
        matches!(self, Self::QueryJwt | Self::FragmentJwt | Self::FormPostJwt)
    }
}

/// What a client registers about its authorization requests and their answers (RFC 7591 §2, RFC 9126 §6, RFC 9101 §10.5,
/// JARM §3, RFC 9396 §10). Whatever the profile demands comes on top.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct AuthorizationMetadata {
    /// What it may ask for.
    pub response_types: BTreeSet<ResponseType>,
    /// Whether its requests must be pushed.
    pub require_pushed_authorization_requests: bool,
    /// Whether its requests must be signed.
    pub require_signed_request_object: bool,
    /// The one algorithm it signs requests with; `None`: any that is taken.
    pub request_object_signing_alg: Option<String>,
    /// How it sends the key of requests that it encrypts; `None`: in any way that is taken.
    pub request_object_encryption_alg: Option<String>,
    /// How it encrypts them; `None`: in any way that is taken.
    pub request_object_encryption_enc: Option<String>,
    /// Where its request objects may be fetched from, compared exactly.
    pub request_uris: Vec<String>,
    /// What its answers are signed with; `None`: the server's default.
    pub authorization_signed_response_alg: Option<String>,
    /// How the key of its encrypted answers is sent; `None`: they are not encrypted.
    pub authorization_encrypted_response_alg: Option<String>,
    /// How its answers are encrypted; `None`: A128CBC-HS256 (JARM §3).
    pub authorization_encrypted_response_enc: Option<String>,
    /// The types of authorization details it may ask for (RFC 9396 §10).
    pub authorization_details_types: BTreeSet<String>,
}

impl Default for AuthorizationMetadata {
    /// Codes, in plain requests, with plain answers.
    fn default() -> Self {
        Self {
            response_types: BTreeSet::from([ResponseType::Code]),
            require_pushed_authorization_requests: false,
            require_signed_request_object: false,
            request_object_signing_alg: None,
            request_object_encryption_alg: None,
            request_object_encryption_enc: None,
            request_uris: Vec::new(),
            authorization_signed_response_alg: None,
            authorization_encrypted_response_alg: None,
            authorization_encrypted_response_enc: None,
            authorization_details_types: BTreeSet::new(),
        }
    }
}

/// A text that names nothing of its kind.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0:?} is not one of: {1}")]
pub struct UnknownWord(String, String);

fn unknown<const N: usize>(text: &str, known: [&'static str; N]) -> UnknownWord {
    UnknownWord(text.to_owned(), known.join(", "))
}

impl FromStr for Profile {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let found = Self::ALL.into_iter().find(|known| known.as_str() == text);
        found.ok_or_else(|| unknown(text, Self::ALL.map(Self::as_str)))
    }
}

impl FromStr for ResponseMode {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let found = Self::ALL.into_iter().find(|known| known.as_str() == text);
        found.ok_or_else(|| unknown(text, Self::ALL.map(Self::as_str)))
    }
}

impl FromStr for ResponseType {
    type Err = UnknownWord;

    /// RFC 6749 §3.1.1: the order of the words does not matter.
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let mut words: Vec<&str> = text.split(' ').collect();
        words.sort_unstable();
        let sorted = words.join(" ");
        let found = Self::ALL.into_iter().find(|known| known.as_str() == sorted);
        found.ok_or_else(|| unknown(text, Self::ALL.map(Self::as_str)))
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for ResponseType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for ResponseMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ResponseType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ResponseType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_written() {
        for profile in Profile::ALL {
            assert_eq!(profile.as_str().parse(), Ok(profile));
            let json = serde_json::to_value(profile).unwrap();
            assert_eq!(json, profile.as_str());
        }
        for mode in ResponseMode::ALL {
            assert_eq!(mode.as_str().parse(), Ok(mode));
        }
        for response_type in ResponseType::ALL {
            assert_eq!(response_type.as_str().parse(), Ok(response_type));
        }
        assert_eq!("id_token code".parse(), Ok(ResponseType::CodeIdToken));
        for text in ["", "code code", "token", "code token", "code  id_token", "Code"] {
            assert!(text.parse::<ResponseType>().is_err(), "{text}");
        }
    }
}
