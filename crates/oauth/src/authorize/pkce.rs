//! `code_challenge` and `code_challenge_method` (RFC 7636 §4.3).

use countersign_model::{Client, ResponseType};

use super::scope::asks_for_openid;
use crate::profile::Rules;
use crate::{Error, Parameters, Settings};

/// RFC 9700 §2.1.1: required of everybody, S256 only. The operator or a profile may let confidential clients go without,
/// and a profile may let them bind the code by a nonce instead; what they do send counts all the same.
pub(super) fn challenge(
    client: &Client,
    settings: &Settings,
    wanted: ResponseType,
    sent: &Parameters<'_>,
) -> Result<Option<String>, Error> {
    let Some(challenge) = sent.one("code_challenge") else {
        // A method without a challenge is a client that believes it is protected.
        // RFC 9700 §2.1.1: the nonce of OpenID Connect protects the code of a client that compares it.
        let has_nonce = sent.one("nonce").is_some() && asks_for_openid(sent);
        let nonce_will_do = Rules::of(client.profile).nonce_for_pkce && has_nonce;
        let rules = Rules::of(client.profile);
        let may_go_without =
            (settings.insecure_pkce_optional || rules.confidential_without_pkce || nonce_will_do)
                && client.is_confidential()
                && sent.one("code_challenge_method").is_none();
        // Where no code is given there is nothing to protect.
        let may_go_without = may_go_without || !wanted.gives_code();
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
