//! Bodies of forms: right type, right size, read once.

use axum::body::Body;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::params::{MAX_BODY, Malformed};

/// Why a request's form can't be had. The texts go out as `error_description`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum BadForm {
    #[error("the body is larger than 64 KiB")]
    TooLarge,
    #[error("the body must be application/x-www-form-urlencoded, in UTF-8 and without a content encoding")]
    WrongType,
    #[error("the body ended before it was complete")]
    Incomplete,
    #[error("parameters belong in the body, not in the query")]
    InQuery,
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

impl From<BadJson> for BadForm {
    fn from(bad: BadJson) -> Self {
        match bad {
            BadJson::TooLarge => Self::TooLarge,
            BadJson::WrongType => Self::WrongType,
            BadJson::Incomplete => Self::Incomplete,
        }
    }
}

/// Why a request's JSON can't be had. The texts go out as `error_description`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum BadJson {
    #[error("the body is too large")]
    TooLarge,
    #[error("the body must be application/json, without a content encoding")]
    WrongType,
    #[error("the body ended before it was complete")]
    Incomplete,
}

/// Reads a JSON document of at most so many bytes.
pub(crate) async fn read_json(headers: &HeaderMap, body: Body, most: usize) -> Result<Bytes, BadJson> {
    if !is_json(headers) || headers.contains_key(CONTENT_ENCODING) {
        return Err(BadJson::WrongType);
    }
    match Limited::new(body, most).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(BadJson::TooLarge),
        Err(_) => Err(BadJson::Incomplete),
    }
}

/// Whether the body says that it is JSON.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    media_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

/// Reads the body of a form.
pub(crate) async fn read_form(headers: &HeaderMap, body: Body) -> Result<Bytes, BadForm> {
    if !is_form(headers.get(CONTENT_TYPE)) || headers.contains_key(CONTENT_ENCODING) {
        return Err(BadForm::WrongType);
    }
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > MAX_BODY as u64) {
        return Err(BadForm::TooLarge);
    }
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(BadForm::TooLarge),
        Err(_) => Err(BadForm::Incomplete),
    }
}

/// RFC 6749 appendix B: the media type, and no charset but UTF-8.
fn is_form(content_type: Option<&HeaderValue>) -> bool {
    let Some(text) = content_type.and_then(|value| value.to_str().ok()) else { return false };
    let mut parts = text.split(';').map(str::trim);
    let right_type =
        parts.next().is_some_and(|media| media.eq_ignore_ascii_case("application/x-www-form-urlencoded"));
    right_type
        && parts.filter(|part| !part.is_empty()).all(|part| match part.split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
                value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
            }
            Some(_) | None => true,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_forms_in_utf_8_are_read() {
        let is = |text: &'static str| is_form(Some(&HeaderValue::from_static(text)));
        assert!(is("application/x-www-form-urlencoded"));
        assert!(is("Application/X-WWW-Form-Urlencoded; Charset=\"UTF-8\""));
        assert!(is("application/x-www-form-urlencoded;"));
        assert!(!is("application/x-www-form-urlencoded; charset=iso-8859-1"));
        assert!(!is("application/json") && !is("text/plain") && !is("") && !is_form(None));
        assert!(!is("application/x-www-form-urlencodedx"));
    }
}
