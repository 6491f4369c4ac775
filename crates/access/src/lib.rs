//! Who is calling, and may they? One pipeline for every surface.

mod access;
pub mod api_key;
mod certificate;
mod challenge;
pub mod extract;
mod identity;
mod outcome;
mod policy;
pub mod ports;
mod reason;
mod request;
mod revocation;
mod settings;
mod state;
mod verify;

pub use access::Access;
pub use certificate::{CertificateFacts, InvalidCertificate, PeerCertificate};
pub use challenge::Denial;
pub use extract::{BasicCredentials, MalformedBasic, Placement, basic_credentials};
pub use identity::{Actor, Confirmation, Identity, OWN};
pub use policy::decide::{Decision, Permit};
pub use policy::rule::{ApiKeyPlacement, InvalidRule, Rule, RuleSettings};
pub use reason::Reason;
pub use request::{Peer, RequestParts};
pub use settings::{
    CertificateScopes, InvalidSettings, IssuerSettings, KeyOrigin, Limits, Settings, Sources,
};
pub use verify::claims::GRANT as GRANT_CLAIM;

#[cfg(test)]
mod tests;
