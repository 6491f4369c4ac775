//! Certificates of our own listeners: from files or from the built-in authority, renewed while running.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::path::PathBuf;

use countersign_ca::{Authority, DnsName, IssueRequest, Name};
use countersign_model::{Subject, Timestamp};
use countersign_net::{Alpn, ClientAuth, ClientTrust, Crl, ServerTlsSettings, TlsMaterial, TrustBundle};
use countersign_store::Store;

use super::{files, routes};
use crate::config::checked::{Gateway, ServerMtls, Tls};
use crate::config::raw::RawClientCertificates;
use crate::output::Failure;

/// A listener's certificate, and when it should be replaced; `None` when that is the operator's business.
pub(super) struct Own {
    pub(super) material: TlsMaterial,
    pub(super) renew_at: Option<Timestamp>,
}

/// Reads or issues the certificate of a listener.
///
/// # Errors
/// When a file can't be used, or the authority refuses a name.
pub(super) async fn own(tls: &Tls, authority: &Authority<Store>) -> Result<Own, Failure> {
    match tls {
        Tls::Files { certificate, key } => {
            Ok(Own { material: from_files(certificate, key)?, renew_at: None })
        }
        Tls::BuiltIn { names } => {
            let names = names.iter().map(|name| read_name(name)).collect::<Result<Vec<_>, _>>()?;
            let subject = Subject::from("countersign");
            let request = IssueRequest { profile: "server".to_owned(), subject, names, lifetime: None };
            let made = authority.issue_with_new_key(&request).await?;
            let material = TlsMaterial::from_der("built-in authority", made.issued.chain.clone(), &made.key)?;
            Ok(Own { material, renew_at: Some(made.issued.renew_at()) })
        }
    }
}

/// A chain and its key from two PEM files.
pub(super) fn from_files(certificate: &Path, key: &Path) -> Result<TlsMaterial, Failure> {
    let (chain_pem, key_pem) = (files::read(certificate)?, files::read(key)?);
    let (chain, key) = (certificate.display().to_string(), key.display().to_string());
    Ok(TlsMaterial::from_pem((&chain, &chain_pem), (&key, &key_pem))?)
}

pub(super) fn read_name(text: &str) -> Result<Name, Failure> {
    match text.parse::<IpAddr>() {
        Ok(address) => Ok(Name::Ip(address)),
        Err(_) => Ok(Name::Dns(text.parse::<DnsName>()?)),
    }
}

/// TLS of the authorization server: no client certificates are asked for, because browsers come here.
pub(super) fn server(own: &Own) -> ServerTlsSettings {
    ServerTlsSettings::new(own.material.clone())
}

/// TLS of the authorization server's address for clients with certificates: those that our own authority or one of the
/// bundles vouches for, and, apart from them, those that clients made themselves (RFC 8705 §2.1, §2.2).
///
/// # Errors
/// When a trust bundle can't be read or the list can't be made.
pub(super) async fn server_mtls(
    config: &ServerMtls,
    own: &Own,
    authority: &Authority<Store>,
) -> Result<ServerTlsSettings, Failure> {
    let trust = trust(&config.trust_bundles, authority).await?;
    let client_auth = ClientAuth::OptionalUnvouched(trust);
    Ok(ServerTlsSettings { client_auth, ..ServerTlsSettings::new(own.material.clone()) })
}

/// TLS of the gateway: client certificates as configured, with the current revocation list of our own authority.
///
/// # Errors
/// When a trust bundle can't be read or the list can't be made.
pub(super) async fn gateway(
    config: &Gateway,
    own: &Own,
    authority: &Authority<Store>,
) -> Result<ServerTlsSettings, Failure> {
    let client_auth = match config.client_certificates {
        RawClientCertificates::Off => ClientAuth::Off,
        RawClientCertificates::Optional => {
            ClientAuth::Optional(trust(&config.trust_bundles, authority).await?)
        }
        RawClientCertificates::Required => {
            ClientAuth::Required(trust(&config.trust_bundles, authority).await?)
        }
        RawClientCertificates::Unvouched => {
            ClientAuth::OptionalUnvouched(trust(&config.trust_bundles, authority).await?)
        }
    };
    Ok(ServerTlsSettings {
        certificates: vec![own.material.clone()],
        client_auth,
        alpn: vec![Alpn::Http2, Alpn::Http1],
    })
}

async fn trust(
    others: &BTreeMap<String, PathBuf>,
    authority: &Authority<Store>,
) -> Result<ClientTrust, Failure> {
    let built_in = authority.trust_bundle_pem();
    let mut bundles = vec![TrustBundle::from_pem("own", "built-in authority", built_in.as_bytes())?];
    for (name, file) in others {
        bundles.push(routes::bundle(name, file)?);
    }
    let crl = authority.crl().await?;
    let crls = vec![Crl::from_bytes("built-in authority", &crl.der)?];
    Ok(ClientTrust { bundles, crls, require_revocation_status: false })
}
