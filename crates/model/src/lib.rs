//! The nouns every other crate shares: subjects, users, clients, identifiers, secrets, time and randomness. No I/O.

mod address;
mod api_key;
mod authorization;
mod backchannel;
pub mod base62;
mod ceiling;
mod certificate_name;
mod client;
mod client_information;
pub mod digest;
mod id;
mod method;
mod random;
mod scope;
mod secret;
mod session;
mod time;
mod token_policy;
mod user;

pub use address::AddressList;
pub use api_key::{ApiKey, ApiKeyStatus};
pub use authorization::{AuthorizationMetadata, Profile, ResponseMode, ResponseType, UnknownWord};
pub use backchannel::{BackchannelMetadata, TokenDeliveryMode, UnknownDeliveryMode};
pub use ceiling::Ceiling;
pub use certificate_name::CertificateName;
pub use client::{AccessTokenFormat, Client, ClientAuthentication, ClientStatus, GrantType};
pub use client_information::{ApplicationType, ClientInformation, ClientOrigin};
pub use id::{
    ApiKeyId, CertificateSerial, ClientId, GrantId, Issuer, KeyId, RegistrationTokenId, RequestId, SessionId,
    Subject, TokenId, UserId,
};
pub use method::{Assurance, Method};
pub use random::{Rng, SystemRng};
pub use scope::{InvalidScope, Scope, ScopeSet};
pub use secret::{PasswordHashText, Secret, SecretBytes, SecretString, TokenHash};
pub use session::Session;
pub use time::{Clock, SystemClock, Timestamp};
pub use token_policy::{Lifetimes, OptionalScopes, TokenLife};
pub use user::{InvalidUsername, User, UserKind, UserStatus, Username};

use std::sync::Arc;

/// The two things no engine may reach for on its own: the time and randomness.
#[derive(Clone)]
pub struct Env {
    /// Where the time comes from; tests move it.
    pub clock: Arc<dyn Clock>,
    /// Where randomness comes from; tests seed it.
    pub rng: Arc<dyn Rng>,
}

impl Env {
    /// The machine's own clock and the operating system's randomness.
    #[must_use]
    pub fn system() -> Self {
        Self { clock: Arc::new(SystemClock), rng: Arc::new(SystemRng) }
    }

    /// The current time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl std::fmt::Debug for Env {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Env")
    }
}
