//! The client information response (RFC 7591 §3.2.1, RFC 7592 §3): everything that is registered.

use std::sync::Arc;

use countersign_model::{Client, GrantType, SecretString};
use serde_json::{Map, Value, json};

use super::grants::IMPLICIT;

/// A client that registered itself, as it is told.
pub struct RegisteredClient {
    /// The client.
    pub client: Arc<Client>,
    /// The secret that was just made; only its hash is kept.
    pub(super) secret: Option<SecretString>,
    /// What it manages its registration with.
    pub(super) token: SecretString,
    /// Where.
    pub(super) address: String,
}

impl RegisteredClient {
    /// The answer's body. Send it with `Cache-Control: no-store`.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut answer = metadata(&self.client);
        let mut put = |name: &str, value: Value| answer.insert(name.to_owned(), value);
        put("client_id", json!(self.client.client_id));
        put("client_id_issued_at", json!(self.client.created_at.seconds()));
        if let Some(secret) = &self.secret {
            put("client_secret", json!(secret.expose()));
        }
        // RFC 7591 §3.2.1: needed with a secret; ours are good until they are replaced.
        if self.client.authentication.has_secret() {
            put("client_secret_expires_at", json!(0));
        }
        put("registration_access_token", json!(self.token.expose()));
        put("registration_client_uri", json!(self.address));
        Value::Object(answer).to_string().into_bytes()
    }
}

impl std::fmt::Debug for RegisteredClient {
    /// Without the secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegisteredClient").field("client", &self.client.client_id).finish_non_exhaustive()
    }
}

/// The metadata of a client under the names of RFC 7591 §2, what is not there left out.
fn metadata(client: &Client) -> Map<String, Value> {
    let about = &client.information;
    let members = [
        ("client_name", json!(client.client_name)),
        ("token_endpoint_auth_method", json!(client.authentication.as_str())),
        ("token_endpoint_auth_signing_alg", json!(client.token_endpoint_auth_signing_alg)),
        ("redirect_uris", json!(client.redirect_uris)),
        ("application_type", json!(client.application_type.as_str())),
        // RFC 6749 §3.3: a list has an entry at least.
        ("scope", json!((!client.scopes.is_empty()).then_some(&client.scopes))),
        ("jwks", json!(client.jwks)),
        ("jwks_uri", json!(client.jwks_uri)),
        ("logo_uri", json!(about.logo_uri)),
        ("client_uri", json!(about.client_uri)),
        ("policy_uri", json!(about.policy_uri)),
        ("tos_uri", json!(about.tos_uri)),
        ("contacts", json!((!about.contacts.is_empty()).then_some(&about.contacts))),
        ("software_id", json!(about.software_id)),
        ("software_version", json!(about.software_version)),
        ("software_statement", json!(about.software_statement)),
        ("introspection_signed_response_alg", json!(client.introspection_signed_response_alg)),
        ("introspection_encrypted_response_alg", json!(client.introspection_encrypted_response_alg)),
        ("introspection_encrypted_response_enc", json!(client.introspection_encrypted_response_enc)),
    ];
    let name = client.certificate_name.as_ref().map(|name| (name.parameter(), json!(name.value())));
    let members = members.into_iter().chain(authorization(client)).chain(backchannel(client)).chain(name);
    let known = members.filter(|(_, value)| !value.is_null());
    let localized = about.localized.iter().map(|(name, text)| (name.clone(), json!(text)));
    known.map(|(name, value)| (name.to_owned(), value)).chain(localized).collect()
}

/// What belongs to its requests, their answers, and what they lead to.
fn authorization(client: &Client) -> [(&'static str, Value); 15] {
    let own = &client.authorization;
    let has_codes = client.grant_types.contains(&GrantType::AuthorizationCode);
    let response_types = || own.response_types.iter().filter(|known| has_codes || !known.gives_code());
    // OpenID Connect Registration §2: the name that clients know this by.
    let implicit = response_types().any(|known| known.gives_id_token()).then_some(IMPLICIT);
    let grant_types: Vec<&str> =
        client.grant_types.iter().map(|grant| grant.as_str()).chain(implicit).collect();
    let only_if = |flag: bool| if flag { Value::Bool(true) } else { Value::Null };
    [
        ("countersign_profile", json!(client.profile)),
        ("grant_types", json!(grant_types)),
        ("response_types", json!(response_types().collect::<Vec<_>>())),
        (
            "tls_client_certificate_bound_access_tokens",
            only_if(client.tls_client_certificate_bound_access_tokens),
        ),
        ("dpop_bound_access_tokens", only_if(client.dpop_bound_access_tokens)),
        ("require_pushed_authorization_requests", only_if(own.require_pushed_authorization_requests)),
        ("require_signed_request_object", only_if(own.require_signed_request_object)),
        ("request_object_signing_alg", json!(own.request_object_signing_alg)),
        ("request_object_encryption_alg", json!(own.request_object_encryption_alg)),
        ("request_object_encryption_enc", json!(own.request_object_encryption_enc)),
        ("request_uris", json!((!own.request_uris.is_empty()).then_some(&own.request_uris))),
        ("authorization_signed_response_alg", json!(own.authorization_signed_response_alg)),
        ("authorization_encrypted_response_alg", json!(own.authorization_encrypted_response_alg)),
        ("authorization_encrypted_response_enc", json!(own.authorization_encrypted_response_enc)),
        (
            "authorization_details_types",
            json!((!own.authorization_details_types.is_empty()).then_some(&own.authorization_details_types)),
        ),
    ]
}

/// What belongs to backchannel authentication (CIBA §4); nothing for a client without its grant.
fn backchannel(client: &Client) -> impl Iterator<Item = (&'static str, Value)> {
    let own = &client.backchannel;
    let members = [
        ("backchannel_token_delivery_mode", json!(own.token_delivery_mode)),
        ("backchannel_client_notification_endpoint", json!(own.client_notification_endpoint)),
        ("backchannel_authentication_request_signing_alg", json!(own.authentication_request_signing_alg)),
    ];
    let may = client.grant_types.contains(&GrantType::Ciba);
    members.into_iter().filter(move |_| may)
}
