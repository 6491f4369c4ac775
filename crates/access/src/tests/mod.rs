//! The pipeline as a whole, with real tokens, a moved clock and stores in memory.

mod basic;
mod denial;
mod dpop;
mod extraction;
mod issuers;
mod jwt;
mod keys;
mod mtls;
mod reference;
mod shared_secret;
mod step_up;
mod support;
