//! Forms and queries of the authorization server.

use super::params::{MAX_PARAMETERS, Params};

/// A JSON body means the same to a reader nobody here wrote, or is refused.
fn json(data: &[u8]) {
    let Ok(params) = Params::parse_json(data) else { return };
    let theirs: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(data).unwrap();
    assert!(theirs.len() <= MAX_PARAMETERS);
    for (name, value) in &theirs {
        let wanted = match value {
            serde_json::Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            serde_json::Value::Null => None,
            other => Some(other.to_string()),
        };
        assert_eq!(params.one(name), wanted.as_deref(), "{name}");
    }
}

/// Whatever is accepted means the same to a reader nobody here wrote.
pub(crate) fn form(data: &[u8]) {
    json(data);
    let repeated = Params::parse_repeated(data);
    let Ok(params) = Params::parse(data) else { return };
    assert!(repeated.is_ok(), "the stricter reader accepts what the other refuses");
    let theirs: Vec<_> = url::form_urlencoded::parse(data).collect();
    assert!(theirs.len() <= MAX_PARAMETERS);
    for (position, (name, value)) in theirs.iter().enumerate() {
        assert!(!theirs.iter().take(position).any(|(earlier, _)| earlier == name), "{name} twice");
        let wanted = (!value.is_empty()).then_some(&**value);
        assert_eq!(params.one(name), wanted, "{name}");
    }
    let _ = params.into_parameters();
}
