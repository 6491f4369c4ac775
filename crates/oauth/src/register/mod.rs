//! Clients that register themselves (RFC 7591) and manage what they registered (RFC 7592), and clients whose metadata
//! is a document at the URL that is their name.
//!
//! `checks` below is the table: one line a group of members, one file each, in the order in which they are made.

mod applications;
mod authentication;
mod backchannel;
mod ceiling;
mod certificate;
mod create;
mod grants;
mod information;
mod keys;
mod manage;
mod members;
mod metadata_document;
mod policy;
mod profile;
mod redirect_uris;
mod refusal;
mod requests;
mod response;
mod responses;
mod scope;
mod statement;

use countersign_jose::{Algorithm, Algorithms};
use countersign_model::{
    ApplicationType, AuthorizationMetadata, BackchannelMetadata, CertificateName, Client,
    ClientAuthentication, ClientId, ClientInformation, Profile, Timestamp,
};

pub use applications::{Application, ApplicationError, PeoplePolicy};
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
#[derive(Clone, Debug)]
pub(crate) struct Rules<'a> {
    /// What the operator allows.
    pub(crate) policy: &'a RegistrationPolicy,
    /// What our own keys sign with, the first by default.
    pub(crate) algorithms: &'a [Algorithm],
    /// What client assertions may be signed with.
    pub(crate) assertion_algorithms: Algorithms,
    /// What request objects may be signed with.
    pub(crate) request_object_algorithms: Algorithms,
    /// How clients can authenticate here.
    pub(crate) methods: Vec<ClientAuthentication>,
    /// Whether there is an address where a client can show a certificate.
    pub(crate) certificates: bool,
    /// Whether the client can be told a secret.
    pub(crate) secrets: Secrets,
}

/// Metadata that passed every check. Only [`checks`] makes one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct CheckedMetadata {
    name: Option<String>,
    profile: Profile,
    authentication: ClientAuthentication,
    signing_algorithm: Option<String>,
    certificate_name: Option<CertificateName>,
    binding: certificate::Binding,
    grants: grants::Grants,
    application_type: ApplicationType,
    redirect_uris: Vec<String>,
    scopes: scope::Scopes,
    keys: keys::Keys,
    information: ClientInformation,
    requests: requests::Requests,
    backchannel: BackchannelMetadata,
    answers: responses::Answers,
    introspection: responses::Answers,
}

/// Every check of a client's metadata, in order.
pub(crate) fn checks(asked: &Members, rules: &Rules<'_>) -> Result<CheckedMetadata, RegistrationRefusal> {
    responses::offered(asked, rules.algorithms)?;
    let profile = profile::allowed(asked, rules.policy)?;
    let grants = grants::consistent(asked, rules.policy, profile)?;
    let (application_type, redirect_uris) = redirect_uris::allowed(asked, &grants.response_types)?;
    let authentication = authentication::method(asked, &grants.grant_types, rules)?;
    let signing_algorithm =
        authentication::signing_algorithm(asked, authentication, rules.assertion_algorithms)?;
    let certificate_name = certificate::name(asked, authentication)?;
    let binding = certificate::binding(asked, rules.certificates)?;
    let keys = keys::in_one_place(asked, authentication)?;
    let scopes = scope::within_the_operators(asked, rules.policy, profile, &grants.grant_types)?;
    let name = information::name(asked)?;
    let information = information::readable(asked)?;
    let requests = requests::allowed(asked, rules, &keys)?;
    let backchannel = backchannel::allowed(asked, rules, &grants.grant_types, authentication, &keys)?;
    let answers = responses::authorization(asked, rules.algorithms, &keys)?;
    let introspection = responses::introspection(asked, rules.algorithms, &keys)?;
    Ok(CheckedMetadata {
        name,
        profile,
        authentication,
        signing_algorithm,
        certificate_name,
        binding,
        grants,
        application_type,
        redirect_uris,
        scopes,
        keys,
        information,
        requests,
        backchannel,
        answers,
        introspection,
    })
}

impl CheckedMetadata {
    /// The client as this metadata has it. What the metadata says nothing of (its secrets, its name on the wire,
    /// whether it may be used) stays as it is.
    ///
    /// # Errors
    /// The whole contradicts its profile.
    pub(crate) fn onto(self, client: Client) -> Result<Client, RegistrationRefusal> {
        let (encrypted_alg, encrypted_enc) = self.introspection.encrypted.unzip();
        let (answer_alg, answer_enc) = self.answers.encrypted.unzip();
        let (request_alg, request_enc) = self.requests.encryption.unzip();
        let client = Client {
            // RFC 7591 §2: where there is no name, people may be shown the client_id.
            client_name: self.name.unwrap_or_else(|| client.client_id.to_string()),
            profile: self.profile,
            authentication: self.authentication,
            token_endpoint_auth_signing_alg: self.signing_algorithm,
            certificate_name: self.certificate_name,
            tls_client_certificate_bound_access_tokens: self.binding.certificate,
            dpop_bound_access_tokens: self.binding.dpop,
            grant_types: self.grants.grant_types,
            application_type: self.application_type,
            redirect_uris: self.redirect_uris,
            scopes: self.scopes.most,
            default_scopes: self.scopes.default.unwrap_or_default(),
            jwks: self.keys.jwks,
            jwks_uri: self.keys.jwks_uri,
            information: self.information,
            authorization: AuthorizationMetadata {
                response_types: self.grants.response_types,
                require_pushed_authorization_requests: self.requests.pushed,
                require_signed_request_object: self.requests.signed,
                request_object_signing_alg: self.requests.signing_algorithm,
                request_object_encryption_alg: request_alg,
                request_object_encryption_enc: request_enc,
                request_uris: self.requests.uris,
                authorization_signed_response_alg: self.answers.signed,
                authorization_encrypted_response_alg: answer_alg,
                authorization_encrypted_response_enc: answer_enc,
                authorization_details_types: self.requests.details_types,
            },
            backchannel: self.backchannel,
            introspection_signed_response_alg: self.introspection.signed,
            introspection_encrypted_response_alg: encrypted_alg,
            introspection_encrypted_response_enc: encrypted_enc,
            ..client
        };
        profile::fits(&client)?;
        Ok(client)
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
        request_object_algorithms: StatementIssuer::default_algorithms(),
        methods: ClientAuthentication::ALL.to_vec(),
        certificates: true,
        secrets: Secrets::Told,
    };
    let blank = Client::new(ClientId::from("client"), Timestamp::from_seconds(0));
    checks(&Members::read(document)?, &rules)?.onto(blank).map(drop)
}
