//! Where the vectors are.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The folder of vectors; `None`, said aloud, where there is none. In CI that is a failure.
#[expect(clippy::disallowed_methods, reason = "vectors and CI are named by the environment")]
pub(crate) fn folder(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("COUNTERSIGN_VECTORS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"), PathBuf::from);
    let folder = root.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var("CI").is_err(), "the vectors are missing: {}", folder.display());
    println!("skipped: no vectors in {} (COUNTERSIGN_VECTORS names another folder)", folder.display());
    None
}

pub(crate) fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}
