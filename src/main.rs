//! Countersign: one binary that authenticates every request in a microservice system.
//!
//! `main` reads the command line and runs one command; everything else is in `commands`, and `wiring` is the only
//! place that knows every crate.

mod client;
mod commands;
mod config;
mod output;
mod telemetry;
mod wiring;

use std::process::ExitCode;

use clap::Parser as _;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = commands::Arguments::parse();
    match commands::run(arguments) {
        Ok(code) => code,
        Err(failure) => output::report(&failure),
    }
}
