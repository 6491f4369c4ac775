//! `request`, `request_uri`, `registration`: not supported, said so rather than ignored, because a client that sends
//! one relies on it.

use crate::{Error, Parameters};

pub(super) fn absent(sent: &Parameters<'_>) -> Result<(), Error> {
    // OpenID Connect Core §6.1, §6.2 and §7.2.1: each has an error of its own.
    if sent.one("request").is_some() {
        return Err(Error::RequestNotSupported);
    }
    if sent.one("request_uri").is_some() {
        return Err(Error::RequestUriNotSupported);
    }
    if sent.one("registration").is_some() {
        return Err(Error::RegistrationNotSupported);
    }
    Ok(())
}
