//! The control plane over HTTP: one file an endpoint, and the pages people meet.

mod settings;

pub use settings::{ServerLimits, ServerSettings};
