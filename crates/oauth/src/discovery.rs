//! The metadata of the server (RFC 8414 §2, OpenID Connect Discovery §3), serialised once.

use std::sync::Arc;

use countersign_access::dpop;
use countersign_jose::Algorithm;
use countersign_jose::jwe::{ContentEncryption, KeyManagement};
use countersign_model::{ClientAuthentication, GrantType, ResponseMode, ResponseType, TokenDeliveryMode};
use serde_json::{Map, Value, json};

use crate::Settings;
use crate::keys::ENCRYPTIONS;
use crate::register::RegistrationAccess;

/// One document for both well-known addresses: what either specification doesn't know, its readers ignore.
pub(crate) fn document(settings: &Settings, algorithms: &[Algorithm]) -> Arc<[u8]> {
    let names = |algorithms: &mut dyn Iterator<Item = Algorithm>| -> Vec<&'static str> {
        algorithms.map(Algorithm::as_str).collect()
    };
    let signing = names(&mut algorithms.iter().copied());
    let secret = settings.master_key.as_ref().map(|_| Algorithm::HS256);
    let assertions = names(&mut settings.assertion_algorithms.iter().chain(secret));
    let confidential: Vec<&str> = methods(settings).map(ClientAuthentication::as_str).collect();
    let all: Vec<&str> = confidential.iter().copied().chain(["none"]).collect();
    let scopes = settings.scopes.union(&settings.resources.scopes());
    let scopes: Vec<&str> = scopes.iter().map(countersign_model::Scope::as_str).collect();
    let modes: Vec<&str> = ResponseMode::ALL.iter().map(|mode| mode.as_str()).chain(["jwt"]).collect();
    let at = &settings.endpoints;
    let mut document = json!({
        "issuer": settings.issuer,
        "authorization_endpoint": at.authorization,
        "token_endpoint": at.token,
        "jwks_uri": at.jwks,
        "userinfo_endpoint": at.userinfo,
        "introspection_endpoint": at.introspection,
        "revocation_endpoint": at.revocation,
        "device_authorization_endpoint": at.device_authorization,
        "pushed_authorization_request_endpoint": at.pushed_authorization_request,
        "require_pushed_authorization_requests": settings.require_pushed_authorization_requests,
        "scopes_supported": scopes,
        "response_types_supported": ResponseType::ALL.map(ResponseType::as_str),
        "response_modes_supported": modes,
        "grant_types_supported": GrantType::ALL.map(GrantType::as_str),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": signing,
        "token_endpoint_auth_methods_supported": all,
        "token_endpoint_auth_signing_alg_values_supported": assertions,
        "introspection_signing_alg_values_supported": signing,
        "introspection_encryption_alg_values_supported":
            KeyManagement::ALL.into_iter().filter(|known| known.is_asymmetric()).map(KeyManagement::as_str).collect::<Vec<_>>(),
        "introspection_encryption_enc_values_supported": ContentEncryption::ALL.map(ContentEncryption::as_str),
        "introspection_endpoint_auth_methods_supported": confidential,
        "introspection_endpoint_auth_signing_alg_values_supported": assertions,
        "revocation_endpoint_auth_methods_supported": all,
        "revocation_endpoint_auth_signing_alg_values_supported": assertions,
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claims_supported": [
            "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash",
            "name", "preferred_username", "email", "email_verified"
        ],
        "authorization_response_iss_parameter_supported": true,
        "claims_parameter_supported": false,
        "request_parameter_supported": true,
        "request_uri_parameter_supported": true,
        "require_request_uri_registration": true,
        "require_signed_request_object": settings.require_signed_request_object,
        "request_object_signing_alg_values_supported": names(&mut settings.request_object_algorithms.iter()),
        "request_object_encryption_alg_values_supported": [KeyManagement::EcdhEs.as_str()],
        "request_object_encryption_enc_values_supported": ENCRYPTIONS.map(ContentEncryption::as_str),
        "authorization_signing_alg_values_supported": signing,
        "authorization_encryption_alg_values_supported": public_key_management(),
        "authorization_encryption_enc_values_supported": ContentEncryption::ALL.map(ContentEncryption::as_str),
    });
    if let Some(members) = document.as_object_mut() {
        members.extend(registration(settings));
        // RFC 9449 §5.1.
        let proofs = names(&mut dpop::algorithms().iter());
        members.insert("dpop_signing_alg_values_supported".to_owned(), json!(proofs));
        members.extend(acr_values(settings));
        members.extend(authorization_details_types(settings));
        members.extend(backchannel(settings));
        if settings.mtls_url.is_some() {
            let aliases = aliases(settings, members);
            members.insert("tls_client_certificate_bound_access_tokens".to_owned(), true.into());
            members.insert("mtls_endpoint_aliases".to_owned(), aliases.into());
        }
    }
    Arc::from(document.to_string().into_bytes())
}

