//! Who is calling, and may they? One pipeline for every surface.
//!
//! ```text
//! RequestParts + Peer ── extract ──▶ Presented ── verify ──▶ Outcome ── policy::decide ──▶ Decision
//!                                    one credential          absent, verified,            Allow(Permit)
//!                                    or a refusal            rejected                     Deny(Denial)
//! ```
//!
//! - [`extract`] is the only reader of `Authorization` and of every other place a credential may be.
//! - The verifiers, one a method, end in one [`Identity`]. What was verified is remembered; changes reach it at once
//!   through [`Access::apply`].
//! - A [`Rule`] is data. Deciding is a pure function of it, and only that function can make a [`Permit`].
//! - A [`Denial`] knows its reason for the log, and says no more outside than the standards ask for.
//!
//! The pipeline opens no socket and asks nobody the time: what it must look up comes through [`ports`].

mod access;
pub mod api_key;
mod binding;
mod certificate;
mod challenge;
pub mod dpop;
pub mod extract;
mod identity;
mod outcome;
mod policy;
pub mod ports;
mod reason;
mod request;
mod revocation;
pub mod scan;
mod settings;
mod state;
mod token_kind;
mod url_key;
mod verify;

pub use access::Access;
pub use certificate::{
    CertificateFacts, DistinguishedName, InvalidCertificate, InvalidName, PeerCertificate,
    UnvouchedCertificate,
};
pub use challenge::{DPOP_NONCE, Denial};
pub use extract::{BasicCredentials, MalformedBasic, Placement, basic_credentials, bearer_token};
pub use identity::{Actor, Confirmation, Identity, OWN};
pub use policy::decide::{Decision, Permit};
pub use policy::rule::Rule;
pub use policy::settings::{ApiKeyPlacement, DpopSettings, InvalidRule, RuleSettings, StepUp};
pub use reason::Reason;
pub use request::{Peer, RequestParts};
pub use settings::{
    CertificateScopes, InvalidSettings, IssuerSettings, KeyOrigin, Limits, Settings, Sources, TrustDomain,
};
pub use token_kind::{API_KEY_PREFIX, TokenKind};
pub use url_key::public_referer;
pub use verify::claims::GRANT as GRANT_CLAIM;

#[cfg(test)]
mod tests;
