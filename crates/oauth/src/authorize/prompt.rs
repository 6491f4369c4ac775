//! `prompt` (OpenID Connect Core §3.1.2.1).

use crate::{Error, Parameters};

/// What the client wants the person asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Prompt {
    /// Nothing may be asked.
    pub(crate) none: bool,
    /// The person must sign in anew.
    pub(crate) login: bool,
    /// The person must agree anew.
    pub(crate) consent: bool,
    /// The person must choose an account: here, by signing in.
    pub(crate) select_account: bool,
}

pub(super) fn understood(sent: &Parameters<'_>) -> Result<Prompt, Error> {
    let mut prompt = Prompt::default();
    for word in sent.one("prompt").unwrap_or_default().split(' ').filter(|word| !word.is_empty()) {
        match word {
            "none" => prompt.none = true,
            "login" => prompt.login = true,
            "consent" => prompt.consent = true,
            "select_account" => prompt.select_account = true,
            _ => return Err(Error::Invalid("prompt")),
        }
    }
    // OpenID Connect Core §3.1.2.1: none stands alone.
    if prompt.none && (prompt.login || prompt.consent || prompt.select_account) {
        return Err(Error::Invalid("prompt"));
    }
    Ok(prompt)
}
