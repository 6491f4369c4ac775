//! The parameters of a request, decoded already, from a query or a form.

use std::borrow::Cow;

use crate::Error;

/// Decoded parameters in order. A parameter with an empty value counts as absent (RFC 6749 §3.1); one that comes twice
/// is refused by whoever reads it; unknown ones are never looked at.
#[derive(Clone, Default)]
pub struct Parameters<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Parameters<'a> {
    /// Takes pairs that somebody else decoded.
    pub fn new<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<Cow<'a, str>>,
        V: Into<Cow<'a, str>>,
    {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// The same with one more.
    pub(crate) fn with(mut self, name: &'static str, value: String) -> Self {
        self.0.push((name.into(), value.into()));
        self
    }

    /// The same, with this value for a parameter that has none.
    #[must_use]
    pub fn with_default(mut self, name: &'static str, value: &'static str) -> Self {
        if self.one(name).is_none() && !self.repeats(name) {
            self.0.retain(|(known, _)| known != name);
            self.0.push((name.into(), value.into()));
        }
        self
    }

    /// The same, each value of this parameter rewritten.
    #[must_use]
    pub fn with_rewritten(mut self, name: &str, rewrite: impl Fn(&str) -> String) -> Self {
        for (_, value) in self.0.iter_mut().filter(|(known, _)| known == name) {
            *value = rewrite(value).into();
        }
        self
    }

    /// Decodes `application/x-www-form-urlencoded` text.
    #[must_use]
    pub fn decode(text: &'a [u8]) -> Self {
        Self(form_urlencoded::parse(text).collect())
    }

    /// The value of a parameter, for a surface that puts it elsewhere; `None` where it is not there or comes twice.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.one(name).filter(|_| !self.repeats(name))
    }

    /// Refuses a parameter that comes twice (RFC 6749 §3.1, §3.2), except `resource`, which may (RFC 8707 §2), and
    /// `audience` (RFC 8693 §2.1).
    pub(crate) fn refuse_duplicates(&self) -> Result<(), Error> {
        for (position, (name, _)) in self.0.iter().enumerate() {
            let earlier = self.0.iter().take(position);
            if name != "resource" && name != "audience" && earlier.into_iter().any(|(known, _)| known == name)
            {
                return Err(Error::DuplicateParameter);
            }
        }
        Ok(())
    }

    /// The value of a parameter; the first where it comes twice.
    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every value of a parameter that may come more than once.
    pub(crate) fn all<'s>(&'s self, name: &str) -> impl Iterator<Item = &'s str> {
        self.0
            .iter()
            .filter(move |(known, value)| known == name && !value.is_empty())
            .map(|(_, value)| value.as_ref())
    }

    /// Whether it comes more than once.
    pub(crate) fn repeats(&self, name: &str) -> bool {
        self.0.iter().filter(|(known, _)| known == name).count() > 1
    }

    /// Every parameter with a value, as owned text.
    pub(crate) fn to_pairs(&self) -> Vec<(String, String)> {
        let with_value = self.0.iter().filter(|(_, value)| !value.is_empty());
        with_value.map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }
}

impl std::fmt::Debug for Parameters<'_> {
    /// Names only: values may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}
