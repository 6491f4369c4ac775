//! Plain hashes, for the protocols that name one.

use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest};

/// SHA-256 (FIPS 180-4).
#[must_use]
pub fn sha256(data: &[u8]) -> Vec<u8> {
    digest(&SHA256, data).as_ref().to_vec()
}

/// SHA-384 (FIPS 180-4).
#[must_use]
pub fn sha384(data: &[u8]) -> Vec<u8> {
    digest(&SHA384, data).as_ref().to_vec()
}

/// SHA-512 (FIPS 180-4).
#[must_use]
pub fn sha512(data: &[u8]) -> Vec<u8> {
    digest(&SHA512, data).as_ref().to_vec()
}
