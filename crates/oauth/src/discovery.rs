//! The metadata of the server (RFC 8414 §2, OpenID Connect Discovery §3), serialised once.

use std::sync::Arc;

use countersign_jose::Algorithm;
use countersign_model::GrantType;
use serde_json::{Value, json};

use crate::Settings;
use crate::register::RegistrationAccess;

/// One document for both well-known addresses: what either specification doesn't know, its readers ignore.
pub(crate) fn document(settings: &Settings, algorithms: &[Algorithm]) -> Arc<[u8]> {
    let names = |algorithms: &mut dyn Iterator<Item = Algorithm>| -> Vec<&'static str> {
        algorithms.map(Algorithm::as_str).collect()
    };
    let signing = names(&mut algorithms.iter().copied());
    let assertions = names(&mut settings.assertion_algorithms.iter());
    let confidential = ["client_secret_basic", "client_secret_post", "private_key_jwt"];
    let all = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"];
    let scopes = settings.scopes.union(&settings.resources.scopes());
    let scopes: Vec<&str> = scopes.iter().map(countersign_model::Scope::as_str).collect();
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
        "scopes_supported": scopes,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": GrantType::ALL.map(GrantType::as_str),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": signing,
        "token_endpoint_auth_methods_supported": all,
        "token_endpoint_auth_signing_alg_values_supported": assertions,
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
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
    });
    if let Some(members) = document.as_object_mut() {
        members.extend(registration(settings));
        members.extend(acr_values(settings));
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
        assert_eq!(document["request_uri_parameter_supported"], false);
        let assertions = document["token_endpoint_auth_signing_alg_values_supported"].as_array().unwrap();
        assert!(!assertions.iter().any(|name| name.as_str().unwrap().starts_with("HS") || name == "none"));
    }
}
