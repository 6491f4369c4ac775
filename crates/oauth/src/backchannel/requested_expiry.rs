//! `requested_expiry` (CIBA §7.1): how long the request shall wait.

use std::time::Duration;

use crate::{Error, Parameters};

/// What the request asks for, within what the operator gives: a request that waits longer than its person expects is one
/// that they answer without remembering why.
pub(super) fn at_most(longest: Duration, sent: &Parameters<'_>) -> Result<Duration, Error> {
    let Some(text) = sent.one("requested_expiry") else { return Ok(longest) };
    // CIBA §7.1: a positive integer.
    let is_number = text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<u32>() {
        Ok(seconds) if is_number && seconds > 0 => Ok(Duration::from_secs(seconds.into()).min(longest)),
        Ok(_) | Err(_) => Err(Error::Invalid("requested_expiry")),
    }
}
