//! Authorization requests: request objects and authorization details, all that comes before a client is believed.

use std::collections::BTreeMap;

use countersign_jose::{jwe, jws};
use countersign_oauth::{AuthorizationDetails, DetailField, DetailKind, DetailType};

/// A request object comes as a JWS or a JWE, or it is none; nothing is ever verified without a key.
pub(crate) fn request_object(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(token) = jws::parse_within(text, 48 * 1024) {
        assert_eq!(text.bytes().filter(|byte| *byte == b'.').count(), 2);
        assert!(!token.header.algorithm.as_str().eq_ignore_ascii_case("none"));
    }
    if jwe::parse(text).is_ok() {
        assert_eq!(text.bytes().filter(|byte| *byte == b'.').count(), 4);
    }
}

/// What can be read is read to people without a failure, and comes back as it was.
pub(crate) fn authorization_details(data: &[u8]) {
    let Ok(details) = serde_json::from_slice::<AuthorizationDetails>(data) else { return };
    let field = |kind| DetailField { kind, required: false, values: Vec::new() };
    let fields: BTreeMap<String, DetailField> = [
        ("actions".to_owned(), field(DetailKind::Texts)),
        ("amount.value".to_owned(), field(DetailKind::Text)),
        ("instant".to_owned(), field(DetailKind::Boolean)),
    ]
    .into();
    let Ok(kind) = DetailType::new("Pay {amount.value} by {actions}", fields) else { return };
    for detail in details.iter() {
        let words = kind.describe(detail);
        assert!(words.starts_with("Pay "), "{words}");
        assert!(kind.every_field(detail).len() <= 3);
    }
    let again = serde_json::to_vec(&details).ok();
    let again = again.and_then(|json| serde_json::from_slice::<AuthorizationDetails>(&json).ok());
    assert_eq!(again, Some(details));
}
