//! The kinds of opaque secrets that are issued, each told by the beginning of its text: what it is stands in it, so that
//! whoever finds one knows what was lost.

use countersign_model::{Rng, SecretString, Timestamp, TokenHash};

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
        let (prefix, word) = self.beginning();
        api_key::generate(prefix, word, rng)
    }

    /// A fresh one that tells when it was made, for a kind of which very many are kept: prefix, moment, 208 random bits,
    /// checksum. Store [`TokenKind::hash_in_order`].
    #[must_use]
    pub fn generate_in_order(self, now: Timestamp, rng: &dyn Rng) -> SecretString {
        let (prefix, word) = self.beginning();
        api_key::generate_after(prefix, word, &now.in_letters(), rng)
    }

    /// The hash of a secret of this kind that tells when it was made: hashes sort as they were made.
    #[must_use]
    pub fn hash_in_order(self, text: &str) -> TokenHash {
        let (prefix, word) = self.beginning();
        TokenHash::in_order(text.as_bytes(), prefix.len() + word.len() + 2)
    }

    fn beginning(self) -> (&'static str, &'static str) {
        self.word().map_or((API_KEY_PREFIX, "live"), |word| (PREFIX, word))
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
    fn what_tells_when_it_was_made_sorts_by_it() {
        let kind = TokenKind::RefreshToken;
        let at = |seconds| kind.generate_in_order(Timestamp::from_seconds(seconds), &SystemRng);
        let (early, late) = (at(1_700_000_000), at(1_700_000_001));
        assert!(
            kind.has_form(early.expose()) && early.expose().len() == kind.generate(&SystemRng).expose().len()
        );
        assert!(kind.hash_in_order(early.expose()) < kind.hash_in_order(late.expose()));
        assert_ne!(kind.hash_in_order(late.expose()), kind.hash_in_order(at(1_700_000_001).expose()));
    }

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
