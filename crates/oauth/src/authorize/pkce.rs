//! `code_challenge` and `code_challenge_method` (RFC 7636 §4.3).

use countersign_model::Client;

use crate::{Error, Parameters, Settings};

/// RFC 9700 §2.1.1: required of everybody, S256 only. The operator may let confidential clients go without; what they
/// do send counts all the same.
pub(super) fn challenge(
    client: &Client,
    settings: &Settings,
    sent: &Parameters<'_>,
) -> Result<Option<String>, Error> {
    let Some(challenge) = sent.one("code_challenge") else {
        // A method without a challenge is a client that believes it is protected.
        let may_go_without = settings.insecure_pkce_optional
            && client.is_confidential()
            && sent.one("code_challenge_method").is_none();
        return if may_go_without { Ok(None) } else { Err(Error::ChallengeMissing) };
    };
    // RFC 7636 §4.3: without a method it would be "plain", which protects from nobody who can read the request.
    if sent.one("code_challenge_method") != Some("S256") {
        return Err(Error::ChallengeMethod);
    }
    // RFC 7636 §4.2: base64url of a SHA-256 hash, without padding.
    let is_hash = challenge.len() == 43
        && challenge.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if is_hash { Ok(Some(challenge.to_owned())) } else { Err(Error::ChallengeMalformed) }
}
