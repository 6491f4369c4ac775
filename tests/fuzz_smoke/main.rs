//! A moment of fuzzing in every test run: the bodies of the fuzz targets on seeds and on what a small mutator makes of
//! them. Always the same inputs; `make fuzz` looks for new ones.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "helpers of tests may stop a test, and say on what"
)]

mod mutator;
#[path = "../../fuzz/targets/mod.rs"]
mod targets;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use mutator::Mutator;

/// Runs a target on its seeds, on the empty input and on so many descendants of them.
fn fuzz(name: &str, rounds: usize, more: &[&[u8]], target: impl Fn(&[u8])) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(name);
    let mut files: Vec<_> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{name} has no seeds");
    let mut seeds: Vec<Vec<u8>> = files.iter().map(|path| fs::read(path).unwrap()).collect();
    seeds.extend(more.iter().map(|seed| seed.to_vec()));
    let try_one = |input: &[u8]| {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(input))) {
            eprintln!(
                "{name} fails on {:?}\nas hexadecimal digits: {}",
                String::from_utf8_lossy(input),
                hex(input)
            );
            std::panic::resume_unwind(panic);
        }
    };
    try_one(b"");
    for seed in &seeds {
        try_one(seed);
    }
    let mut mutator = Mutator::new(seeds);
    for _ in 0..rounds {
        try_one(&mutator.next());
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn token() {
    fuzz("token", 20_000, &[targets::good_token().as_bytes()], targets::token);
}

#[test]
fn token_scan() {
    fuzz("token_scan", 20_000, &[targets::leak()], targets::token_scan);
}

#[test]
fn dpop_proof() {
    fuzz("dpop_proof", 5_000, &[targets::good_proof().as_bytes()], targets::dpop_proof);
}

#[test]
fn form() {
    fuzz("form", 60_000, &[], targets::form);
}

#[test]
fn configuration() {
    fuzz("configuration", 3_000, &[include_bytes!("../../src/config/example.toml")], targets::configuration);
}

#[test]
fn htpasswd() {
    fuzz("htpasswd", 20_000, &[], targets::htpasswd);
}

#[test]
fn certificate() {
    fuzz("certificate", 20_000, &[], targets::certificate);
}

#[test]
fn authorization() {
    fuzz("authorization", 60_000, &[], targets::authorization);
}

#[test]
fn user_code() {
    fuzz("user_code", 60_000, &[], targets::user_code);
}

#[test]
fn registration() {
    fuzz("registration", 20_000, &[], targets::registration);
}

#[test]
fn request_target() {
    fuzz("target", 60_000, &[], targets::request_target);
}

#[test]
fn request_object() {
    fuzz("request_object", 20_000, &[targets::good_token().as_bytes()], targets::request_object);
}

#[test]
fn authorization_details() {
    fuzz("authorization_details", 20_000, &[], targets::authorization_details);
}

#[test]
fn backchannel() {
    fuzz("backchannel", 20_000, &[], targets::backchannel);
}
