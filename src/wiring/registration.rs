//! What clients may do that register themselves, from the configuration to the engine's settings.

use std::sync::Arc;

use countersign_jose::{Algorithm, JwkSet};
use countersign_oauth::Settings;
use countersign_oauth::register::{
    ClientDocumentPolicy, FetchDocuments, PeoplePolicy, RegistrationAccess, RegistrationPolicy,
    StatementIssuer, StatementKeys,
};
use countersign_server::ClientDocuments;

use super::{Parts, fetch, files};
use crate::config::raw::RawRegistrationAccess;
use crate::config::{Config, checked};
use crate::output::Failure;

/// Puts the operator's decisions into the engine's settings.
///
/// # Errors
/// When a key set can't be read or an algorithm is unknown.
pub(super) fn decide(settings: &mut Settings, registration: &checked::Registration) -> Result<(), Failure> {
    let issuers = registration.statement_issuers.iter().map(statement_issuer);
    settings.registration = RegistrationPolicy {
        access: match registration.access {
            RawRegistrationAccess::Off => RegistrationAccess::Off,
            RawRegistrationAccess::InitialAccessToken => RegistrationAccess::InitialAccessToken,
            RawRegistrationAccess::Open => RegistrationAccess::Open,
        },
        grant_types: registration.grant_types.clone(),
        scopes: registration.scopes.clone(),
        profiles: registration.profiles.clone(),
        authorization_details_types: registration.authorization_details_types.clone(),
        statement_issuers: issuers.collect::<Result<_, _>>()?,
        require_statement: registration.require_statement,
        people: registration.people.map(|most_per_person| PeoplePolicy { most_per_person }),
        unused_lifetime: registration.unused,
        most_clients: registration.max_clients,
    };
    let hosts = registration.client_documents.clone();
    settings.client_documents =
        hosts.map(|hosts| ClientDocumentPolicy { hosts, ..ClientDocumentPolicy::default() });
    Ok(())
}

/// What fetches metadata documents.
///
/// # Errors
/// When the authorities to believe can't be read.
pub(super) fn documents(config: &Config, parts: &Parts) -> Result<Arc<dyn FetchDocuments>, Failure> {
    let fetcher = fetch::document_fetcher(config, &parts.env)?;
    Ok(Arc::new(ClientDocuments::new(fetcher, parts.env.clone())))
}

fn statement_issuer(trusted: &checked::TrustedStatements) -> Result<StatementIssuer, Failure> {
    let keys = match &trusted.keys {
        checked::StatementKeys::Url(url) => StatementKeys::Url(url.clone()),
        checked::StatementKeys::File(file) => {
            let set = JwkSet::from_json(&files::read(file)?);
            StatementKeys::Known(set.map_err(|error| format!("{}: {error}", file.display()))?)
        }
    };
    let algorithms = match &trusted.algorithms {
        None => StatementIssuer::default_algorithms(),
        Some(names) => names.iter().map(|name| name.parse::<Algorithm>()).collect::<Result<_, _>>()?,
    };
    Ok(StatementIssuer { issuer: trusted.issuer.clone(), keys, algorithms })
}
