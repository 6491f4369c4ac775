//! Clients with certificates: by which name they are known (RFC 8705 §2.1.2), and to which key their tokens are bound
//! (RFC 8705 §3.4, RFC 9449 §5.2).

use std::net::IpAddr;

use countersign_access::DistinguishedName;
use countersign_model::{CertificateName, ClientAuthentication};
use url::Url;

use super::{Members, RegistrationRefusal};

/// The metadata names of the kinds of names.
const NAMES: [&str; 5] = [
    "tls_client_auth_subject_dn",
    "tls_client_auth_san_dns",
    "tls_client_auth_san_uri",
    "tls_client_auth_san_ip",
    "tls_client_auth_san_email",
];
/// Longest name, in bytes.
const LONGEST: usize = 1_024;

/// What the client's access tokens are bound to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Binding {
    pub(super) certificate: bool,
    pub(super) dpop: bool,
}

/// RFC 8705 §2.1.2: exactly one name, for `tls_client_auth` and for nothing else.
pub(super) fn name(
    asked: &Members,
    method: ClientAuthentication,
) -> Result<Option<CertificateName>, RegistrationRefusal> {
    let mut found = None;
    for member in NAMES {
        let Some(text) = asked.text(member)? else { continue };
        let refused = |fault| RegistrationRefusal::metadata(member, fault);
        if method != ClientAuthentication::TlsClientAuth {
            return Err(refused("it goes with tls_client_auth alone"));
        }
        if found.is_some() {
            return Err(refused("one name of the certificate, not two"));
        }
        found = Some(read(member, text).ok_or(refused("it is no such name"))?);
    }
    if found.is_none() && method == ClientAuthentication::TlsClientAuth {
        let fault = "tls_client_auth needs it, or another name of the certificate";
        return Err(RegistrationRefusal::metadata("tls_client_auth_subject_dn", fault));
    }
    Ok(found)
}

/// What could never be the name of a certificate is none.
fn read(member: &str, text: &str) -> Option<CertificateName> {
    if text.len() > LONGEST || text.chars().any(char::is_control) {
        return None;
    }
    let own = text.to_owned();
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    match member {
        "tls_client_auth_subject_dn" => {
            text.parse::<DistinguishedName>().ok().map(|_| CertificateName::SubjectDn(own))
        }
        "tls_client_auth_san_dns" => {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'*');
            text.bytes().all(fits).then_some(CertificateName::SanDns(own))
        }
        "tls_client_auth_san_uri" => {
            (is_plain && Url::parse(text).is_ok()).then_some(CertificateName::SanUri(own))
        }
        "tls_client_auth_san_ip" => text.parse::<IpAddr>().ok().map(CertificateName::SanIp),
        "tls_client_auth_san_email" => {
            let parts = text.rsplit_once('@').filter(|(name, host)| !name.is_empty() && !host.is_empty());
            parts.filter(|_| is_plain).map(|_| CertificateName::SanEmail(own))
        }
        _ => None,
    }
}

/// To a certificate, to a DPoP key, or to neither. `certificates`: whether there is an address where one can be shown.
pub(super) fn binding(asked: &Members, certificates: bool) -> Result<Binding, RegistrationRefusal> {
    let (by_certificate, by_proof) =
        ("tls_client_certificate_bound_access_tokens", "dpop_bound_access_tokens");
    let certificate = asked.flag(by_certificate)?.unwrap_or(false);
    let dpop = asked.flag(by_proof)?.unwrap_or(false);
    if certificate && !certificates {
        return Err(RegistrationRefusal::metadata(by_certificate, "it is not offered"));
    }
    // A token has one `cnf` here: bound to both it would be accepted nowhere.
    if certificate && dpop {
        let fault = "tokens are bound to a certificate or to a key, not to both";
        return Err(RegistrationRefusal::metadata(by_proof, fault));
    }
    Ok(Binding { certificate, dpop })
}
