//! Name patterns.

use crate::OWN;

/// An exact name, or a beginning followed by `*`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Pattern {
    Exact(Box<str>),
    Prefix(Box<str>),
}

impl Pattern {
    /// Reads a pattern. A `*` anywhere but at the end would be read as what it is not: refused.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (body, is_prefix) = text.strip_suffix('*').map_or((text, false), |body| (body, true));
        if text.is_empty() || text.len() > 2048 || body.contains('*') || body.chars().any(char::is_control) {
            return None;
        }
        Some(if is_prefix { Self::Prefix(body.into()) } else { Self::Exact(body.into()) })
    }

    /// Whether the name is meant.
    pub(crate) fn matches(&self, name: &str) -> bool {
        match self {
            Self::Exact(exact) => **exact == *name,
            Self::Prefix(prefix) => name.starts_with(&**prefix),
        }
    }
}

/// A pattern for the names that one issuer or trust bundle vouches for: a name means nothing without who gave it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Qualified {
    pub(crate) by: Box<str>,
    pub(crate) name: Pattern,
}

impl Qualified {
    /// Reads `voucher:pattern`, where the voucher is one of these, or a pattern for our own names.
    pub(crate) fn read<'v>(text: &str, vouchers: impl IntoIterator<Item = &'v str>) -> Option<Self> {
        let prefixed = text.split_once(':').and_then(|(by, name)| {
            vouchers.into_iter().find(|voucher| *voucher == by).map(|voucher| (voucher, name))
        });
        let (by, name) = prefixed.unwrap_or((OWN, text));
        Some(Self { by: by.into(), name: Pattern::read(name)? })
    }

    /// Whether the name is meant, when this issuer or bundle vouches for it.
    pub(crate) fn matches(&self, by: &str, name: &str) -> bool {
        *self.by == *by && self.name.matches(name)
    }
}

/// Whether one of the patterns means the name; no pattern means every name.
pub(crate) fn admits(patterns: &[Qualified], by: &str, name: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(by, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_only_at_the_end() {
        assert!(Pattern::read("usr_*").unwrap().matches("usr_1"));
        assert!(!Pattern::read("usr_*").unwrap().matches("cli_1"));
        assert!(Pattern::read("*").unwrap().matches("anything"));
        assert!(!Pattern::read("usr").unwrap().matches("usr_1"));
        for wrong in ["", "a*b", "**", "a\nb"] {
            assert_eq!(Pattern::read(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_name_is_who_gave_it_and_what_it_says() {
        let read = |text: &str| Qualified::read(text, ["own", "partner"]).unwrap();
        assert!(read("alice").matches(OWN, "alice") && !read("alice").matches("partner", "alice"));
        assert!(
            read("partner:ali*").matches("partner", "alice") && !read("partner:ali*").matches(OWN, "alice")
        );
        assert!(read("own:alice").matches(OWN, "alice"));
        // What is no voucher belongs to the name.
        assert!(read("spiffe://a/b").matches(OWN, "spiffe://a/b"));
        assert!(read("partner:spiffe://a/*").matches("partner", "spiffe://a/b"));
        assert!(read("stranger:alice").matches(OWN, "stranger:alice"));
        assert_eq!(Qualified::read("partner:", ["partner"]), None);
    }
}
