//! The types of authorization details that the operator registers: fields, and how people read them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Registered types by name.
pub type DetailTypes = BTreeMap<String, DetailType>;

/// Longest text in a field, in bytes.
const LONGEST_TEXT: usize = 1_024;
/// Most entries of a list.
const MOST_ENTRIES: usize = 64;

/// One type of authorization details (RFC 9396 §2.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DetailType {
    description: String,
    fields: BTreeMap<String, DetailField>,
}

/// One field of a type.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DetailField {
    /// What its value is.
    pub kind: DetailKind,
    /// Whether it must be there.
    pub required: bool,
    /// The only values it may have; empty: any.
    pub values: Vec<String>,
}

/// What the value of a field is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DetailKind {
    /// A text.
    Text,
    /// A number.
    Number,
    /// Yes or no.
    Boolean,
    /// A list of texts, as `actions` and `locations` are (RFC 9396 §2.2).
    Texts,
}

/// Why a type can't be registered.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidDetailType {
    /// It names a field that it has not.
    #[error("the description names {{{0}}}, which is no field of the type")]
    UnknownField(String),
    /// A brace without its other half.
    #[error("the description has a brace without its other half")]
    Brace,
    /// `type` is every type's own, and a name is parts with points between them.
    #[error("{0:?} can't be the name of a field")]
    FieldName(String),
    /// One is a value, the other says it is an object.
    #[error("{0:?} is both a value and an object with fields")]
    FieldTwice(String),
}

impl DetailType {
    /// A type whose description has the names of fields in braces; a field `a.b` is `b` in the object `a`.
    ///
    /// # Errors
    /// [`InvalidDetailType`].
    pub fn new(
        description: impl Into<String>,
        fields: BTreeMap<String, DetailField>,
    ) -> Result<Self, InvalidDetailType> {
        for name in fields.keys() {
            if name == "type" || name.split('.').any(str::is_empty) || name.contains(['{', '}']) {
                return Err(InvalidDetailType::FieldName(name.clone()));
            }
            let inner = format!("{name}.");
            if fields.keys().any(|other| other.starts_with(&inner)) {
                return Err(InvalidDetailType::FieldTwice(name.clone()));
            }
        }
        let described = Self { description: description.into(), fields };
        for part in parts(&described.description).ok_or(InvalidDetailType::Brace)? {
            if let Part::Field(name) = part
                && !described.fields.contains_key(name)
            {
                return Err(InvalidDetailType::UnknownField(name.to_owned()));
            }
        }
        Ok(described)
    }

    /// Whether an object has every field it must have, and none that is unknown or of another kind.
    pub(super) fn check(&self, detail: &Map<String, Value>) -> bool {
        let mut required: Vec<&str> =
            self.fields.iter().filter(|(_, field)| field.required).map(|(name, _)| name.as_str()).collect();
        let members = detail.iter().filter(|(name, _)| *name != "type");
        let known = members.into_iter().all(|(name, value)| self.check_value(name, value, &mut required));
        known && required.is_empty()
    }

    fn check_value<'a>(&'a self, path: &str, value: &Value, required: &mut Vec<&'a str>) -> bool {
        if let Some(field) = self.fields.get(path) {
            required.retain(|name| *name != path);
            return field.fits(value);
        }
        let inner = format!("{path}.");
        match value {
            Value::Object(members) if self.fields.keys().any(|name| name.starts_with(&inner)) => members
                .iter()
                .all(|(name, value)| self.check_value(&format!("{inner}{name}"), value, required)),
            _ => false,
        }
    }

    /// The sentence people read.
    #[must_use]
    pub fn describe(&self, detail: &Map<String, Value>) -> String {
        let words = parts(&self.description).unwrap_or_default().into_iter().map(|part| match part {
            Part::Text(text) => text.to_owned(),
            Part::Field(path) => at(detail, path).map(shown).unwrap_or_default(),
        });
        words.collect()
    }

    /// Every field that an object of this type has, with its value in words: nothing of it is kept from the reader.
    #[must_use]
    pub fn every_field(&self, detail: &Map<String, Value>) -> Vec<(String, String)> {
        let present = |name: &String| at(detail, name).map(|value| (name.clone(), shown(value)));
        self.fields.keys().filter_map(present).collect()
    }
}

impl DetailField {
    fn fits(&self, value: &Value) -> bool {
        let may_be = |text: &str| {
            text.len() <= LONGEST_TEXT
                && !text.chars().any(char::is_control)
                && (self.values.is_empty() || self.values.iter().any(|known| known == text))
        };
        match (self.kind, value) {
            (DetailKind::Text, Value::String(text)) => may_be(text),
            (DetailKind::Number, Value::Number(_)) | (DetailKind::Boolean, Value::Bool(_)) => true,
            (DetailKind::Texts, Value::Array(texts)) => {
                (1..=MOST_ENTRIES).contains(&texts.len())
                    && texts.iter().all(|text| text.as_str().is_some_and(may_be))
            }
            (DetailKind::Text | DetailKind::Number | DetailKind::Boolean | DetailKind::Texts, _) => false,
        }
    }
}

fn at<'a>(detail: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let mut names = path.split('.');
    let first = detail.get(names.next()?)?;
    names.try_fold(first, |value, name| value.get(name))
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Array(entries) => entries.iter().map(shown).collect::<Vec<_>>().join(", "),
        Value::Null | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

enum Part<'a> {
    Text(&'a str),
    Field(&'a str),
}

/// A description taken apart; `None` where a brace lacks its other half.
fn parts(description: &str) -> Option<Vec<Part<'_>>> {
    let mut parts = Vec::new();
    let mut rest = description;
    while let Some((text, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        if text.contains('}') || name.contains('{') {
            return None;
        }
        parts.extend([Part::Text(text), Part::Field(name)]);
        rest = after;
    }
    if rest.contains('}') {
        return None;
    }
    parts.push(Part::Text(rest));
    Some(parts)
}
