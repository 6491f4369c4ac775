//! What the tests stand on.

mod browser;
mod environment;
mod house;
mod http;
mod upstream;

pub(crate) use environment::{Bench, START};
pub(crate) use house::{House, ISSUER, PASSWORD, REDIRECT, SECRET, basic, scopes};
pub(crate) use http::Answer;
