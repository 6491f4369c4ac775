//! The configuration file.

use std::path::Path;

use super::config::read::load_text;

/// A file is read or refused with words; never a panic, however strange.
pub(crate) fn configuration(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(error) = load_text(Path::new("/etc/countersign/countersign.toml"), text, std::iter::empty()) {
        assert!(!error.to_string().trim().is_empty(), "an error without words");
    }
}
