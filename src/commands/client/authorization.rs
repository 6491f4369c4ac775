//! What a client registers about its authorization requests and their answers.

use std::collections::BTreeSet;

use countersign_jose::Algorithm;
use countersign_jose::jwe::{ContentEncryption, KeyManagement};
use countersign_model::{AuthorizationMetadata, Client, Profile, ResponseType};
use countersign_oauth::profile::Rules;
use serde_json::{Value, json};

use crate::output::Failure;

#[derive(Clone, Debug, clap::Args)]
#[group(id = "authorization-options")]
pub(super) struct Options {
    /// The rules it lives by: oauth2.1, oidc, fapi1-advanced, fapi2-security, fapi2-message-signing, mcp, github.
    #[arg(long, default_value = "oauth2.1", value_name = "PROFILE")]
    profile: Profile,
    /// What it may ask for, where its profile has it: code, none, id_token, "code id_token"; repeat for several.
    #[arg(long = "response-type", value_name = "TYPE", default_value = "code")]
    response_types: Vec<ResponseType>,
    /// Its requests must be pushed (RFC 9126).
    #[arg(long)]
    require_pushed_requests: bool,
    /// Its requests must be signed (RFC 9101).
    #[arg(long)]
    require_signed_requests: bool,
    /// The one algorithm it signs requests with. Default: any that is taken.
    #[arg(long, value_name = "ALG")]
    request_signing_alg: Option<Algorithm>,
    /// Where a signed request of it may be fetched from; repeat for several.
    #[arg(long = "request-uri", value_name = "URL")]
    request_uris: Vec<String>,
    /// What its answers are signed with where it asks for that (JARM). Default: the server's first.
    #[arg(long, value_name = "ALG")]
    response_signing_alg: Option<Algorithm>,
    /// How the key of its encrypted answers is sent (JARM), such as ECDH-ES. Default: they are not encrypted.
    #[arg(long, value_name = "ALG")]
    response_encryption_alg: Option<KeyManagement>,
    /// How its answers are encrypted. Default: A128CBC-HS256.
    #[arg(long, value_name = "ENC", requires = "response_encryption_alg")]
    response_encryption_enc: Option<ContentEncryption>,
    /// The types of authorization details it may ask for (RFC 9396); repeat for several.
    #[arg(long = "details-type", value_name = "TYPE")]
    details_types: Vec<String>,
}

impl Options {
    /// The profile, and the rest.
    pub(super) fn read(self) -> Result<(Profile, AuthorizationMetadata), Failure> {
        for uri in &self.request_uris {
            let parsed = url::Url::parse(uri).map_err(|error| format!("--request-uri {uri}: {error}"))?;
            if !matches!(parsed.scheme(), "https" | "http") {
                return Err(format!("--request-uri {uri}: it is fetched by https (RFC 9101 §5.2)").into());
            }
        }
        let metadata = AuthorizationMetadata {
            response_types: self.response_types.into_iter().collect::<BTreeSet<_>>(),
            require_pushed_authorization_requests: self.require_pushed_requests,
            require_signed_request_object: self.require_signed_requests,
            request_object_signing_alg: self.request_signing_alg.map(|name| name.to_string()),
            request_uris: self.request_uris,
            authorization_signed_response_alg: self.response_signing_alg.map(|name| name.to_string()),
            authorization_encrypted_response_alg: self.response_encryption_alg.map(|name| name.to_string()),
            authorization_encrypted_response_enc: self.response_encryption_enc.map(|name| name.to_string()),
            authorization_details_types: self.details_types.into_iter().collect(),
            ..AuthorizationMetadata::default()
        };
        Ok((self.profile, metadata))
    }
}

/// What contradicts the client's profile is refused now rather than at the first request.
pub(super) fn check(client: &Client) -> Result<(), Failure> {
    Rules::fit(client).map_err(|conflict| format!("--profile {}: {conflict}", client.profile).into())
}

/// The members of a client's document.
pub(super) fn members(client: &Client) -> Value {
    let own = &client.authorization;
    json!({
        "profile": client.profile,
        "response_types": own.response_types,
        "require_pushed_authorization_requests": own.require_pushed_authorization_requests,
        "require_signed_request_object": own.require_signed_request_object,
        "request_object_signing_alg": own.request_object_signing_alg,
        "request_uris": own.request_uris,
        "authorization_signed_response_alg": own.authorization_signed_response_alg,
        "authorization_encrypted_response_alg": own.authorization_encrypted_response_alg,
        "authorization_encrypted_response_enc": own.authorization_encrypted_response_enc,
        "authorization_details_types": own.authorization_details_types,
    })
}
