//! The claims of a token to be made (RFC 7519 §4.1).

use countersign_model::Timestamp;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// The claims of a token to be made: the registered ones by type, the rest by name.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Claims {
    /// `iss`.
    pub issuer: Option<Box<str>>,
    /// `sub`.
    pub subject: Option<Box<str>>,
    /// `aud`: one is written as a text, several as a list (RFC 7519 §4.1.3).
    pub audience: Vec<Box<str>>,
    /// `exp`, in whole seconds: a fraction is cut off, so the token never lives longer.
    pub expires_at: Option<Timestamp>,
    /// `nbf`.
    pub not_before: Option<Timestamp>,
    /// `iat`.
    pub issued_at: Option<Timestamp>,
    /// `jti`.
    pub id: Option<Box<str>>,
    /// Every other claim. A registered name among them is left out: it has its own place above.
    pub extra: Map<String, Value>,
}

/// The names that have a place of their own.
const REGISTERED: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

impl Serialize for Claims {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, text) in [("iss", &self.issuer), ("sub", &self.subject)] {
            if let Some(text) = text {
                map.serialize_entry(name, text)?;
            }
        }
        match self.audience.as_slice() {
            [] => {}
            [one] => map.serialize_entry("aud", one)?,
            several => map.serialize_entry("aud", several)?,
        }
        for (name, time) in [("exp", self.expires_at), ("nbf", self.not_before), ("iat", self.issued_at)] {
            if let Some(time) = time {
                map.serialize_entry(name, &time.seconds())?;
            }
        }
        if let Some(id) = &self.id {
            map.serialize_entry("jti", id)?;
        }
        for (name, value) in self.extra.iter().filter(|(name, _)| !REGISTERED.contains(&name.as_str())) {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_claim_is_written_twice() {
        let mut claims = Claims {
            issuer: Some("i".into()),
            audience: vec!["a".into()],
            expires_at: Some(Timestamp::from_micros(1_999_999)),
            ..Claims::default()
        };
        claims.extra.insert("iss".to_owned(), "another".into());
        claims.extra.insert("scope".to_owned(), "read".into());
        let json = serde_json::to_string(&claims).unwrap();
        assert_eq!(json, r#"{"iss":"i","aud":"a","exp":1,"scope":"read"}"#);
        claims.audience.push("b".into());
        assert!(serde_json::to_string(&claims).unwrap().contains(r#""aud":["a","b"]"#));
    }
}
