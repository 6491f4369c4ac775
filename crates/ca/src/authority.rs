//! The authority as its callers see it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use countersign_model::{CertificateSerial, Env, Timestamp};
use rcgen::Issuer;
use rustls_pki_types::CertificateDer;

use crate::encode::pem;
use crate::error::OpenError;
use crate::hierarchy::Hierarchy;
use crate::key::CaKey;
use crate::ports::{Certificates, RevocationReason, Unavailable};
use crate::profile::Profile;

/// What an authority issues.
#[derive(Clone, PartialEq, Eq, Debug)]
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
    pub(crate) ports: Arc<P>,
    pub(crate) env: Env,
    pub(crate) hierarchy: Hierarchy,
    pub(crate) settings: Settings,
    pub(crate) issuer: Issuer<'static, CaKey>,
    pub(crate) not_after: Timestamp,
}

impl<P: Certificates> Authority<P> {
    /// Opens the authority after checking that its certificates and key belong together and are in force.
    ///
    /// # Errors
    /// [`OpenError`], which says what to mend.
    pub fn open(
        ports: Arc<P>,
        env: Env,
        hierarchy: Hierarchy,
        settings: Settings,
    ) -> Result<Self, OpenError> {
        check_profiles(&settings.profiles)?;
        let not_after = hierarchy.check(env.now())?.not_after;
        let key = hierarchy.intermediate.signing_key("intermediate")?;
        let certificate = CertificateDer::from(hierarchy.intermediate.certificate.as_slice());
        let issuer = Issuer::from_ca_cert_der(&certificate, key)
            .map_err(|error| OpenError::Certificate { what: "intermediate", reason: error.to_string() })?;
        Ok(Self { ports, env, hierarchy, settings, issuer, not_after })
    }

    /// Revokes a certificate; `false` when there is none of that serial.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn revoke(
        &self,
        serial: &CertificateSerial,
        reason: RevocationReason,
    ) -> Result<bool, Unavailable> {
        let known = self.ports.revoke_certificate(serial, reason, self.env.now()).await?;
        if known {
            tracing::info!(%serial, ?reason, "certificate revoked");
        }
        Ok(known)
    }

    /// The profile of that name.
    #[must_use]
    pub fn profile(&self, name: &str) -> Option<&Profile> {
        self.settings.profiles.iter().find(|profile| profile.name == name)
    }

    /// What others need to believe our certificates: the root, PEM.
    #[must_use]
    pub fn trust_bundle_pem(&self) -> String {
        pem("CERTIFICATE", &self.hierarchy.root)
    }

    /// The same as DER.
    #[must_use]
    pub fn trust_bundle_der(&self) -> &[u8] {
        &self.hierarchy.root
    }

    /// When the intermediate or the root ends, whichever is first: nothing issued lives longer.
    #[must_use]
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// The store behind it, for lists.
    #[must_use]
    pub fn ports(&self) -> &P {
        &self.ports
    }
}

impl<P> fmt::Debug for Authority<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("settings", &self.settings)
            .field("not_after", &self.not_after)
            .finish()
    }
}

fn check_profiles(profiles: &[Profile]) -> Result<(), OpenError> {
    let mut seen = BTreeSet::new();
    for profile in profiles {
        let wrong = |reason| Err(OpenError::Profile { profile: profile.name.clone(), reason });
        if !seen.insert(profile.name.as_str()) {
            return wrong("there is another profile of this name");
        }
        if profile.lifetime.is_zero() || profile.lifetime > profile.max_lifetime {
            return wrong("the default lifetime is more than zero and at most the longest one");
        }
        if profile.backdate > Duration::from_secs(3600) {
            return wrong("certificates are backdated by an hour at most");
        }
    }
    Ok(())
}
