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

#[cfg(test)]
mod tests {
    use countersign_model::{Clock, Env, SystemRng};
    use rcgen::{
        BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, IsCa, Issuer,
    };
    use rcgen::{KeyPair, KeyUsagePurpose, SanType};

    use super::*;
    use crate::hierarchy::CaMaterial;
    use crate::profile::Usage;
    use crate::template::build;

    type Change<'c> = &'c dyn Fn(&mut CertificateParams);

    const NOW: Timestamp = Timestamp::from_seconds(1_767_225_600);

    struct Fixed;

    impl Clock for Fixed {
        fn now(&self) -> Timestamp {
            NOW
        }
    }

    #[test]
    fn nothing_but_what_was_meant_passes() {
        let env = Env { clock: std::sync::Arc::new(Fixed), rng: std::sync::Arc::new(SystemRng) };
        let hour = Duration::from_secs(3600);
        let root = CaMaterial::create_root("Root", &env).unwrap();
        let intermediate = root.create_intermediate("Intermediate", hour * 48, &env).unwrap();
        let hierarchy = Hierarchy { root: root.certificate.clone(), intermediate };
        let other = CaMaterial::create_root("Root", &env).unwrap();
        let issuer = |material: &CaMaterial| {
            let key = material.signing_key("test").unwrap();
            Issuer::from_ca_cert_der(&material.certificate.as_slice().into(), key).unwrap()
        };
        let (ours, foreign) = (issuer(&hierarchy.intermediate), issuer(&other));
        let key = KeyPair::generate().unwrap();
        let public = crate::csr::public_key(&key.subject_public_key_info()).unwrap();
        let template = Template {
            serial: vec![0x41; 20],
            usage: Usage::Client,
            names: vec!["a.example.com".parse().unwrap()],
            not_before: NOW.minus(hour),
            not_after: NOW.plus(hour),
            crl_url: Some("http://crl.example.com/".into()),
        };
        let check = |issuer: &Issuer<'static, crate::key::CaKey>, change: Change<'_>| {
            let mut params = build(&template).unwrap();
            change(&mut params);
            let der = params.signed_by(&key, issuer).unwrap().der().to_vec();
            validate(&der, &template, &public, &hierarchy, NOW)
        };
        check(&ours, &|_| {}).unwrap();
        assert!(check(&foreign, &|_| {}).is_err());
        let another = "b.example.com";
        let changes: [(&str, Change<'_>); 9] = [
            ("another serial number", &|params| params.serial_number = Some(7_u64.into())),
            ("another end", &|params| params.not_after += time::Duration::HOUR),
            ("another beginning", &|params| params.not_before -= time::Duration::HOUR),
            ("it is an authority", &|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
            ("other names", &|params| {
                params.subject_alt_names.push(SanType::DnsName(another.try_into().unwrap()));
            }),
            ("other names", &|params| params.subject_alt_names.clear()),
            ("another key usage", &|params| params.key_usages.push(KeyUsagePurpose::KeyCertSign)),
            ("other extended key usages", &|params| {
                params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
            }),
            ("an extension nobody asked for: 1.2.3.4", &|params| {
                params.custom_extensions.push(CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]));
            }),
        ];
        for (reason, change) in changes {
            assert_eq!(check(&ours, change).unwrap_err(), reason);
        }
        // The authority's end comes before the leaf's check.
        let der = build(&template).unwrap().signed_by(&key, &ours).unwrap().der().to_vec();
        assert!(validate(&der, &template, &public, &hierarchy, NOW.plus(hour * 49)).is_err());
    }
}
