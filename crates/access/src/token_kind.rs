//! The kinds of opaque secrets that are issued, each told by the beginning of its text: what it is stands in it, so that
//! whoever finds one knows what was lost.

use countersign_model::{Rng, SecretString};

use crate::api_key;

/// What an opaque secret of ours is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TokenKind {
    /// An API key: `csk_`, then the environment it is for.
    ApiKey,
    /// A reference token.
    AccessToken,
    /// A refresh token.
    RefreshToken,
    /// The secret of a client.
    ClientSecret,
    /// An initial access token (RFC 7591 §1.2).
    InitialAccessToken,
    /// A registration access token (RFC 7592 §1.2).
    RegistrationAccessToken,
    /// The cookie of a signed-in browser.
    Session,
    /// A password that was made here and not chosen.
    Password,
    /// Of a kind that this version does not know.
    Unknown,
}

/// What the texts of API keys begin with.
pub const API_KEY_PREFIX: &str = "csk";
/// What the texts of all else begin with.
const PREFIX: &str = "cst";

impl TokenKind {
    /// Those with a word of their own after the prefix.
    pub const NAMED: [Self; 7] = [
        Self::AccessToken,
        Self::RefreshToken,
        Self::ClientSecret,
        Self::InitialAccessToken,
        Self::RegistrationAccessToken,
        Self::Session,
        Self::Password,
    ];

    /// The word between prefix and body; API keys have their environment there.
    const fn word(self) -> Option<&'static str> {
        match self {
            Self::AccessToken => Some("at"),
            Self::RefreshToken => Some("rt"),
            Self::ClientSecret => Some("cs"),
            Self::InitialAccessToken => Some("ia"),
            Self::RegistrationAccessToken => Some("rg"),
            Self::Session => Some("ss"),
            Self::Password => Some("pw"),
            Self::ApiKey | Self::Unknown => None,
        }
    }

    /// Its name, for machines.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApiKey => "api_key",
            Self::AccessToken => "access_token",
            Self::RefreshToken => "refresh_token",
            Self::ClientSecret => "client_secret",
            Self::InitialAccessToken => "initial_access_token",
            Self::RegistrationAccessToken => "registration_access_token",
            Self::Session => "session",
            Self::Password => "password",
            Self::Unknown => "unknown",
        }
    }

    /// A fresh one: prefix, 256 random bits, checksum. API keys are made with [`api_key::generate`], for they have an
    /// environment.
    #[must_use]
    pub fn generate(self, rng: &dyn Rng) -> SecretString {
        let (prefix, word) = self.word().map_or((API_KEY_PREFIX, "live"), |word| (PREFIX, word));
        api_key::generate(prefix, word, rng)
    }

    /// Whose head this is, in a text whose form and checksum are right; `None`: nothing of ours.
    #[must_use]
    pub fn of_head(head: &str) -> Option<Self> {
        let (prefix, word) = head.split_once('_')?;
        match prefix {
            API_KEY_PREFIX => Some(Self::ApiKey),
            PREFIX => {
                let named = Self::NAMED.into_iter().find(|kind| kind.word() == Some(word));
                Some(named.unwrap_or(Self::Unknown))
            }
            _ => None,
        }
    }

    /// Whether the text has the form of this kind, its checksum included.
    #[must_use]
    pub fn has_form(self, text: &str) -> bool {
        api_key::WellFormed::read(text).is_some_and(|read| Self::of_head(read.head()) == Some(self))
    }
}

#[cfg(test)]
mod tests {
    use countersign_model::SystemRng;

    use super::*;

    #[test]
    fn each_kind_knows_its_own_and_no_other() {
        for kind in TokenKind::NAMED.into_iter().chain([TokenKind::ApiKey]) {
            let text = kind.generate(&SystemRng);
            for other in TokenKind::NAMED.into_iter().chain([TokenKind::ApiKey, TokenKind::Unknown]) {
                assert_eq!(other.has_form(text.expose()), other == kind, "{kind:?} {other:?}");
            }
        }
        let newer = api_key::generate("cst", "zz", &SystemRng);
        assert!(TokenKind::Unknown.has_form(newer.expose()));
        assert_eq!(TokenKind::of_head("ghp_live"), None);
    }
}
