//! Whether one authorization detail asks for no more than another gave (RFC 9396 §6.1).

use serde_json::{Map, Value};

/// The same fields with the same values, except that a list may have lost entries, though not all of them. A field
/// that is left out is not less: what `actions` limits is unlimited without.
pub(super) fn covers(given: &Map<String, Value>, asked: &Map<String, Value>) -> bool {
    given.len() == asked.len()
        && given.iter().all(|(name, given)| asked.get(name).is_some_and(|asked| value_covers(given, asked)))
}

fn value_covers(given: &Value, asked: &Value) -> bool {
    match (given, asked) {
        (Value::Array(given), Value::Array(asked)) => {
            (given.is_empty() || !asked.is_empty()) && asked.iter().all(|entry| given.contains(entry))
        }
        (Value::Object(given), Value::Object(asked)) => covers(given, asked),
        (given, asked) => given == asked,
    }
}
