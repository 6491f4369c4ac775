//! Logs and metrics. Neither ever holds a secret: secrets are types that do not print.

pub(crate) mod logs;
pub(crate) mod metrics;
