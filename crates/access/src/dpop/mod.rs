//! DPoP: a key that its holder proves with every request (RFC 9449). Both sides use it: the authorization server where
//! tokens are given out, the pipeline where they are used.

mod memory;
mod nonce;
mod proof;
mod target;

pub(crate) use memory::{ProofMemory, Seen};
pub use nonce::Nonces;
pub use proof::{AHEAD, CheckedProof, DpopRefusal, OLDEST, Wanted, algorithms, check};
