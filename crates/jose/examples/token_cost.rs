//! What making, reading and validating a token costs, in microseconds of processor time, by algorithm.
//!
//! `cargo run --release -p countersign-jose --example token_cost`
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measuring tool, not the product")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use countersign_jose::jwt::{self, Validation};
use countersign_jose::{Algorithm, Algorithms, SigningKey, VerifyingKey, jws};
use countersign_model::{KeyId, SecretBytes, Timestamp};

/// The processor time of this thread where the system tells it, else the time that has passed: a busy machine would
/// spoil the latter.
fn spent(start: Instant) -> f64 {
    let own = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = own.as_deref().and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    nanos.map_or_else(|| start.elapsed().as_secs_f64(), |nanos| nanos / 1e9)
}

fn measure(what: &str, mut work: impl FnMut()) {
    let mut best = f64::MAX;
    for _ in 0..9 {
        let start = Instant::now();
        let before = spent(start);
        let mut rounds = 0_u32;
        while start.elapsed() < Duration::from_millis(100) {
            work();
            rounds += 1;
        }
        best = best.min((spent(start) - before) * 1e6 / f64::from(rounds));
    }
    println!("{what}: {best:.2} µs");
}

fn main() {
    let claims = br#"{"iss":"https://id.example.com","sub":"usr_0198c0ffee","aud":"https://api.example.com","exp":1790000600,"iat":1790000000,"jti":"tok_0198c0ffee","client_id":"cli_demo","scope":"orders.read orders.write"}"#;
    let validation = Validation {
        issuer: "https://id.example.com",
        audiences: &["https://api.example.com"],
        types: &["at+jwt"],
        algorithms: Algorithms::of(&Algorithm::ALL),
        required: &["sub"],
        leeway: Duration::from_secs(30),
        now: Timestamp::from_seconds(1_790_000_100),
    };
    for algorithm in
        [Algorithm::ES256, Algorithm::EdDSA, Algorithm::RS256, Algorithm::PS256, Algorithm::HS256]
    {
        let (signing, verifying) = if algorithm.is_symmetric() {
            let secret = SecretBytes::new(vec![7; 32]);
            let signing = SigningKey::from_secret(&secret, algorithm, KeyId::from("s")).unwrap();
            (signing, VerifyingKey::from_secret(&secret, algorithm, None).unwrap())
        } else {
            let signing = SigningKey::generate(algorithm).unwrap();
            let verifying = VerifyingKey::from_jwk(&signing.public_jwk().unwrap(), algorithm).unwrap();
            (signing, verifying)
        };
        let token = jws::sign_compact(Some("at+jwt"), claims, &signing).unwrap();
        measure(&format!("{algorithm} sign"), || {
            black_box(jws::sign_compact(Some("at+jwt"), black_box(claims), &signing).unwrap());
        });
        measure(&format!("{algorithm} parse"), || {
            black_box(jws::parse(black_box(&token)).unwrap());
        });
        measure(&format!("{algorithm} validate"), || {
            black_box(jwt::parse_and_validate(black_box(&token), &verifying, &validation).unwrap());
        });
    }
}
