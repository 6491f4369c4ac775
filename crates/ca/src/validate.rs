//! Reads what was signed as a stranger would, and compares it with what was meant.

use std::collections::BTreeSet;
use std::time::Duration;

use countersign_model::Timestamp;
use rcgen::PublicKeyData as _;
use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::csr::{PublicKey, address};
use crate::hierarchy::Hierarchy;
use crate::name::Name;
use crate::template::Template;

/// Checks a freshly signed leaf: every field against the template, and the chain up to the root.
pub(crate) fn validate(
    der: &[u8],
    template: &Template,
    key: &PublicKey,
    hierarchy: &Hierarchy,
    now: Timestamp,
) -> Result<(), String> {
    let (rest, leaf) = X509Certificate::from_der(der).map_err(|error| error.to_string())?;
    let holds = |condition: bool, what: &str| if condition { Ok(()) } else { Err(what.to_owned()) };
    holds(rest.is_empty(), "there is more after it")?;
    holds(leaf.raw_serial() == template.serial, "another serial number")?;
    holds(leaf.public_key().raw == key.0.subject_public_key_info(), "another public key")?;
    holds(leaf.validity().not_before.timestamp() == template.not_before.seconds(), "another beginning")?;
    holds(leaf.validity().not_after.timestamp() == template.not_after.seconds(), "another end")?;
    holds(!leaf.is_ca(), "it is an authority")?;
    fields(&leaf, template)?;
    chain(der, template, hierarchy, now)
}

/// Names, usages and the set of extensions.
fn fields(leaf: &X509Certificate<'_>, template: &Template) -> Result<(), String> {
    let (mut names, mut usages) = (BTreeSet::new(), None);
    for extension in leaf.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(found) => {
                for general in &found.general_names {
                    names.insert(name(general).ok_or("a name that can't be read")?);
                }
            }
            ParsedExtension::KeyUsage(usage) => {
                // Bit 0, digitalSignature, and no other (RFC 5280 §4.2.1.3).
                if usage.flags != 1 || !extension.critical {
                    return Err("another key usage".to_owned());
                }
            }
            ParsedExtension::ExtendedKeyUsage(usage) => {
                let others = usage.any
                    || usage.code_signing
                    || usage.email_protection
                    || usage.time_stamping
                    || usage.ocsp_signing
                    || !usage.other.is_empty();
                usages = Some((usage.server_auth, usage.client_auth, others));
            }
            ParsedExtension::BasicConstraints(_)
            | ParsedExtension::SubjectKeyIdentifier(_)
            | ParsedExtension::AuthorityKeyIdentifier(_)
            | ParsedExtension::CRLDistributionPoints(_) => {}
            _ => return Err(format!("an extension nobody asked for: {}", extension.oid)),
        }
    }
    if names != template.names.iter().cloned().collect() {
        return Err("other names".to_owned());
    }
    if usages != Some((template.usage.server(), template.usage.client(), false)) {
        return Err("other extended key usages".to_owned());
    }
    Ok(())
}

/// The path to the root, by the rules the other side will apply (RFC 5280 §6).
fn chain(der: &[u8], template: &Template, hierarchy: &Hierarchy, now: Timestamp) -> Result<(), String> {
    let leaf = CertificateDer::from(der);
    let intermediate = [CertificateDer::from(hierarchy.intermediate.certificate.as_slice())];
    let root = CertificateDer::from(hierarchy.root.as_slice());
    let anchors = [anchor_from_trusted_cert(&root).map_err(|error| error.to_string())?];
    let leaf = EndEntityCert::try_from(&leaf).map_err(|error| error.to_string())?;
    let seconds = Duration::from_secs(now.since(Timestamp::EPOCH).as_secs());
    let mut wanted = Vec::new();
    if template.usage.server() {
        wanted.push(KeyUsage::server_auth());
    }
    if template.usage.client() {
        wanted.push(KeyUsage::client_auth());
    }
    for usage in wanted {
        leaf.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &anchors,
            &intermediate,
            UnixTime::since_unix_epoch(seconds),
            usage,
            None,
            None,
        )
        .map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn name(general: &GeneralName<'_>) -> Option<Name> {
    match general {
        GeneralName::DNSName(text) => text.parse().ok().map(Name::Dns),
        GeneralName::URI(text) => text.parse().ok().map(Name::Spiffe),
        GeneralName::IPAddress(bytes) => address(bytes).map(Name::Ip),
        _ => None,
    }
}
