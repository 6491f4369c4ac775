//! The architecture as a test: who may use whom, who may name which library, how long a file may be.
//!
//! The tables here are the rule; ARCHITECTURE.md tells the reasons.

#[cfg(test)]
mod dependencies;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod sources;

use std::path::Path;

/// Where the workspace begins.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Fails with every complaint at once.
fn no_complaints(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}
