//! Countersign: one binary that authenticates every request in a microservice system.

mod config;

fn main() {
    let _ = config::schema();
    let _ = config::EXAMPLE;
}