/// How clients that nobody registered may come (RFC 7591 §3; Client ID Metadata Documents, "Authorization Server
/// Metadata").
fn registration(settings: &Settings) -> impl Iterator<Item = (String, Value)> {
    let endpoint = (settings.registration.access != RegistrationAccess::Off)
        .then(|| ("registration_endpoint".to_owned(), json!(settings.endpoints.registration)));
    let documents =
        ("client_id_metadata_document_supported".to_owned(), json!(settings.client_documents.is_some()));
    endpoint.into_iter().chain([documents])
}

/// Classes of sign-ins (OpenID Connect Discovery §3), where the operator has any.
fn acr_values(settings: &Settings) -> Option<(String, Value)> {
    let classes: Vec<&str> = settings.acr_classes.iter().map(|class| class.acr.as_str()).collect();
    (!classes.is_empty()).then(|| ("acr_values_supported".to_owned(), json!(classes)))
}

/// Types of authorization details (RFC 9396 §10), where the operator has any: RFC 8414 §3.2 has no empty lists.
fn authorization_details_types(settings: &Settings) -> Option<(String, Value)> {
    let types: Vec<_> = settings.authorization_details_types.keys().collect();
    (!types.is_empty()).then(|| ("authorization_details_types_supported".to_owned(), json!(types)))
}

/// OpenID Connect CIBA §4.
fn backchannel(settings: &Settings) -> [(String, Value); 4] {
    // What a ping needs is kept sealed.
    let can_seal = settings.master_key.is_some();
    let modes =
        TokenDeliveryMode::ALL.into_iter().filter(|mode| can_seal || *mode == TokenDeliveryMode::Poll);
    let modes: Vec<_> = modes.map(TokenDeliveryMode::as_str).collect();
    let algorithms: Vec<_> = settings.request_object_algorithms.iter().map(Algorithm::as_str).collect();
    [
        ("backchannel_authentication_endpoint", json!(settings.endpoints.backchannel_authentication)),
        ("backchannel_token_delivery_modes_supported", json!(modes)),
        ("backchannel_authentication_request_signing_alg_values_supported", json!(algorithms)),
        ("backchannel_user_code_parameter_supported", json!(false)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
}

/// The ways to send a key that need nothing but the other's public one.
fn public_key_management() -> Vec<&'static str> {
    let is_public = |known: &KeyManagement| {
        matches!(
            known,
            KeyManagement::RsaOaep
                | KeyManagement::RsaOaep256
                | KeyManagement::EcdhEs
                | KeyManagement::EcdhEsA128KW
                | KeyManagement::EcdhEsA256KW
        )
    };
    KeyManagement::ALL.into_iter().filter(is_public).map(KeyManagement::as_str).collect()
}

/// RFC 8705 §5: each endpoint that a client calls itself, below the address that asks for certificates.
fn aliases(settings: &Settings, document: &Map<String, Value>) -> Map<String, Value> {
    // A browser goes to these, and would ask the person for a certificate.
    const OF_BROWSERS: [&str; 2] = ["authorization_endpoint", "end_session_endpoint"];
    let endpoints = document
        .iter()
        .filter(|(name, _)| name.ends_with("_endpoint") && !OF_BROWSERS.contains(&name.as_str()));
    let alias = |url: &Value| url.as_str().and_then(|url| settings.mtls_alias(url));
    endpoints.filter_map(|(name, url)| Some((name.clone(), alias(url)?.into()))).collect()
}

/// How confidential clients can authenticate here.
pub(crate) fn methods(settings: &Settings) -> impl Iterator<Item = ClientAuthentication> + use<> {
    let by_secret = settings.master_key.is_some().then_some(ClientAuthentication::ClientSecretJwt);
    let by_certificate = [ClientAuthentication::TlsClientAuth, ClientAuthentication::SelfSignedTlsClientAuth];
    let has_address = settings.mtls_url.is_some();
    let by_certificate = by_certificate.into_iter().filter(move |_| has_address);
    let always = [
        ClientAuthentication::ClientSecretBasic,
        ClientAuthentication::ClientSecretPost,
        ClientAuthentication::PrivateKeyJwt,
    ];
    always.into_iter().chain(by_secret).chain(by_certificate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_clients_look_for() {
        let settings = Settings::new("https://id.example/tenant/").unwrap();
        let document = document(&settings, &[Algorithm::ES256, Algorithm::RS256]);
        let document: serde_json::Value = serde_json::from_slice(&document).unwrap();
        assert_eq!(document["issuer"], "https://id.example/tenant");
        assert_eq!(document["token_endpoint"], "https://id.example/tenant/token");
        assert_eq!(document["id_token_signing_alg_values_supported"], json!(["ES256", "RS256"]));
        assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
        assert_eq!(document["require_request_uri_registration"], true);
        assert_eq!(document["pushed_authorization_request_endpoint"], "https://id.example/tenant/par");
        let assertions = document["token_endpoint_auth_signing_alg_values_supported"].as_array().unwrap();
        assert!(!assertions.iter().any(|name| name.as_str().unwrap().starts_with("HS") || name == "none"));
        let empty: Vec<_> =
            document.as_object().unwrap().iter().filter(|(_, value)| **value == json!([])).collect();
        assert!(empty.is_empty(), "{empty:?}");
    }
}
