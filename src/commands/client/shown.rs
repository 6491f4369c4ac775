//! A client as it is shown: to eyes and to programs.

use countersign_model::{Client, ClientStatus, SecretString};
use serde_json::{Value, json};

use super::super::secrets::{SecretSink, Shown};
use super::{authorization, backchannel, policy};
use crate::output::{Failure, Format, facts, moment};

pub(super) fn print_with_secret(
    client: &Client,
    secret: Option<&SecretString>,
    sink: &SecretSink,
    done: &str,
    format: Format,
) -> Result<(), Failure> {
    let shown = secret.map(|secret| sink.put(secret)).transpose()?;
    let mut document = value(client);
    if let Value::Object(object) = &mut document {
        if let Some(secret) = shown.as_ref().and_then(Shown::value) {
            object.insert("client_secret".to_owned(), json!(secret));
        }
        if let Some(file) = shown.as_ref().and_then(Shown::file) {
            object.insert("client_secret_file".to_owned(), json!(file));
        }
    }
    format.print(&document, || {
        let mut text = format!("client {} {done}", client.client_id);
        if let Some(secret) = shown.as_ref().and_then(Shown::value) {
            text.push_str(&format!(
                "\nclient secret: {secret}\nIt is not kept in the clear, and not shown again."
            ));
        }
        text
    })
}

pub(super) fn status(client: &Client) -> &'static str {
    match client.status {
        ClientStatus::Enabled if client.owner_disabled => "disabled with its owner",
        ClientStatus::Enabled => "enabled",
        ClientStatus::Disabled => "disabled",
    }
}

fn certificate(client: &Client) -> String {
    let name = client.certificate_name.as_ref();
    name.map_or_else(String::new, |name| format!("{} {}", name.parameter(), name.value()))
}

fn binding(client: &Client) -> &'static str {
    match (client.tls_client_certificate_bound_access_tokens, client.dpop_bound_access_tokens) {
        (true, _) => "its certificate",
        (false, true) => "a DPoP key",
        (false, false) => "a DPoP key where a proof is sent",
    }
}

pub(super) fn grants(client: &Client) -> String {
    client.grant_types.iter().map(|grant| grant.as_str()).collect::<Vec<_>>().join(" ")
}

/// Everything but the secrets' hashes.
pub(super) fn value(client: &Client) -> Value {
    let mut value = json!({
        "client_id": client.client_id,
        "client_name": client.client_name,
        "status": client.status,
        "token_endpoint_auth_method": client.authentication,
        "grant_types": client.grant_types,
        "redirect_uris": client.redirect_uris,
        "scope": client.scopes,
        "default_scope": client.default_scopes,
        "audiences": client.audiences,
        "access_token_format": client.access_token_format,
        "first_party": client.first_party,
        "may_introspect": client.may_introspect,
        "secrets": client.secrets.len() + client.sealed_secrets.len(),
        "certificate_name": client.certificate_name,
        "tls_client_certificate_bound_access_tokens": client.tls_client_certificate_bound_access_tokens,
        "dpop_bound_access_tokens": client.dpop_bound_access_tokens,
        "created_at": client.created_at.seconds(),
    });
    for own in [authorization::members(client), backchannel::members(client), policy::members(client)] {
        if let (Value::Object(all), Value::Object(own)) = (&mut value, own) {
            all.extend(own);
        }
    }
    value
}

pub(super) fn describe(client: &Client) -> String {
    facts([
        ("id", client.client_id.to_string()),
        ("name", client.client_name.clone()),
        ("status", status(client).to_owned()),
        ("authentication", client.authentication.as_str().to_owned()),
        ("profile", client.profile.to_string()),
        ("secrets", (client.secrets.len() + client.sealed_secrets.len()).to_string()),
        ("certificate", certificate(client)),
        ("tokens bound to", binding(client).to_owned()),
        ("grants", grants(client)),
        ("redirect URIs", client.redirect_uris.join(" ")),
        ("scopes", client.scopes.to_string()),
        ("default scopes", client.default_scopes.to_string()),
        ("audiences", client.audiences.join(" ")),
        ("access tokens", policy::access_tokens(client)),
        ("refresh tokens live", policy::refresh_tokens(client)),
        ("people may leave out", policy::optional_scopes(client)),
        ("owner", client.owner.as_ref().map_or_else(|| "the operator".to_owned(), ToString::to_string)),
        ("first party", yes_no(client.first_party)),
        ("may introspect", yes_no(client.may_introspect)),
        ("created", moment(client.created_at)),
    ])
}

fn yes_no(answer: bool) -> String {
    if answer { "yes" } else { "no" }.to_owned()
}
