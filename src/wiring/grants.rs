//! Issuers whose tokens some grants take: those that a rule in `[grants]` names.

use std::collections::BTreeSet;
use std::sync::Arc;

use countersign_jose::{Algorithm, Algorithms, JwkSet, UnknownAlgorithm};
use countersign_oauth::{IssuerKeys, SubjectMapping, TrustedIssuer, TrustedIssuers};

use super::files;
use crate::config::Config;
use crate::config::raw::{RawIssuer, RawSubjects};
use crate::output::Failure;

/// The trusted issuers by name.
///
/// # Errors
/// When a file that the configuration names can't be read.
pub(super) fn trusted_issuers(config: &Config) -> Result<TrustedIssuers, Failure> {
    let rules = &config.grants;
    let named: BTreeSet<&String> = rules
        .token_exchange
        .iter()
        .flat_map(|rule| &rule.subject_issuers)
        .chain(rules.jwt_bearer.iter().map(|rule| &rule.issuer))
        .collect();
    let trusted = config.issuers.iter().filter(|(name, _)| named.contains(name));
    trusted.map(|(name, raw)| Ok((name.clone(), Arc::new(trusted_issuer(name, raw)?)))).collect()
}

fn trusted_issuer(name: &str, raw: &RawIssuer) -> Result<TrustedIssuer, Failure> {
    let keys = match (&raw.jwks_uri, &raw.jwks_file) {
        (Some(uri), _) => IssuerKeys::Url(uri.clone()),
        (None, Some(file)) => {
            let set = JwkSet::from_json(&files::read(file)?)
                .map_err(|error| format!("issuers.{name}.jwks_file: {}: {error}", file.display()))?;
            IssuerKeys::Set(set)
        }
        // The configuration was checked: every issuer that a rule names has one of the two.
        (None, None) => return Err(format!("issuers.{name} needs jwks_uri or jwks_file").into()),
    };
    let algorithms = raw.algorithms.iter().flatten().map(|name| name.parse::<Algorithm>());
    let algorithms = algorithms.collect::<Result<Algorithms, UnknownAlgorithm>>()?;
    Ok(TrustedIssuer {
        issuer: raw.issuer.clone(),
        keys,
        algorithms,
        subject_claim: raw.subject_claim.clone().unwrap_or_else(|| "sub".to_owned()),
        subjects: match raw.subjects {
            RawSubjects::Foreign => SubjectMapping::Foreign,
            RawSubjects::UserId => SubjectMapping::UserId,
            RawSubjects::Username => SubjectMapping::Username,
        },
    })
}
