//! The certificate authority: profiles, requests, templates, signing, validation, revocation.

pub mod ports;
