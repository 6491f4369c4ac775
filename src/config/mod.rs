//! From the file and the environment to a configuration that can be believed.
//!
//! Reading happens in three steps, so that each complaint can name its place: the file alone (line and column), the
//! environment laid over it (the variable's name), and the whole checked for sense (the key's path).

mod check;
pub(crate) mod checked;
mod environment;
mod files;
pub(crate) mod raw;
pub(crate) mod read;
pub(crate) mod units;

pub(crate) use check::{Problem, is_loopback};
pub(crate) use checked::Config;
pub(crate) use read::{load, load_to_serve};

/// A commented configuration that shows every key with its default.
pub(crate) const EXAMPLE: &str = include_str!("example.toml");

/// The JSON Schema of the configuration file, for editors.
pub(crate) fn schema() -> schemars::Schema {
    let mut schema = schemars::schema_for!(raw::RawConfig);
    schema.insert("title".to_owned(), "Countersign's configuration".into());
    schema
}
