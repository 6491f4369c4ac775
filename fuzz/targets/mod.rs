//! One function a parser: takes any bytes, must not panic, and checks what must hold of whatever was accepted.

mod authorization;
mod authorization_request;
mod backchannel;
mod certificate;
// The binary's own module: a binary can't be depended on.
#[path = "../../src/config/mod.rs"]
#[expect(dead_code, unused_imports, reason = "only its reader is fuzzed")]
mod config;
mod configuration;
mod dpop_proof;
mod form;
mod htpasswd;
// Private to the server, which has no reason to show it.
#[path = "../../crates/server/src/params.rs"]
#[expect(dead_code, reason = "only its reader is fuzzed")]
mod params;
mod registration;
mod request_target;
mod token;
mod token_scan;
mod user_code;

pub(crate) use authorization::authorization;
pub(crate) use authorization_request::{authorization_details, request_object};
pub(crate) use backchannel::backchannel;
pub(crate) use certificate::certificate;
pub(crate) use configuration::configuration;
pub(crate) use dpop_proof::{dpop_proof, good_proof};
pub(crate) use form::form;
pub(crate) use htpasswd::htpasswd;
pub(crate) use registration::registration;
pub(crate) use request_target::request_target;
pub(crate) use token::{good_token, token};
pub(crate) use token_scan::{leak, token_scan};
pub(crate) use user_code::user_code;
