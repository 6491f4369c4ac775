//! Issuing: record the intent, sign, check what was signed, complete.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use countersign_model::{CertificateSerial, SecretBytes, SecretString, Subject, Timestamp};

use crate::authority::Authority;
use crate::csr::{MAX_NAMES, PublicKey, public_key};
use crate::encode::{pem, random_serial, serial_text, whole_seconds};
use crate::error::IssueError;
use crate::name::Name;
use crate::ports::{CertificateRecord, Certificates};
use crate::profile::Profile;
use crate::template::{Template, build};
use crate::validate::validate;

/// What somebody who is allowed to ask asks for.
#[derive(Clone, Debug)]
pub struct IssueRequest {
    /// The profile's name.
    pub profile: String,
    /// Whom the certificate is for.
    pub subject: Subject,
    /// The names it shall carry.
    pub names: Vec<Name>,
    /// How long it shall live; the profile's default where `None`.
    pub lifetime: Option<Duration>,
}

/// A certificate that was issued.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Issued {
    /// Its serial number.
    pub serial: CertificateSerial,
    /// The chain to send, DER: the leaf, then the intermediate.
    pub chain: Vec<Vec<u8>>,
    /// Valid from.
    pub not_before: Timestamp,
    /// Valid until.
    pub not_after: Timestamp,
}

impl Issued {
    /// The chain as PEM.
    #[must_use]
    pub fn chain_pem(&self) -> String {
        self.chain.iter().map(|der| pem("CERTIFICATE", der)).collect()
    }

    /// When to renew: at two thirds of its life.
    #[must_use]
    pub fn renew_at(&self) -> Timestamp {
        self.not_before.plus(self.not_after.since(self.not_before) * 2 / 3)
    }
}

/// A certificate and the key that was made for it.
#[derive(Clone, Debug)]
pub struct IssuedWithKey {
    /// The certificate.
    pub issued: Issued,
    /// Its private key, PKCS#8 DER. It is kept nowhere else.
    pub key: SecretBytes,
}

impl IssuedWithKey {
    /// The private key as PEM.
    #[must_use]
    pub fn key_pem(&self) -> SecretString {
        SecretString::new(pem("PRIVATE KEY", self.key.expose()))
    }
}

/// Less than this left of the authority's own life is no basis for a certificate.
const SHORTEST: Duration = Duration::from_secs(60);

impl<P: Certificates> Authority<P> {
    /// Issues a certificate for a key the asker holds.
    ///
    /// # Errors
    /// [`IssueError`].
    pub async fn issue(&self, request: &IssueRequest, key: &PublicKey) -> Result<Issued, IssueError> {
        let now = self.env.now();
        let profile = self
            .profile(&request.profile)
            .ok_or_else(|| IssueError::UnknownProfile(request.profile.clone()))?;
        let template = self.template(profile, request, now)?;
        let serial = serial_text(&template.serial);
        let record = CertificateRecord {
            serial: serial.clone(),
            profile: profile.name.clone(),
            subject: request.subject.clone(),
            names: template.names.iter().map(ToString::to_string).collect(),
            certificate: Vec::new(),
            not_before: template.not_before,
            not_after: template.not_after,
            revoked: None,
        };
        // First on record, then signed: there is no certificate the store has never heard of.
        self.ports.record_issuance(&record).await?;
        let leaf = build(&template)?
            .signed_by(&key.0, &self.issuer)
            .map_err(|error| IssueError::Sign(error.to_string()))?
            .der()
            .to_vec();
        validate(&leaf, &template, key, &self.hierarchy, now).map_err(IssueError::Invalid)?;
        self.ports.complete_issuance(&serial, &leaf).await?;
        let mut chain = vec![leaf];
        if !self.hierarchy.is_flat() {
            chain.push(self.hierarchy.intermediate.certificate.clone());
        }
        tracing::info!(%serial, profile = profile.name, subject = %request.subject, "certificate issued");
        Ok(Issued { serial, chain, not_before: template.not_before, not_after: template.not_after })
    }

    /// Makes an ECDSA P-256 key and issues a certificate for it.
    ///
    /// # Errors
    /// [`IssueError`].
    pub async fn issue_with_new_key(&self, request: &IssueRequest) -> Result<IssuedWithKey, IssueError> {
        let (key, public) = new_key()?;
        let issued = self.issue(request, &public).await?;
        Ok(IssuedWithKey { issued, key })
    }

    /// What the profile allows of what is asked for, or why not.
    fn template(
        &self,
        profile: &Profile,
        request: &IssueRequest,
        now: Timestamp,
    ) -> Result<Template, IssueError> {
        let names: BTreeSet<Name> = request.names.iter().cloned().collect();
        if names.is_empty() {
            return Err(IssueError::NoNames);
        }
        if names.len() > MAX_NAMES {
            return Err(IssueError::TooManyNames { limit: MAX_NAMES });
        }
        if let Some(name) = names.iter().find(|name| !profile.names.allows(name)) {
            return Err(IssueError::NameNotAllowed { profile: profile.name.clone(), name: name.to_string() });
        }
        // SPIFFE X.509-SVID §2: at most one URI name, or nobody knows which identity is meant.
        if names.iter().filter(|name| matches!(name, Name::Spiffe(_))).count() > 1 {
            return Err(IssueError::SeveralSpiffeIds);
        }
        let lifetime = request.lifetime.unwrap_or(profile.lifetime);
        if lifetime > profile.max_lifetime {
            return Err(IssueError::LifetimeTooLong {
                profile: profile.name.clone(),
                max: profile.max_lifetime.as_secs(),
            });
        }
        if now.plus(SHORTEST) > self.not_after {
            return Err(IssueError::AuthorityExpired);
        }
        Ok(Template {
            serial: random_serial(self.env.rng.as_ref()),
            usage: profile.usage,
            names: names.into_iter().collect(),
            not_before: whole_seconds(now.minus(profile.backdate)),
            // A leaf that outlived its issuer would fail without a word one day.
            not_after: whole_seconds(now.plus(lifetime.max(SHORTEST)).min(self.not_after)),
            crl_url: self.settings.crl_url.clone(),
        })
    }
}

/// A fresh P-256 key pair: the private key as PKCS#8, the public one ready to certify.
fn new_key() -> Result<(SecretBytes, PublicKey), IssueError> {
    let failed = |_| IssueError::Sign("no key could be made".to_owned());
    let rng = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &rng).map_err(failed)?;
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref())
        .map_err(|_| IssueError::Sign("no key could be made".to_owned()))?;
    let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(failed)?;
    let public = public_key(spki.as_ref()).map_err(|error| IssueError::Sign(error.0))?;
    Ok((SecretBytes::new(document.as_ref().to_vec()), public))
}
