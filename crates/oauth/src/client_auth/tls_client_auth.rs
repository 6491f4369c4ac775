//! `tls_client_auth` (RFC 8705 §2.1): a certificate of an authority that is trusted here, with the one name that is
//! registered for the client.

use countersign_access::{CertificateFacts, DistinguishedName};
use countersign_model::{CertificateName, Client};

use crate::{ClientCertificate, ClientRefusal};

pub(super) fn check(client: &Client, shown: Option<ClientCertificate<'_>>) -> Result<(), ClientRefusal> {
    let facts = match shown {
        Some(ClientCertificate::Vouched(certificate)) => certificate.facts(),
        // RFC 8705 §2.1: the chain is validated first; what TLS did not believe says nothing here.
        Some(ClientCertificate::Unvouched(_)) => return Err(ClientRefusal::CertificateUnvouched),
        None => return Err(ClientRefusal::CertificateAbsent),
    };
    // RFC 8705 §2.1.2: exactly one name is registered; without one nobody is let in.
    let registered = client.certificate_name.as_ref().ok_or(ClientRefusal::CertificateName)?;
    if has(facts, registered) { Ok(()) } else { Err(ClientRefusal::CertificateName) }
}

fn has(facts: &CertificateFacts, registered: &CertificateName) -> bool {
    match registered {
        CertificateName::SubjectDn(name) => {
            let wanted = name.parse::<DistinguishedName>();
            let subject = DistinguishedName::from_der(&facts.subject_der);
            matches!((wanted, subject), (Ok(wanted), Ok(subject)) if wanted == subject)
        }
        // RFC 4343 §3: case does not matter. A wildcard in a certificate is a name like any other here.
        CertificateName::SanDns(name) => facts.dns_names.iter().any(|known| known.eq_ignore_ascii_case(name)),
        CertificateName::SanUri(uri) => facts.uris.iter().any(|known| **known == **uri),
        // RFC 8705 §2.1.2: compared as addresses, not as texts. IPv4 mapped into IPv6 is another address.
        CertificateName::SanIp(address) => facts.addresses.contains(address),
        CertificateName::SanEmail(email) => facts.emails.iter().any(|known| is_same_mailbox(known, email)),
    }
}

/// RFC 5280 §7.5: the host without case, the rest exactly.
fn is_same_mailbox(one: &str, other: &str) -> bool {
    match (one.rsplit_once('@'), other.rsplit_once('@')) {
        (Some((name, host)), Some((other_name, other_host))) => {
            name == other_name && host.eq_ignore_ascii_case(other_host)
        }
        _ => false,
    }
}
