//! A configuration in force, and what was remembered under it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::policy::matcher::{Pattern, Qualified};
use crate::verify::api_key::KeyMemory;
use crate::verify::basic::BasicMemory;
use crate::verify::issuer::{IssuerState, Keys};
use crate::verify::jwks::RemoteKeys;
use crate::verify::mtls::CertificateMapping;
use crate::verify::tokens::TokenMemory;
use crate::{InvalidSettings, Settings, Sources};

pub(crate) struct State {
    pub(crate) settings: Settings,
    pub(crate) sources: Sources,
    pub(crate) issuers: Vec<Arc<IssuerState>>,
    pub(crate) tokens: TokenMemory,
    pub(crate) keys: KeyMemory,
    pub(crate) basic: BasicMemory,
    pub(crate) certificates: CertificateMapping,
}

impl State {
    pub(crate) fn new(
        settings: Settings,
        sources: Sources,
        before: Option<&State>,
    ) -> Result<Self, InvalidSettings> {
        static GENERATION: AtomicU64 = AtomicU64::new(1);
        let mut issuers: Vec<Arc<IssuerState>> = Vec::new();
        for issuer in settings.issuers.clone() {
            let twice =
                issuers.iter().any(|other| *other.name == *issuer.name || other.issuer == issuer.issuer);
            if twice {
                return Err(InvalidSettings {
                    issuer: issuer.name,
                    problem: "its name or its `iss` is there twice",
                });
            }
            let known = before.map_or(&[][..], |before| &before.issuers);
            let state = IssuerState::new(issuer, sources.fetch.as_ref(), &settings.limits, known)?;
            issuers.push(Arc::new(state));
        }
        let mut scopes = Vec::new();
        for grant in &settings.certificate_scopes {
            let pattern = Pattern::read(&grant.name).ok_or_else(|| InvalidSettings {
                issuer: grant.name.clone(),
                problem: "no pattern of certificate names: a name, or its beginning followed by '*'",
            })?;
            let name = Qualified { by: grant.bundle.as_str().into(), name: pattern };
            scopes.push((name, grant.scopes.clone()));
        }
        let certificates = CertificateMapping {
            local_issuer: settings.local_issuer.clone(),
            from_common_name: settings.subject_from_common_name,
            scopes,
            trust_domains: settings.trust_domains.clone(),
            generation: GENERATION.fetch_add(1, Ordering::Relaxed),
        };
        let limits = &settings.limits;
        Ok(Self {
            tokens: TokenMemory::new(limits.tokens),
            keys: KeyMemory::new(limits.api_keys),
            basic: BasicMemory::new(limits.basic_pairs, &sources.env, before.map(|before| &before.basic)),
            issuers,
            certificates,
            settings,
            sources,
        })
    }

    pub(crate) fn remote_keys(&self) -> impl Iterator<Item = &Arc<RemoteKeys>> {
        self.issuers.iter().filter_map(|issuer| match &issuer.keys {
            Keys::Remote(keys) => Some(keys),
            Keys::InProcess(_) | Keys::Fixed(_) | Keys::None => None,
        })
    }
}
