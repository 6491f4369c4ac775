//! `response_type` and `response_mode`: codes, in the query.

use crate::{Error, Parameters};

/// RFC 6749 §3.1.1: required. RFC 9700 §2.1.2: tokens never travel by way of the browser, so `code` is the only one.
pub(super) fn is_code(sent: &Parameters<'_>) -> Result<(), Error> {
    match sent.one("response_type") {
        Some("code") => Ok(()),
        Some(_) => Err(Error::UnsupportedResponseType),
        None => Err(Error::Missing("response_type")),
    }
}

/// OAuth 2.0 Multiple Response Types §2.1: the query is the default for codes.
pub(super) fn goes_by_query(sent: &Parameters<'_>) -> Result<(), Error> {
    match sent.one("response_mode") {
        None | Some("query") => Ok(()),
        Some(_) => Err(Error::UnsupportedResponseMode),
    }
}
