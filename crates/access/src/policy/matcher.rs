//! Name patterns.

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

/// Whether one of the patterns means the name; no pattern means every name.
pub(crate) fn admits(patterns: &[Pattern], name: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(name))
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
}
