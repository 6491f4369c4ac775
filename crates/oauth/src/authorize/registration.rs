//! `registration`: not supported, said so rather than ignored, because a client that sends it relies on it.

use crate::{Error, Parameters};

pub(super) fn absent(sent: &Parameters<'_>) -> Result<(), Error> {
    // OpenID Connect Core §7.2.1.
    if sent.one("registration").is_some() { Err(Error::RegistrationNotSupported) } else { Ok(()) }
}
