//! The OAuth 2.0 and OpenID Connect engine: no HTTP server, no SQL.
//!
//! [`Engine`] is generic over its [`ports`]. A surface reads parameters into [`Parameters`], calls one function per
//! endpoint, and renders what comes back; [`Error`] knows its own status, code and words.

mod acr;
mod application_token;
mod authorization_details;
pub mod authorize;
mod backchannel;
pub mod client_auth;
mod client_call;
mod client_keys;
mod consent;
mod device;
mod discovery;
mod engine;
mod error;
mod github_error;
mod github_user;
mod grant_rules;
mod introspect;
mod introspect_signed;
mod key_sets;
mod keys;
mod par;
mod parameters;
pub mod ports;
pub mod profile;
pub mod register;
mod resource;
mod revoke;
mod settings;
mod shared_secret;
mod sign_in;
mod token;
mod token_policy;
mod trusted_issuer;
mod user_code;
mod userinfo;

pub use acr::AcrClass;
pub use application_token::ApplicationToken;
pub use authorization_details::{
    AuthorizationDetails, DetailField, DetailKind, DetailType, DetailTypes, InvalidDetailType,
};
pub use authorize::{
    AuthorizationResponse, CheckedRedirectUri, ConsentRequest, Delivery, DetailRequest, SignInRequest, Step,
};
pub use backchannel::{
    APPROVALS_SCOPE, Approver, BackchannelPolicy, BackchannelResponse, PendingApproval, Ping,
    check_backchannel_request,
};
pub use client_auth::{
    AuthenticatedClient, Authorization, FetchKeys, KeysUnavailable, UnfitSecret, claimed_client,
};
pub use client_call::{ClientCall, ClientCertificate, DpopField};
pub use consent::Consent;
pub use device::{DeviceAuthorizationResponse, DeviceRequest};
pub use engine::Engine;
pub use error::{ClientRefusal, Error, GrantRefusal, RequestObjectRefusal};
pub use github_user::GithubUser;
pub use grant_rules::{ExchangeRule, JwtBearerRule, OWN_ISSUER};
pub use introspect_signed::SIGNED_INTROSPECTION;
pub use keys::{Signed, SigningFailed, TokenKeys};
pub use par::PushedResponse;
pub use parameters::Parameters;
pub use register::{RegisteredClient, RegistrationPolicy, RegistrationRefusal};
pub use resource::{Resource, Resources, TokenSignature};
pub use revoke::Revoked;
pub use settings::{Endpoints, InvalidSettings, Lifetimes, Settings};
pub use shared_secret::SharedSecret;
pub use sign_in::SignedIn;
pub use token::grants::token_exchange::ExchangeRefusal;
pub use token::{Mint, TokenResponse, text};
pub use token_policy::{TokenPolicyConflict, check_token_policy};
pub use trusted_issuer::{ForeignRefusal, IssuerKeys, SubjectMapping, TrustedIssuer, TrustedIssuers};
pub use user_code::UserCode;
