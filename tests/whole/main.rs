//! The whole product in one process: authorization server and gateway as `countersign serve` starts them, over a real
//! store and real sockets, with a clock that the test moves and randomness from a seed. Each test has its own.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests say what they expect by failing"
)]

mod support;

mod backchannel;
mod concurrency;
mod fapi;
mod identity;
mod lifetimes;
mod restart;
mod revocation;
mod rotation;
mod seeded;
