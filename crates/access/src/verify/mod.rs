//! The verifiers, one a method: each answers for credentials of its own kind and has no side effect outside its cache.

pub(crate) mod api_key;
pub(crate) mod basic;
pub(crate) mod claims;
pub(crate) mod introspection;
pub(crate) mod issuer;
pub(crate) mod jwks;
pub(crate) mod jwt;
pub(crate) mod mtls;
pub(crate) mod tokens;
