//! The master key, what it seals, and the life of signing keys: published, active, retiring, retired.
//!
//! A signing key is published before it signs and stays published until its last token has expired, so that nobody
//! who may cache the JWK Set ever meets a signature he can't verify. States are not kept: they follow from the times of
//! a key and the clock.

mod encryption;
mod error;
mod master;
mod policy;
pub mod ports;
mod ring;
mod rotate;
mod snapshot;
mod state;

#[cfg(test)]
mod tests;

pub use error::KeysError;
pub use master::{InvalidMasterKey, MasterKey, OpenError, SealError};
pub use policy::{Policy, When};
pub use ring::KeyRing;
pub use snapshot::{Jwks, Key, Keys};
pub use state::KeyState;
