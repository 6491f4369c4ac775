//! The master key, what it seals, and the life of signing keys: published, active, retiring, retired.
//!
//! A key's state is never stored. Four times are, and the state follows from them and the clock, so that every node
//! agrees on it without speaking to the others.

mod error;
mod life;
mod master;
pub mod ports;
mod ring;
mod snapshot;

pub use error::{KeysError, OpenError};
pub use life::{KeyState, Policy, When};
pub use master::{InvalidMasterKey, MasterKey};
pub use ring::KeyRing;
pub use snapshot::{Key, Keys};
