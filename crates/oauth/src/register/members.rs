//! The document: one JSON object, its members read by kind.

use countersign_jose::json;
use serde_json::{Map, Value};

use super::RegistrationRefusal;

/// Largest document that is read, in bytes.
pub const LARGEST_DOCUMENT: usize = 32 * 1024;
/// Most members of a list.
const MOST: usize = 32;

/// A document whose members have been read and not yet been believed. Unknown members are never looked at (RFC 7591
/// §2).
#[derive(Clone, Debug)]
pub(crate) struct Members(Map<String, Value>);

impl Members {
    /// Reads the document.
    pub(crate) fn read(document: &[u8]) -> Result<Self, RegistrationRefusal> {
        if document.len() > LARGEST_DOCUMENT {
            return Err(RegistrationRefusal::Document("it is too large"));
        }
        match json::object(document) {
            Ok(members) => Ok(Self(members)),
            Err(json::JsonFault::NotAnObject) => Err(RegistrationRefusal::Document("it can't be read")),
            Err(json::JsonFault::Duplicate) => Err(RegistrationRefusal::Document("a member is there twice")),
        }
    }

    /// A member that has a value: null and the empty text count as absent (RFC 7592 §2.2).
    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null() && value.as_str() != Some(""))
    }

    /// Whether it asks for this: a member that is false asks for nothing.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.value(name).is_some_and(|value| *value != Value::Bool(false))
    }

    /// A text.
    pub(crate) fn text(&self, name: &'static str) -> Result<Option<&str>, RegistrationRefusal> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(RegistrationRefusal::metadata(name, "it must be a text")),
        }
    }

    /// A list of texts.
    pub(crate) fn texts(&self, name: &'static str) -> Result<Option<Vec<&str>>, RegistrationRefusal> {
        let fault = |fault| RegistrationRefusal::metadata(name, fault);
        match self.value(name) {
            None => Ok(None),
            Some(Value::Array(values)) if values.len() > MOST => Err(fault("there are too many")),
            Some(Value::Array(values)) => {
                let texts = values.iter().map(Value::as_str).collect::<Option<Vec<_>>>();
                texts.map(Some).ok_or(fault("it must be a list of texts"))
            }
            Some(_) => Err(fault("it must be a list of texts")),
        }
    }

    /// Yes or no.
    pub(crate) fn flag(&self, name: &'static str) -> Result<Option<bool>, RegistrationRefusal> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(RegistrationRefusal::metadata(name, "it must be true or false")),
        }
    }

    /// Every member whose name begins so, with what follows.
    pub(crate) fn after<'s>(&'s self, prefix: &'s str) -> impl Iterator<Item = (&'s str, &'s Value)> {
        self.0.iter().filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value)))
    }

    /// Lays members of a better source over these.
    pub(crate) fn overlaid_by(mut self, better: impl IntoIterator<Item = (String, Value)>) -> Self {
        self.0.extend(better);
        self
    }
}
