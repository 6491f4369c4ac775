//! The certificate authority: profiles, requests, templates, signing, validation, revocation.
//!
//! A certificate is made in one order only: the asker's key and names are read ([`csr`]), a [`Profile`] allows them,
//! a template is built from the profile and never from the request, the intent is recorded, the template is
//! signed, and what was signed is read again and checked before anybody sees it.

mod authority;
mod crl;
pub mod csr;
mod encode;
mod error;
mod hierarchy;
mod issue;
mod key;
mod name;
pub mod ports;
mod profile;
mod template;
mod validate;

pub use authority::{Authority, Settings};
pub use crl::Crl;
pub use csr::{CheckedRequest, CsrError, PublicKey};
pub use error::{IssueError, OpenError};
pub use hierarchy::{CaMaterial, Hierarchy};
pub use issue::{IssueRequest, Issued, IssuedWithKey};
pub use name::{DnsName, InvalidName, Name, SpiffeId};
pub use profile::{NamePolicy, Profile, Usage};
