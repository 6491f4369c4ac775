//! Statements, parameters and rows, the same for both databases.

use std::borrow::Cow;
use std::sync::OnceLock;

use countersign_model::{Timestamp, TokenHash};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Result, StoreError};

/// One statement, written once, with `?1 ?2 …` placeholders. PostgreSQL gets `$1 $2 …`, made at first use; what stands in
/// `/*postgres … */` is for it alone: SQLite has one writer, and needs no locks on rows.
#[derive(Debug)]
pub(crate) struct Sql {
    text: &'static str,
    postgres: OnceLock<String>,
}

impl Sql {
    pub(crate) const fn new(text: &'static str) -> Self {
        Self { text, postgres: OnceLock::new() }
    }

    /// The text for SQLite.
    pub(crate) const fn sqlite(&self) -> &'static str {
        self.text
    }

    /// The text for PostgreSQL. No statement holds a question mark that is not a placeholder; a test holds that.
    pub(crate) fn postgres(&self) -> &str {
        self.postgres.get_or_init(|| self.text.replace('?', "$").replace("/*postgres ", "").replace("*/", ""))
    }
}

/// Declares an aggregate's statements, and `STATEMENTS`, which lists them for the test that prepares every one.
macro_rules! statements {
    ($($(#[$doc:meta])* $vis:vis $name:ident = $text:expr;)+) => {
        $($(#[$doc])* $vis static $name: $crate::sql::Sql = $crate::sql::Sql::new($text);)+
        pub(crate) static STATEMENTS: &[(&str, &$crate::sql::Sql)] = &[$((stringify!($name), &$name)),+];
    };
}
pub(crate) use statements;

/// A parameter.
#[derive(Clone, Debug)]
pub(crate) enum Param<'a> {
    Null,
    Int(i64),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
}

impl Param<'_> {
    /// The same parameter with nothing borrowed.
    pub(crate) fn into_owned(self) -> Param<'static> {
        match self {
            Self::Null => Param::Null,
            Self::Int(value) => Param::Int(value),
            Self::Text(value) => Param::Text(Cow::Owned(value.into_owned())),
            Self::Bytes(value) => Param::Bytes(Cow::Owned(value.into_owned())),
        }
    }
}

/// A value as JSON text.
pub(crate) fn json<T: Serialize>(value: &T) -> Result<Param<'static>> {
    let text = serde_json::to_string(value).map_err(|error| StoreError::Unreadable(error.to_string()))?;
    Ok(Param::Text(Cow::Owned(text)))
}

/// A name of an enum variant as its serialised word.
pub(crate) fn word<T: Serialize>(value: &T) -> Result<Param<'static>> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => Ok(Param::Text(Cow::Owned(text))),
        Ok(_) => Err(StoreError::Unreadable("not a word".into())),
        Err(error) => Err(StoreError::Unreadable(error.to_string())),
    }
}

impl From<i64> for Param<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u32> for Param<'_> {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

impl From<bool> for Param<'_> {
    fn from(value: bool) -> Self {
        Self::Int(value.into())
    }
}

impl From<Timestamp> for Param<'_> {
    fn from(value: Timestamp) -> Self {
        Self::Int(value.micros())
    }
}

impl<'a> From<&'a str> for Param<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Cow::Borrowed(value))
    }
}

impl From<String> for Param<'_> {
    fn from(value: String) -> Self {
        Self::Text(Cow::Owned(value))
    }
}

impl<'a> From<&'a [u8]> for Param<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Bytes(Cow::Borrowed(value))
    }
}

impl<'a> From<&'a TokenHash> for Param<'a> {
    fn from(value: &'a TokenHash) -> Self {
        Self::Bytes(Cow::Borrowed(value.as_bytes()))
    }
}

impl<'a, T: Into<Param<'a>>> From<Option<T>> for Param<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

macro_rules! params_from_ids {
    ($($id:ident),+) => {
        $(impl<'a> From<&'a countersign_model::$id> for Param<'a> {
            fn from(value: &'a countersign_model::$id) -> Self {
                Self::Text(Cow::Borrowed(value.as_str()))
            }
        })+
    };
}
params_from_ids!(
    UserId,
    ClientId,
    ApiKeyId,
    SessionId,
    GrantId,
    TokenId,
    KeyId,
    RegistrationTokenId,
    Subject,
    CertificateSerial,
    Username
);

