//! The authority as its callers see it.

use std::sync::Arc;
use std::time::Duration;

use countersign_model::{CertificateSerial, Env};

use crate::crl::Crl;
use crate::csr::PublicKey;
use crate::error::{IssueError, OpenError};
use crate::hierarchy::Hierarchy;
use crate::issue::{IssueRequest, Issued, IssuedWithKey};
use crate::ports::{Certificates, RevocationReason, Unavailable};
use crate::profile::Profile;

/// What an authority issues.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The profiles, each of another name.
    pub profiles: Vec<Profile>,
    /// How long a revocation list is valid.
    pub crl_lifetime: Duration,
    /// Where certificates say that the list can be had; `None`: they say nothing.
    pub crl_url: Option<String>,
}

/// A certificate authority over a store.
pub struct Authority<P> {
    ports: Arc<P>,
    _env: Env,
}

impl<P: Certificates> Authority<P> {
    /// Opens the authority after checking that its certificates and key belong together and are in force.
    ///
    /// # Errors
    /// [`OpenError`], which says what to mend.
    pub fn open(
        _ports: Arc<P>,
        _env: Env,
        _hierarchy: Hierarchy,
        _settings: Settings,
    ) -> Result<Self, OpenError> {
        todo!()
    }

    /// Issues a certificate for a key the asker holds.
    ///
    /// # Errors
    /// [`IssueError`].
    pub async fn issue(&self, _request: &IssueRequest, _key: &PublicKey) -> Result<Issued, IssueError> {
        todo!()
    }

    /// Makes an ECDSA P-256 key and issues a certificate for it.
    ///
    /// # Errors
    /// [`IssueError`].
    pub async fn issue_with_new_key(&self, _request: &IssueRequest) -> Result<IssuedWithKey, IssueError> {
        todo!()
    }

    /// Revokes a certificate; `false` when there is none of that serial.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn revoke(
        &self,
        _serial: &CertificateSerial,
        _reason: RevocationReason,
    ) -> Result<bool, Unavailable> {
        todo!()
    }

    /// The revocation list as of now, freshly signed.
    ///
    /// # Errors
    /// [`IssueError`].
    pub async fn crl(&self) -> Result<Crl, IssueError> {
        todo!()
    }

    /// The profile of that name.
    #[must_use]
    pub fn profile(&self, _name: &str) -> Option<&Profile> {
        todo!()
    }

    /// What others need to believe our certificates: the root, PEM.
    #[must_use]
    pub fn trust_bundle_pem(&self) -> String {
        todo!()
    }

    /// The store behind it, for lists.
    #[must_use]
    pub fn ports(&self) -> &P {
        &self.ports
    }
}
