//! Countersign: one binary that authenticates every request in a microservice system.
//!
//! [`run`] reads the command line and runs one command; everything else is in `commands`, and `wiring` is the only place
//! that knows every crate. The one thing here besides is [`Running`], by which the tests of the whole product start it
//! in their own process, with a clock that they move.

mod client;
mod commands;
mod config;
mod output;
mod running;
mod telemetry;
mod wiring;

use std::process::ExitCode;

use clap::Parser as _;

pub use running::Running;

/// Runs what the command line asks for.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = commands::Arguments::parse();
    match commands::run(arguments) {
        Ok(code) => code,
        Err(failure) => output::report(&failure),
    }
}
