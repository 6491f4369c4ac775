//! Parameters of a query or a form (`application/x-www-form-urlencoded`), read strictly.
//!
//! RFC 6749 §3.1 and §3.2 ask for three things: a parameter without a value counts as absent, an unknown one is
//! ignored, and one that comes twice is an error. The engine sees to that for the protocol's endpoints, [`Params::parse`]
//! for the pages. What is no valid encoding is refused rather than repaired, so that nobody reads it in another way.

use std::borrow::Cow;

use countersign_jose::json::{self, JsonFault};
use countersign_oauth::Parameters;
use serde_json::Value;

/// Most bytes a form may have.
pub(crate) const MAX_BODY: usize = 64 * 1024;
/// Most bytes a query may have.
pub(crate) const MAX_QUERY: usize = 16 * 1024;
/// Most parameters in either.
pub(crate) const MAX_PARAMETERS: usize = 96;

/// What came, in order.
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
    #[error("the body is no flat JSON object of texts, numbers and truths")]
    Json,
}

impl<'a> Params<'a> {
    /// Reads a query or a form in which nothing may come twice.
    pub(crate) fn parse(text: &'a [u8]) -> Result<Self, Malformed> {
        let params = Self::parse_repeated(text)?;
        for (position, (name, _)) in params.0.iter().enumerate() {
            if params.0.iter().take(position).any(|(earlier, _)| earlier == name) {
                return Err(Malformed::Repeated);
            }
        }
        Ok(params)
    }

    /// Reads a query or a form for the engine, which knows itself what may come twice and whom to tell.
    pub(crate) fn parse_repeated(text: &'a [u8]) -> Result<Self, Malformed> {
        let mut params = Vec::with_capacity(8);
        for (count, pair) in text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).enumerate() {
            if count >= MAX_PARAMETERS {
                return Err(Malformed::TooMany);
            }
            let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
                Some(at) => (pair.get(..at).unwrap_or_default(), pair.get(at + 1..).unwrap_or_default()),
                None => (pair, &[][..]),
            };
            params.push((decode(name)?, decode(value)?));
        }
        Ok(Self(params))
    }

    /// Reads a JSON object as parameters: its members are texts, numbers and truths, and `null` is none at all.
    pub(crate) fn parse_json(text: &[u8]) -> Result<Params<'static>, Malformed> {
        let members = json::object(text).map_err(|fault| match fault {
            JsonFault::Duplicate => Malformed::Repeated,
            JsonFault::NotAnObject => Malformed::Json,
        })?;
        if members.len() > MAX_PARAMETERS {
            return Err(Malformed::TooMany);
        }
        let mut params = Vec::with_capacity(members.len());
        for (name, value) in members {
            let value = match value {
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                Value::Bool(truth) => truth.to_string(),
                Value::Null => continue,
                Value::Array(_) | Value::Object(_) => return Err(Malformed::Json),
            };
            if name.bytes().chain(value.bytes()).any(is_control) {
                return Err(Malformed::Control);
            }
            params.push((Cow::Owned(name), Cow::Owned(value)));
        }
        Ok(Params(params))
    }

    /// The value of a parameter that has one.
    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, value)| known == name && !value.is_empty())
            .map(|(_, value)| value.as_ref())
    }

    /// What follows the prefix in the names of parameters that have a value: the ticked boxes of a form.
    pub(crate) fn ticked(&self, prefix: &str) -> impl Iterator<Item = &str> {
        let ticked = self.0.iter().filter(|(_, value)| !value.is_empty());
        ticked.filter_map(move |(name, _)| name.strip_prefix(prefix))
    }

    /// The same, for as long as it is needed.
    pub(crate) fn into_owned(self) -> Params<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Params(self.0.into_iter().map(|(name, value)| (owned(name), owned(value))).collect())
    }

    /// For the engine.
    pub(crate) fn into_parameters(self) -> Parameters<'a> {
        Parameters::new(self.0)
    }
}

/// A request's query, if it isn't too long.
pub(crate) fn query_text(query: Option<&str>) -> Result<&[u8], Malformed> {
    match query.unwrap_or_default() {
        query if query.len() > MAX_QUERY => Err(Malformed::TooLong),
        query => Ok(query.as_bytes()),
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
    if decoded.bytes().any(is_control) { Err(Malformed::Control) } else { Ok(decoded) }
}

const fn is_control(byte: u8) -> bool {
    byte.is_ascii_control() && !matches!(byte, b'\t' | b'\n' | b'\r')
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
        let params = Params::parse(text.as_bytes())?;
        Ok(params.0.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect())
    }

    #[test]
    fn values_are_decoded_and_empty_ones_count_as_absent() {
        let pairs = parse("a=1&b=x+y%20z%C3%A4&c=&d&&e==").unwrap();
        let expected = [("a", "1"), ("b", "x y zä"), ("c", ""), ("d", ""), ("e", "=")];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(Params::parse(b"c=").unwrap().one("c"), None);
    }

    #[test]
    fn repetition_is_refused_also_when_a_copy_is_empty_or_escaped() {
        assert_eq!(parse("a=1&a=1"), Err(Malformed::Repeated));
        assert_eq!(parse("a=&a=1"), Err(Malformed::Repeated));
        assert_eq!(parse("a=1&a"), Err(Malformed::Repeated));
        assert_eq!(parse("a=&a="), Err(Malformed::Repeated));
        assert_eq!(parse("scope=1&%73cope=2"), Err(Malformed::Repeated));
        assert_eq!(Params::parse_repeated(b"resource=a&resource=b").unwrap().0.len(), 2);
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
    fn a_json_object_is_as_good_as_a_form_if_it_is_flat() {
        let parse = |text: &str| {
            let params = Params::parse_json(text.as_bytes())?;
            Ok(params.0.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect::<Vec<_>>())
        };
        let expected = [("a", "x y"), ("b", "2"), ("c", "true")];
        let expected: Vec<_> = expected.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        assert_eq!(parse(r#"{"a":"x y","b":2,"c":true,"d":null}"#), Ok(expected));
        assert_eq!(parse(r#"{"a":"1","a":"1"}"#), Err(Malformed::Repeated));
        assert_eq!(parse(r#"{"a":"1","\u0061":"1"}"#), Err(Malformed::Repeated));
        for nested in [r#"{"a":["1"]}"#, r#"{"a":{}}"#, "[]", "1", "", "{", r#"{"a":"1"} x"#] {
            assert_eq!(parse(nested), Err(Malformed::Json), "{nested}");
        }
        assert_eq!(parse(r#"{"a":"\u0000"}"#), Err(Malformed::Control));
        let many: Vec<String> = (0..=MAX_PARAMETERS).map(|n| format!("\"p{n}\":1")).collect();
        assert_eq!(parse(&format!("{{{}}}", many.join(","))), Err(Malformed::TooMany));
    }

    #[test]
    fn limits_hold() {
        let most: String = (0..MAX_PARAMETERS).map(|n| format!("p{n}=1&")).collect();
        assert_eq!(parse(&most).unwrap().len(), MAX_PARAMETERS);
        assert_eq!(parse(&format!("{most}&x=1")), Err(Malformed::TooMany));
        let long = format!("a={}", "x".repeat(MAX_QUERY));
        assert!(matches!(query_text(Some(&long)), Err(Malformed::TooLong)));
    }
}
