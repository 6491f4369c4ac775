//! `response_mode`: how the answer reaches the client (OAuth 2.0 Multiple Response Types §2.1, Form Post Response Mode,
//! JARM §2.3).

use countersign_model::{Client, ResponseMode, ResponseType};

use crate::profile::{ResponseProtection, Rules};
use crate::{Error, Parameters};

/// The mode, or the one in which the client is told that it can't have the one it asked for.
pub(super) fn resolved(client: &Client, sent: &Parameters<'_>) -> (ResponseMode, Result<(), Error>) {
    let rules = Rules::of(client.profile);
    let response_type = sent.one("response_type").and_then(|text| text.parse::<ResponseType>().ok());
    let gives_id_token = response_type.is_some_and(ResponseType::gives_id_token);
    let must_sign = match rules.responses {
        ResponseProtection::Issuer => false,
        ResponseProtection::IdTokenOrJarm => !gives_id_token,
        ResponseProtection::Jarm => true,
    };
    // OAuth 2.0 Multiple Response Types §5: an ID token never stands in a query, where logs keep it. JARM §2.3.1: nor
    // does its JWT.
    let fits = |mode: ResponseMode| {
        rules.response_modes.contains(&mode)
            && !(gives_id_token && matches!(mode, ResponseMode::Query | ResponseMode::QueryJwt))
            && (mode.is_signed() || !must_sign)
    };
    let plain = if gives_id_token { ResponseMode::Fragment } else { ResponseMode::Query };
    // JARM §2.3.4: `jwt` is the default of the response type, signed.
    let jwt = if gives_id_token { ResponseMode::FragmentJwt } else { ResponseMode::QueryJwt };
    let fallback = if must_sign { jwt } else { plain };
    let wanted = match sent.one("response_mode") {
        None => Some(plain),
        Some("jwt") => Some(jwt),
        Some(text) => text.parse().ok(),
    };
    match wanted.filter(|mode| fits(*mode)) {
        Some(mode) => (mode, Ok(())),
        None => (fallback, Err(Error::UnsupportedResponseMode)),
    }
}
