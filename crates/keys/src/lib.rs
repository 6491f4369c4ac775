//! The master key, what it seals, and the life of signing keys: published, active, retiring, retired.

pub mod ports;
