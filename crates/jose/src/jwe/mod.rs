//! Compact JWE (RFC 7516 §7.1) with explicit algorithms.
//!
//! A key is for one way of key management, and the caller lists the ways of encrypting content he takes. RSAES-PKCS1-v1_5
//! and PBES2 are not offered (RFC 8725 §3.2), neither are compression (its size is unknown before it is read) and the
//! JSON serialisations. AES key wrap with 192 bits is missing because the cryptography library has none.

mod agreement;
mod algorithm;
mod content;
mod decrypt;
mod encrypt;
mod keys;
mod parse;

pub use algorithm::{ContentEncryption, KeyManagement};
pub use decrypt::Undecryptable;
pub use encrypt::{CannotEncrypt, encrypt_compact};
pub use keys::{DecryptionKey, EncryptionKey};
pub use parse::{Header, LONGEST, Malformed, ParsedJwe, parse};

#[cfg(test)]
mod tests;
