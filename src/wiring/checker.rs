//! What the pipeline is told: issuers, accounts, keys, and where it looks things up.

use std::sync::Arc;
use std::time::Duration;

use countersign_access::ports::{Accounts, JwksFetch, ReferenceTokens};
use countersign_access::{
    CertificateScopes, IssuerSettings, KeyOrigin, Limits, OWN, Settings, Sources, TrustDomain,
};
use countersign_jose::{Algorithm, UnknownAlgorithm};
use countersign_model::Issuer;
use countersign_net::Fetcher;
use tokio::sync::Semaphore;

use super::fetch::{Introspection, JwksFetcher, QUESTIONS};
use super::htpasswd::HtpasswdFiles;
use super::{Parts, files};
use crate::config::checked::{Resource, Signature};
use crate::config::raw::RawIssuer;
use crate::config::{Config, checked};
use crate::output::Failure;

/// Settings and sources of the pipeline.
///
/// # Errors
/// When a file that the configuration names can't be read.
pub(super) fn build(config: &Config, parts: &Parts) -> Result<(Settings, Sources), Failure> {
    let mut issuers = vec![own(config, parts)?];
    for (name, raw) in &config.issuers {
        issuers.push(external(name, raw, &parts.fetcher)?);
    }
    let mut accounts: Vec<Arc<dyn Accounts>> = vec![Arc::new(parts.store.clone())];
    if !config.basic.htpasswd.is_empty() {
        accounts.push(Arc::new(HtpasswdFiles::read(&config.basic)?));
    }
    let settings = Settings {
        local_issuer: Issuer::from(parts.issuer.as_str()),
        issuers,
        subject_from_common_name: false,
        certificate_scopes: certificate_scopes(config),
        trust_domains: trust_domains(config),
        limits: Limits { basic_life: config.basic.remember, ..Limits::default() },
    };
    let fetch: Arc<dyn JwksFetch> = Arc::new(JwksFetcher(parts.fetcher.clone()));
    let sources = Sources {
        accounts,
        api_keys: Some(Arc::new(parts.store.clone())),
        revocations: Some(Arc::new(parts.store.clone())),
        fetch: Some(fetch),
        key_use: Some(Arc::new(parts.store.clone())),
        hasher: Arc::clone(&parts.hasher),
        env: parts.env.clone(),
    };
    Ok((settings, sources))
}

fn own(config: &Config, parts: &Parts) -> Result<IssuerSettings, Failure> {
    let mut algorithms = algorithms(&config.keys.algorithms)?;
    let is_shared = |resource: &Resource| matches!(resource.signature, Signature::SecretFile(_));
    if config.resources.iter().any(is_shared) {
        algorithms.push(Algorithm::HS256);
    }
    Ok(IssuerSettings {
        name: OWN.to_owned(),
        issuer: Issuer::from(parts.issuer.as_str()),
        keys: KeyOrigin::InProcess(Arc::new(parts.keys.clone())),
        algorithms,
        audience: None,
        // RFC 9068 §4: nothing but access tokens, so that an ID token opens no door.
        types: vec!["at+jwt".to_owned()],
        scope_claims: vec!["scope".to_owned()],
        reference_tokens: Some(Arc::new(parts.store.clone())),
    })
}

fn algorithms(names: &[String]) -> Result<Vec<Algorithm>, Failure> {
    Ok(names.iter().map(|name| name.parse()).collect::<Result<_, UnknownAlgorithm>>()?)
}

/// What callers with a certificate may do.
fn certificate_scopes(config: &Config) -> Vec<CertificateScopes> {
    let lines = config.gateway.iter().flat_map(|gateway| &gateway.certificate_scopes);
    let read = |line: &checked::CertificateScopes| CertificateScopes {
        bundle: line.bundle.clone(),
        name: line.name.clone(),
        scopes: line.scopes.clone(),
    };
    lines.map(read).collect()
}

/// Who vouches for which SPIFFE IDs: the built-in authority for its own domain, others for those they were given.
fn trust_domains(config: &Config) -> Vec<TrustDomain> {
    let own = TrustDomain { name: config.ca.trust_domain.clone(), bundle: OWN.to_owned() };
    let given = config.gateway.iter().flat_map(|gateway| &gateway.trust_domains);
    let given = given.map(|(name, bundle)| TrustDomain { name: name.clone(), bundle: bundle.clone() });
    std::iter::once(own).chain(given).collect()
}

/// An issuer other than our own.
///
/// # Errors
/// When a file it names or an address can't be used.
pub(super) fn external(name: &str, raw: &RawIssuer, fetcher: &Fetcher) -> Result<IssuerSettings, Failure> {
    let keys = if let Some(uri) = &raw.jwks_uri {
        KeyOrigin::JwksUri(uri.clone())
    } else if let Some(file) = &raw.jwks_file {
        let text = String::from_utf8(files::read(file)?)
            .map_err(|_| format!("issuers.{name}.jwks_file: {} is no UTF-8 text", file.display()))?;
        KeyOrigin::Static(text)
    } else if let Some(file) = &raw.hs256_secret_file {
        let secret = files::read_secret(file)?;
        KeyOrigin::Secret(countersign_model::SecretBytes::new(secret.expose().as_bytes().to_vec()))
    } else {
        KeyOrigin::Discovery
    };
    let reference_tokens = raw.introspection.as_ref().map(|introspection| {
        let remember = introspection.remember.map_or(Duration::from_secs(30), |span| span.0);
        let secret = files::read_secret(&introspection.client_secret_file)?;
        let endpoint = introspection.endpoint.parse().map_err(|error| {
            format!("issuers.{name}.introspection.endpoint: {:?} is no URL: {error}", introspection.endpoint)
        })?;
        let client: Arc<dyn ReferenceTokens> = Arc::new(Introspection {
            fetcher: fetcher.clone(),
            endpoint,
            client_id: introspection.client_id.clone(),
            client_secret: secret,
            remember,
            places: Semaphore::new(QUESTIONS),
        });
        Ok::<_, Failure>(client)
    });
    let default_types = || ["at+jwt", "JWT", ""].map(str::to_owned).to_vec();
    Ok(IssuerSettings {
        name: name.to_owned(),
        issuer: Issuer::from(raw.issuer.as_str()),
        keys,
        algorithms: algorithms(raw.algorithms.as_deref().unwrap_or_default())?,
        audience: raw.audience.clone(),
        types: raw.types.clone().unwrap_or_else(default_types),
        scope_claims: ["scope", "scp"].map(str::to_owned).to_vec(),
        reference_tokens: reference_tokens.transpose()?,
    })
}
