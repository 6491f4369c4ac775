//! Parameters of a query or a form (`application/x-www-form-urlencoded`), read strictly.
//!
//! RFC 6749 §3.1 and §3.2 ask for three things: a parameter without a value counts as absent, an unknown one is
//! ignored, and one that comes twice is an error. What is no valid encoding is refused rather than repaired, so that
//! nobody downstream reads it in another way.

use std::borrow::Cow;

/// Most bytes a form may have.
pub(crate) const MAX_BODY: usize = 64 * 1024;
/// Most bytes a query may have.
pub(crate) const MAX_QUERY: usize = 16 * 1024;
/// Most parameters in either.
pub(crate) const MAX_PARAMETERS: usize = 64;

/// The parameters that may come more than once (RFC 8707 §2).
const REPEATABLE: [&str; 1] = ["resource"];

/// What came, in order, without the empty ones.
#[derive(Default)]
pub(crate) struct Params<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

/// Why it can't be read. The texts go out as `error_description`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("there are too many parameters")]
    TooMany,
    #[error("the parameters are too long")]
    TooLong,
    #[error("a parameter is given more than once")]
    Repeated,
    #[error("a parameter is not encoded as application/x-www-form-urlencoded in UTF-8")]
    Encoding,
    #[error("a parameter holds a control character")]
    Control,
}

impl<'a> Params<'a> {
    /// Reads a query or a form.
    pub(crate) fn parse(text: &'a [u8]) -> Result<Self, Malformed> {
        let mut params = Vec::with_capacity(8);
        let mut seen: Vec<Cow<'a, str>> = Vec::new();
        for (count, pair) in text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).enumerate() {
            if count >= MAX_PARAMETERS {
                return Err(Malformed::TooMany);
            }
            let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
                Some(at) => (pair.get(..at).unwrap_or_default(), pair.get(at + 1..).unwrap_or_default()),
                None => (pair, &[][..]),
            };
            let (name, value) = (decode(name)?, decode(value)?);
            let known = params.iter().map(|(known, _)| known).chain(&seen).any(|known| *known == name);
            if known && !REPEATABLE.contains(&name.as_ref()) {
                return Err(Malformed::Repeated);
            }
            // RFC 6749 §3.1: without a value it counts as absent; twice it is an error all the same.
            if value.is_empty() {
                seen.push(name);
            } else {
                params.push((name, value));
            }
        }
        Ok(Self(params))
    }

    /// Reads a request's query.
    pub(crate) fn of_query(query: Option<&'a str>) -> Result<Self, Malformed> {
        match query {
            Some(query) if query.len() > MAX_QUERY => Err(Malformed::TooLong),
            Some(query) => Self::parse(query.as_bytes()),
            None => Ok(Self::default()),
        }
    }

    /// The value of a parameter; the first where it may be repeated.
    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_ref())
    }

    /// Every parameter, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    /// Every parameter as owned text, in order.
    pub(crate) fn to_pairs(&self) -> Vec<(String, String)> {
        self.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

/// Undoes `+` and `%xx`; refuses broken escapes, text that is no UTF-8, and control characters other than line breaks
/// and tabs, which no parameter of ours may hold.
fn decode(text: &[u8]) -> Result<Cow<'_, str>, Malformed> {
    let decoded = if text.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        Cow::Owned(String::from_utf8(unescape(text)?).map_err(|_| Malformed::Encoding)?)
    } else {
        Cow::Borrowed(std::str::from_utf8(text).map_err(|_| Malformed::Encoding)?)
    };
    let is_control = |byte: u8| byte.is_ascii_control() && !matches!(byte, b'\t' | b'\n' | b'\r');
    if decoded.bytes().any(is_control) { Err(Malformed::Control) } else { Ok(decoded) }
}

fn unescape(text: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let high = bytes.next().and_then(nibble).ok_or(Malformed::Encoding)?;
                let low = bytes.next().and_then(nibble).ok_or(Malformed::Encoding)?;
                high << 4 | low
            }
            other => other,
        });
    }
    Ok(decoded)
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<(String, String)>, Malformed> {
        Params::parse(text.as_bytes()).map(|params| params.to_pairs())
    }

    #[test]
    fn values_are_decoded_and_empty_ones_left_out() {
        let pairs = parse("a=1&b=x+y%20z%C3%A4&c=&d&&e==").unwrap();
        let expected = [("a", "1"), ("b", "x y zä"), ("e", "=")];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn repetition_is_refused_also_when_a_copy_is_empty_or_escaped() {
        assert_eq!(parse("a=1&a=1"), Err(Malformed::Repeated));
        assert_eq!(parse("a=&a=1"), Err(Malformed::Repeated));
        assert_eq!(parse("a=1&a"), Err(Malformed::Repeated));
        assert_eq!(parse("a=&a="), Err(Malformed::Repeated));
        assert_eq!(parse("scope=1&%73cope=2"), Err(Malformed::Repeated));
        assert_eq!(parse("resource=a&resource=b").unwrap().len(), 2);
    }

    #[test]
    fn what_is_no_encoding_is_refused() {
        for text in ["a=%", "a=%4", "a=%zz", "a=%ff", "%ff=a", "a=%+1", "a=%C3"] {
            assert_eq!(parse(text), Err(Malformed::Encoding), "{text}");
        }
        assert_eq!(Params::parse(b"a=\xff").map(|_| ()).unwrap_err(), Malformed::Encoding);
        assert_eq!(parse("a=%00"), Err(Malformed::Control));
        assert_eq!(parse("a=%1b"), Err(Malformed::Control));
    }

    #[test]
    fn limits_hold() {
        let most: String = (0..MAX_PARAMETERS).map(|n| format!("p{n}=1&")).collect();
        assert_eq!(parse(&most).unwrap().len(), MAX_PARAMETERS);
        assert_eq!(parse(&format!("{most}&x=1")), Err(Malformed::TooMany));
        let long = format!("a={}", "x".repeat(MAX_QUERY));
        assert!(matches!(Params::of_query(Some(&long)), Err(Malformed::TooLong)));
    }
}
