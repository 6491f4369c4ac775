//! The text of opaque tokens: a prefix that scanners know, random bits and a checksum, as an API key has them. What has not
//! this form is refused without a look into the store.
//!
//! Refresh tokens and codes begin with the moment they were made, and are kept in that order: among a million of them the
//! newest, which come back first, lie together.

use countersign_access::TokenKind;
use countersign_model::{Rng, SecretString, Timestamp, TokenHash};

use crate::shared_secret;

/// A fresh reference token.
pub(crate) fn access_token(rng: &dyn Rng) -> SecretString {
    TokenKind::AccessToken.generate(rng)
}

/// A fresh refresh token: the moment and 208 random bits.
pub(crate) fn refresh_token(now: Timestamp, rng: &dyn Rng) -> SecretString {
    TokenKind::RefreshToken.generate_in_order(now, rng)
}

/// Under what a refresh token is kept.
pub(crate) fn refresh_token_hash(text: &str) -> TokenHash {
    TokenKind::RefreshToken.hash_in_order(text)
}

/// A fresh authorization code (RFC 6749 §4.1.2): the moment and 256 random bits.
pub(crate) fn code(now: Timestamp, rng: &dyn Rng) -> SecretString {
    let moment = now.in_letters().into_iter().map(char::from);
    SecretString::new(moment.chain(rng.token().expose().chars()).collect())
}

/// Under what a code is kept.
pub(crate) fn code_hash(text: &str) -> TokenHash {
    TokenHash::in_order(text.as_bytes(), 0)
}

/// A fresh initial access token (RFC 7591 §1.2), by which clients may register.
#[must_use]
pub fn initial_access_token(rng: &dyn Rng) -> SecretString {
    TokenKind::InitialAccessToken.generate(rng)
}

/// A fresh registration access token (RFC 7592 §1.2), by which one client manages its registration.
pub(crate) fn registration_access_token(rng: &dyn Rng) -> SecretString {
    TokenKind::RegistrationAccessToken.generate(rng)
}

/// Whether the text has the form of an initial access token.
pub(crate) fn is_initial_access_token(text: &str) -> bool {
    TokenKind::InitialAccessToken.has_form(text)
}

/// Whether the text has the form of a registration access token.
pub(crate) fn is_registration_access_token(text: &str) -> bool {
    TokenKind::RegistrationAccessToken.has_form(text)
}

/// Whether the text has the form of a reference token.
#[must_use]
pub fn is_access_token(text: &str) -> bool {
    TokenKind::AccessToken.has_form(text)
}

/// Whether an access token is known by its hash: a reference token, or one signed with a secret that its resource server
/// shares.
pub(crate) fn is_looked_up(text: &str) -> bool {
    is_access_token(text) || shared_secret::signs(text)
}

/// Whether the text has the form of a refresh token.
#[must_use]
pub fn is_refresh_token(text: &str) -> bool {
    TokenKind::RefreshToken.has_form(text)
}

#[cfg(test)]
mod tests {
    use countersign_model::SystemRng;

    use super::*;

    #[test]
    fn each_kind_knows_its_own() {
        let (access, refresh) = (access_token(&SystemRng), refresh_token(Timestamp::EPOCH, &SystemRng));
        assert!(is_access_token(access.expose()) && !is_refresh_token(access.expose()));
        assert!(is_refresh_token(refresh.expose()) && !is_access_token(refresh.expose()));
        assert!(!is_access_token("cst_at_x") && !is_access_token(""));
    }
}
