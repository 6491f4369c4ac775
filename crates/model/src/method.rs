//! How a caller proved who it is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The methods of authentication that the product checks, one word each as configuration, metrics and the identity
/// token spell them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// A self-contained signed token (RFC 7519, RFC 9068).
    Jwt,
    /// A reference token, looked up or introspected (RFC 7662).
    Oauth,
    /// A client certificate.
    Mtls,
    /// User name and password (RFC 7617).
    Basic,
    /// An API key.
    ApiKey,
}

impl Method {
    /// Every method, in the order tables show them.
    pub const ALL: [Self; 5] = [Self::Jwt, Self::Oauth, Self::Mtls, Self::Basic, Self::ApiKey];

    /// The method's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jwt => "jwt",
            Self::Oauth => "oauth",
            Self::Mtls => "mtls",
            Self::Basic => "basic",
            Self::ApiKey => "api_key",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Method {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|method| method.as_str() == text)
            .ok_or_else(|| format!("unknown method {text:?}: one of jwt, oauth, mtls, basic, api_key"))
    }
}

/// How strong the proof was, weakest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assurance {
    /// A long-lived bearer secret: API key, password.
    LongLivedSecret,
    /// A short-lived bearer token.
    ShortLivedToken,
    /// The caller proved possession of a private key on this connection or for this request.
    ProofOfPossession,
}

impl Assurance {
    /// The word used in the identity token.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LongLivedSecret => "long_lived_secret",
            Self::ShortLivedToken => "short_lived_token",
            Self::ProofOfPossession => "proof_of_possession",
        }
    }
}
