//! Documents of clients that register themselves.

use countersign_oauth::RegistrationPolicy;
use countersign_oauth::register::{LARGEST_DOCUMENT, check_document};

/// Whatever is accepted is JSON to a reader nobody here wrote, and small.
pub(crate) fn registration(data: &[u8]) {
    if check_document(data, &RegistrationPolicy::default()).is_ok() {
        assert!(data.len() <= LARGEST_DOCUMENT);
        assert!(serde_json::from_slice::<serde_json::Value>(data).is_ok_and(|value| value.is_object()));
    }
}
