//! The server in one process: the real router over a fresh SQLite store, a clock the test moves, seeded randomness.

mod authorize;
mod bad_input;
mod browser;
mod headers;
mod pages;
mod serving;
mod support;
mod tokens;
