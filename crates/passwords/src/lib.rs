//! Every password hash we read, the one we write, and the limit on how many are computed at once.

mod hasher;
pub mod htpasswd;

pub use hasher::{Busy, HashError, Hasher, Limits, Verdict};