/// Builds a statement's parameters in order.
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::sql::Param::from($value)),*] };
}
pub(crate) use params;

/// One column's value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Cell {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// A row, read from the left: each call takes the next column.
#[derive(Debug)]
pub(crate) struct Row {
    cells: std::vec::IntoIter<Cell>,
}

impl Row {
    pub(crate) fn new(cells: Vec<Cell>) -> Self {
        Self { cells: cells.into_iter() }
    }

    fn cell(&mut self) -> Result<Cell> {
        self.cells.next().ok_or_else(|| unreadable("a missing column"))
    }

    pub(crate) fn int_or_null(&mut self) -> Result<Option<i64>> {
        match self.cell()? {
            Cell::Null => Ok(None),
            Cell::Int(value) => Ok(Some(value)),
            Cell::Text(_) | Cell::Bytes(_) => Err(unreadable("not a number")),
        }
    }

    pub(crate) fn text_or_null(&mut self) -> Result<Option<String>> {
        match self.cell()? {
            Cell::Null => Ok(None),
            Cell::Text(value) => Ok(Some(value)),
            Cell::Int(_) | Cell::Bytes(_) => Err(unreadable("not a text")),
        }
    }

    pub(crate) fn bytes_or_null(&mut self) -> Result<Option<Vec<u8>>> {
        match self.cell()? {
            Cell::Null => Ok(None),
            Cell::Bytes(value) => Ok(Some(value)),
            Cell::Int(_) | Cell::Text(_) => Err(unreadable("not a byte string")),
        }
    }

    pub(crate) fn int(&mut self) -> Result<i64> {
        self.int_or_null()?.ok_or_else(|| unreadable("NULL"))
    }

    pub(crate) fn text(&mut self) -> Result<String> {
        self.text_or_null()?.ok_or_else(|| unreadable("NULL"))
    }

    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>> {
        self.bytes_or_null()?.ok_or_else(|| unreadable("NULL"))
    }

    /// A truth value; an unknown one is false.
    pub(crate) fn flag(&mut self) -> Result<bool> {
        Ok(self.int_or_null()?.is_some_and(|value| value != 0))
    }

    pub(crate) fn time(&mut self) -> Result<Timestamp> {
        self.int().map(Timestamp::from_micros)
    }

    pub(crate) fn time_or_null(&mut self) -> Result<Option<Timestamp>> {
        Ok(self.int_or_null()?.map(Timestamp::from_micros))
    }

    pub(crate) fn hash(&mut self) -> Result<TokenHash> {
        self.hash_or_null()?.ok_or_else(|| unreadable("NULL"))
    }

    pub(crate) fn hash_or_null(&mut self) -> Result<Option<TokenHash>> {
        let Some(bytes) = self.bytes_or_null()? else { return Ok(None) };
        let bytes = <[u8; 32]>::try_from(bytes).map_err(|_| unreadable("a hash that has not 32 bytes"))?;
        Ok(Some(TokenHash::from_bytes(bytes)))
    }

    /// A text that a type of the model reads.
    pub(crate) fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(&mut self) -> Result<T> {
        self.text()?.parse().map_err(|error: T::Err| StoreError::Unreadable(error.to_string()))
    }

    /// A JSON document.
    pub(crate) fn json<T: DeserializeOwned>(&mut self) -> Result<T> {
        self.json_or_null()?.ok_or_else(|| unreadable("NULL"))
    }

    /// A JSON document, if there is one.
    pub(crate) fn json_or_null<T: DeserializeOwned>(&mut self) -> Result<Option<T>> {
        let Some(text) = self.text_or_null()? else { return Ok(None) };
        // The error's own words could quote the document: only its kind is told.
        serde_json::from_str(&text).map(Some).map_err(|error| {
            StoreError::Unreadable(format!(
                "a document, {:?} error at column {}",
                error.classify(),
                error.column()
            ))
        })
    }

    /// The serialised word of an enum variant.
    pub(crate) fn word<T: DeserializeOwned>(&mut self) -> Result<T> {
        let text = self.text()?;
        serde_json::from_value(serde_json::Value::String(text))
            .map_err(|error| StoreError::Unreadable(error.to_string()))
    }
}

fn unreadable(what: &str) -> StoreError {
    StoreError::Unreadable(what.to_owned())
}
