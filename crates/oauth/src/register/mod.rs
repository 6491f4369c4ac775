//! Clients that register themselves (RFC 7591) and manage what they registered (RFC 7592), and clients whose metadata
//! is a document at the URL that is their name.
//!
//! `checks` below is the table: one line a group of members, one file each, in the order in which they are made.

mod authentication;
mod create;
mod grants;
mod information;
mod keys;
mod manage;
mod members;
mod metadata_document;
mod policy;
mod redirect_uris;
mod refusal;
mod response;
mod responses;
mod scope;
mod statement;

use std::collections::BTreeSet;

use countersign_jose::{Algorithm, Algorithms};
use countersign_model::{
    ApplicationType, Client, ClientAuthentication, ClientInformation, GrantType, ScopeSet,
};

pub(crate) use authentication::Secrets;
pub use members::LARGEST_DOCUMENT;
pub(crate) use members::Members;
pub(crate) use metadata_document::Fallback;
pub use metadata_document::{DocumentUnavailable, FetchDocuments, FetchedDocument};
pub use policy::{
    ClientDocumentPolicy, RegistrationAccess, RegistrationPolicy, StatementIssuer, StatementKeys,
};
pub use refusal::RegistrationRefusal;
pub use response::RegisteredClient;

/// What a document is held against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules<'a> {
    /// What the operator allows.
    pub(crate) policy: &'a RegistrationPolicy,
    /// What our own keys sign with, the first by default.
    pub(crate) algorithms: &'a [Algorithm],
    /// What client assertions may be signed with.
    pub(crate) assertion_algorithms: Algorithms,
    /// Whether the client can be told a secret.
    pub(crate) secrets: Secrets,
}

/// Metadata that passed every check. Only [`checks`] makes one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct CheckedMetadata {
    name: Option<String>,
    authentication: ClientAuthentication,
    signing_algorithm: Option<String>,
    grants: BTreeSet<GrantType>,
    application_type: ApplicationType,
    redirect_uris: Vec<String>,
    scopes: ScopeSet,
    keys: keys::Keys,
    information: ClientInformation,
    introspection: responses::IntrospectionAnswers,
}

/// Every check of a client's metadata, in order.
pub(crate) fn checks(asked: &Members, rules: &Rules<'_>) -> Result<CheckedMetadata, RegistrationRefusal> {
    responses::offered(asked, rules.algorithms)?;
    let grants = grants::consistent(asked, rules.policy)?;
    let (application_type, redirect_uris) = redirect_uris::allowed(asked, &grants)?;
    let authentication = authentication::method(asked, &grants, rules.secrets)?;
    let signing_algorithm = authentication::signing_algorithm(asked, rules.assertion_algorithms)?;
    let keys = keys::in_one_place(asked, authentication)?;
    let scopes = scope::within_the_operators(asked, rules.policy, &grants)?;
    let name = information::name(asked)?;
    let information = information::readable(asked)?;
    let introspection = responses::introspection(asked, rules.algorithms, &keys)?;
    Ok(CheckedMetadata {
        name,
        authentication,
        signing_algorithm,
        grants,
        application_type,
        redirect_uris,
        scopes,
        keys,
        information,
        introspection,
    })
}

impl CheckedMetadata {
    /// The client as this metadata has it. What the metadata says nothing of (its secrets, its name on the wire,
    /// whether it may be used) stays as it is.
    pub(crate) fn onto(self, client: Client) -> Client {
        let (encrypted_alg, encrypted_enc) = self.introspection.encrypted.unzip();
        Client {
            // RFC 7591 §2: where there is no name, people may be shown the client_id.
            client_name: self.name.unwrap_or_else(|| client.client_id.to_string()),
            authentication: self.authentication,
            token_endpoint_auth_signing_alg: self.signing_algorithm,
            grant_types: self.grants,
            application_type: self.application_type,
            redirect_uris: self.redirect_uris,
            scopes: self.scopes,
            jwks: self.keys.jwks,
            jwks_uri: self.keys.jwks_uri,
            information: self.information,
            introspection_signed_response_alg: self.introspection.signed,
            introspection_encrypted_response_alg: encrypted_alg,
            introspection_encrypted_response_enc: encrypted_enc,
            ..client
        }
    }
}

/// What must hold of any client metadata document, whatever the operator allows: for those who have no engine at hand.
///
/// # Errors
/// The first check that fails.
pub fn check_document(document: &[u8], policy: &RegistrationPolicy) -> Result<(), RegistrationRefusal> {
    let rules = Rules {
        policy,
        algorithms: &[Algorithm::ES256],
        assertion_algorithms: StatementIssuer::default_algorithms(),
        secrets: Secrets::Told,
    };
    checks(&Members::read(document)?, &rules).map(drop)
}
