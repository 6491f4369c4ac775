//! The engine as a whole, from its public side: everything a specification says of an endpoint, held against ports in
//! memory, a clock the test moves and seeded randomness.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may stop a test"
)]

mod attacks;
mod authorization_code;
mod authorization_details;
mod authorize;
mod backchannel;
mod backchannel_ping;
mod backchannel_registration;
mod backchannel_signed;
mod client_auth;
mod client_credentials;
mod client_documents;
mod client_secret_jwt;
mod concurrency;
mod device;
mod dpop;
mod errors;
mod github;
mod introspect;
mod introspect_signed;
mod jwt_bearer;
mod key_ring;
mod mutual_tls;
mod parameters;
mod profiles;
mod pushed_requests;
mod refresh_token;
mod register;
mod registration_management;
mod registration_metadata;
mod request_objects;
mod resources;
mod responses;
mod revoke;
mod shared_secret;
mod step_up;
mod support;
mod token_exchange;
mod token_policy;
mod userinfo;
