//! The protected header of a JWS (RFC 7515 §4), read in one pass. Every member is looked at, few are kept.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer as _, Error as _, MapAccess, Visitor};

use crate::algorithm::Algorithm;
use crate::json::{DUPLICATE, Skip, Text};
use crate::malformed::Malformed;

/// Members a header may have.
const MOST_MEMBERS: usize = 32;

/// The protected header: what the token says of itself. Only `kid` and `typ` are used to choose, among what is trusted.
#[derive(Clone, Debug)]
pub struct Header {
    /// The algorithm it says it was signed with.
    pub algorithm: Algorithm,
    /// Which key it says signed it.
    pub kid: Option<Box<str>>,
    /// The media type of the whole (RFC 7515 §4.1.9).
    pub typ: Option<Box<str>>,
    /// Whether it brings or points to a key of its own: `jwk`, `jku`, `x5c`, `x5u`. Never used (RFC 8725 §3.10).
    pub has_embedded_key: bool,
}

impl Header {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut json = serde_json::Deserializer::from_slice(bytes);
        let read = json.deserialize_map(Members).and_then(|members| json.end().map(|()| members));
        let members = read.map_err(|error| {
            if error.to_string().starts_with(DUPLICATE) { Malformed::Duplicate } else { Malformed::Header }
        })?;
        let algorithm = members.algorithm.ok_or(Malformed::Header)?;
        if algorithm.eq_ignore_ascii_case("none") {
            return Err(Malformed::None);
        }
        let algorithm = algorithm.parse().map_err(|_| Malformed::Algorithm)?;
        // RFC 7515 §4.1.11: whoever does not understand a critical member must refuse. None is understood here, so
        // neither is `b64` (RFC 7797).
        if members.is_critical {
            return Err(Malformed::Critical);
        }
        Ok(Self {
            algorithm,
            kid: members.kid.map(Box::from),
            typ: members.typ.map(Box::from),
            has_embedded_key: members.has_embedded_key,
        })
    }

    /// Whether `typ` is this media type: compared without case, and `application/` may be left out (RFC 7515 §4.1.9).
    #[must_use]
    pub fn is_type(&self, wanted: &str) -> bool {
        self.typ.as_deref().is_some_and(|typ| bare(typ).eq_ignore_ascii_case(bare(wanted)))
    }
}

fn bare(typ: &str) -> &str {
    match typ.split_at_checked("application/".len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case("application/") && !rest.contains('/') => rest,
        _ => typ,
    }
}

#[derive(Default)]
struct Found<'de> {
    algorithm: Option<Cow<'de, str>>,
    kid: Option<Cow<'de, str>>,
    typ: Option<Cow<'de, str>>,
    is_critical: bool,
    has_embedded_key: bool,
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Found<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a header")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Found<'de>, A::Error> {
        let mut found = Found::default();
        let mut names: Vec<Cow<'de, str>> = Vec::with_capacity(4);
        while let Some(name) = members.next_key_seed(Text)? {
            if names.contains(&name) {
                return Err(A::Error::custom(DUPLICATE));
            }
            if names.len() == MOST_MEMBERS {
                return Err(A::Error::custom("too many members"));
            }
            match &*name {
                "alg" => found.algorithm = Some(members.next_value_seed(Text)?),
                "kid" => found.kid = Some(members.next_value_seed(Text)?),
                "typ" => found.typ = Some(members.next_value_seed(Text)?),
                other => {
                    found.is_critical |= matches!(other, "crit" | "b64");
                    found.has_embedded_key |= matches!(other, "jwk" | "jku" | "x5c" | "x5u");
                    members.next_value_seed(Skip::DEEPEST)?;
                }
            }
            names.push(name);
        }
        Ok(found)
    }
}
