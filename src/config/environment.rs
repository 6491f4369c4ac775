//! `COUNTERSIGN_SERVER__LISTEN=0.0.0.0:80` sets `server.listen`: two underscores go one level down.

use toml::{Table, Value};

const PREFIX: &str = "COUNTERSIGN_";

/// Variables that mean something else than a key of the file.
const NOT_CONFIGURATION: [&str; 5] = [
    "COUNTERSIGN_MASTER_KEY",
    "COUNTERSIGN_CONFIG",
    "COUNTERSIGN_DATA_DIR",
    "COUNTERSIGN_VECTORS",
    "COUNTERSIGN_LOG",
];

/// The variables that set configuration keys, in order of their names.
pub(super) fn ours(variables: impl IntoIterator<Item = (String, String)>) -> Vec<(String, String)> {
    let mut ours: Vec<_> = variables
        .into_iter()
        .filter(|(name, _)| name.starts_with(PREFIX) && !NOT_CONFIGURATION.contains(&name.as_str()))
        .collect();
    ours.sort();
    ours
}

/// Sets the key a variable names. The value is TOML if it reads as TOML, and text otherwise.
pub(super) fn lay_over(table: &mut Table, variable: &str, value: &str) -> Result<(), String> {
    let path = variable.strip_prefix(PREFIX).unwrap_or(variable).to_lowercase();
    let mut keys: Vec<&str> = path.split("__").collect();
    let Some(last) = keys.pop().filter(|last| !last.is_empty()) else {
        return Err("it names no key".to_owned());
    };
    let mut place = table;
    for key in keys {
        let entry = place.entry(key).or_insert_with(|| Value::Table(Table::new()));
        place = entry.as_table_mut().ok_or_else(|| format!("`{key}` is not a table"))?;
    }
    place.insert(last.to_owned(), reading(value));
    Ok(())
}

fn reading(value: &str) -> Value {
    let as_toml = || toml::from_str::<Table>(&format!("value = {value}")).ok()?.remove("value");
    as_toml().unwrap_or_else(|| Value::String(value.to_owned()))
}
