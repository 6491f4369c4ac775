//! Errors in the words that clients for GitHub know, where those differ from the standards'.

use crate::{Error, GrantRefusal};

impl Error {
    /// The `error` member for such a client.
    #[must_use]
    pub const fn github_code(&self) -> &'static str {
        match self {
            Self::InvalidClient { .. } => "incorrect_client_credentials",
            Self::InvalidGrant(refusal) => grant_code(refusal),
            standard => standard.code(),
        }
    }

    /// The `error_uri` member (RFC 6749 §5.2): the section that [`Error::section`] names first.
    #[must_use]
    pub fn documentation(&self) -> String {
        let mut words = self.section().split([' ', ',']);
        let number = words.find(|word| *word == "RFC").and_then(|_| words.next());
        let section = words.find_map(|word| word.strip_prefix('§'));
        match (number, section) {
            (Some(number), Some(section)) => {
                format!("https://www.rfc-editor.org/rfc/rfc{number}#section-{section}")
            }
            (_, _) => "https://www.rfc-editor.org/rfc/rfc6749#section-5.2".to_owned(),
        }
    }
}

const fn grant_code(refusal: &GrantRefusal) -> &'static str {
    match refusal {
        GrantRefusal::CodeUnknown
        | GrantRefusal::CodeReplayed
        | GrantRefusal::CodeExpired
        | GrantRefusal::CodeForeign
        | GrantRefusal::CodeKeyDiffers
        | GrantRefusal::VerifierMissing
        | GrantRefusal::VerifierWrong
        | GrantRefusal::VerifierUnexpected
        | GrantRefusal::Revoked
        | GrantRefusal::AccountDisabled => "bad_verification_code",
        GrantRefusal::RedirectUriDiffers => "redirect_uri_mismatch",
        GrantRefusal::DeviceCodeUnknown => "incorrect_device_code",
        GrantRefusal::RefreshUnknown
        | GrantRefusal::RefreshExpired
        | GrantRefusal::RefreshForeign
        | GrantRefusal::RefreshReplayed
        | GrantRefusal::RefreshKeyDiffers => "bad_refresh_token",
        GrantRefusal::AuthReqIdUnknown | GrantRefusal::Assertion(_) | GrantRefusal::AssertionReplayed => {
            "invalid_grant"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_the_words_that_such_clients_know_and_a_place_to_read_on() {
        let unknown = Error::InvalidGrant(GrantRefusal::CodeUnknown);
        assert_eq!(unknown.github_code(), "bad_verification_code");
        assert_eq!(unknown.documentation(), "https://www.rfc-editor.org/rfc/rfc6749#section-5.2");
        let pending = Error::AuthorizationPending;
        assert_eq!(pending.github_code(), "authorization_pending");
        assert_eq!(pending.documentation(), "https://www.rfc-editor.org/rfc/rfc8628#section-3.5");
        assert!(Error::UnboundToken.documentation().contains("rfc6749"), "a standard that is no RFC");
    }
}
