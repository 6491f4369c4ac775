//! JWS, JWE, JWK and JWT with explicit algorithms. No HTTP, no clock of its own.
//!
//! Nothing here trusts what a token says of itself: the key and the algorithms come from the caller (RFC 8725 §3.1), and
//! `alg` in a header only ever narrows the choice.

mod algorithm;
mod base64url;
mod claims;
mod header;
pub mod json;
pub mod jwe;
pub mod jwk;
pub mod jws;
pub mod jwt;
mod malformed;
mod private_jwk;
mod roca;
mod signing;
mod spki;
mod verifying;

pub use algorithm::{Algorithm, Algorithms, UnknownAlgorithm};
pub use jwk::{InvalidJwk, Jwk, JwkSet};
pub use jws::{Header, ParsedJws};
pub use private_jwk::PrivateJwk;
pub use signing::{InvalidKey, SigningKey};
pub use verifying::VerifyingKey;
