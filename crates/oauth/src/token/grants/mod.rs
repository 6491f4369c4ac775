//! One file a grant. Each reads its own struct from the form, and is a sequence of cited checks.

pub(crate) mod authorization_code;
pub(crate) mod ciba;
pub(crate) mod client_credentials;
mod decoupled;
pub(crate) mod device_code;
pub(crate) mod jwt_bearer;
pub(crate) mod refresh_token;
pub(crate) mod token_exchange;
