//! The server in one process: the real router over a fresh SQLite store, a clock the test moves, seeded randomness.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in a test the panic is the message; clippy spares only functions that are tests themselves"
)]

mod applications;
mod approvals_api;
mod attacks;
mod authorizations;
mod authorize;
mod backchannel;
mod bad_input;
mod browser;
mod consent;
mod device;
mod errors;
mod extensions;
mod form_post;
mod github;
mod headers;
mod musts;
mod pages;
mod rate_limits;
mod registration;
mod serving;
mod support;
mod tokens;
