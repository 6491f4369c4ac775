//! The OAuth 2.0 and OpenID Connect engine: no HTTP server, no SQL.

pub mod ports;
