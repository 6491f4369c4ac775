//! Client certificates, as credential and as channel.

use std::collections::HashSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_model::Method::{ApiKey, Jwt, Mtls};
use countersign_model::{Assurance, Timestamp};
use http::StatusCode;
use rcgen::{CertificateParams, DnType, KeyPair, KeyUsagePurpose, SanType};
use serde_json::json;

use super::support::*;
use crate::*;

fn der(change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.not_before = rcgen::date_time_ymd(2023, 1, 1);
    params.not_after = rcgen::date_time_ymd(2024, 1, 1);
    change(&mut params);
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
}

fn certificate(change: impl FnOnce(&mut CertificateParams)) -> Arc<PeerCertificate> {
    vouched(&[OWN], change)
}

fn vouched(bundles: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Arc<PeerCertificate> {
    Arc::new(PeerCertificate::from_der(&der(change), bundles.iter().copied()).unwrap())
}

fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

fn dns(text: &str) -> SanType {
    SanType::DnsName(text.try_into().unwrap())
}

fn spiffe(id: &str) -> Arc<PeerCertificate> {
    certificate(|params| params.subject_alt_names = vec![uri(id)])
}

async fn ask(world: &World, rule: &Rule, certificate: &Arc<PeerCertificate>, now: Timestamp) -> Decision {
    world.ask_as(rule, &Ask { certificate: Some(Arc::clone(certificate)), ..Ask::default() }, now).await
}

#[test]
fn a_certificate_says_what_it_says() {
    let certificate = certificate(|params| {
        params.distinguished_name.push(DnType::CommonName, "billing");
        params.serial_number = Some(rcgen::SerialNumber::from_slice(&[0x0a, 0xff]));
        params.subject_alt_names = vec![
            dns("Billing.Example.COM"),
            SanType::IpAddress("192.0.2.7".parse().unwrap()),
            SanType::Rfc822Name("a@example.com".try_into().unwrap()),
        ];
    });
    let facts = certificate.facts();
    assert_eq!(facts.common_name.as_deref(), Some("billing"));
    assert_eq!(facts.dns_names, ["billing.example.com".into()]);
    assert_eq!(facts.addresses, ["192.0.2.7".parse::<std::net::IpAddr>().unwrap()]);
    assert_eq!(facts.emails, ["a@example.com".into()]);
    assert_eq!(facts.serial.as_str(), "0aff");
    assert_eq!(facts.not_after, Timestamp::from_seconds(1_704_067_200));
    assert_eq!((facts.spiffe_id.as_deref(), &*facts.bundles), (None, &[OWN.into()][..]));
}

#[test]
fn a_certificate_that_comes_back_is_the_same_unless_another_bundle_vouches() {
    let access = World::new().access;
    let (one, other) = (der(|_| {}), der(|_| {}));
    let read = |der: &[u8], bundles: &[&str]| access.peer_certificate(der, bundles.iter().copied()).unwrap();
    let first = read(&one, &["internal"]);
    assert!(Arc::ptr_eq(&first, &read(&one, &["internal"])));
    assert!(!Arc::ptr_eq(&first, &read(&other, &["internal"])));
    for bundles in [&["partners"][..], &["internal", "partners"], &[]] {
        assert!(read(&one, bundles).facts().bundles.iter().map(|name| &**name).eq(bundles.iter().copied()));
    }
    assert!(access.peer_certificate(b"no certificate", std::iter::empty()).is_err());
}

#[test]
fn svids_that_break_the_rules_are_refused() {
    let refused = |change: fn(&mut CertificateParams)| {
        let der = der(|params| {
            params.subject_alt_names = vec![uri("spiffe://example.com/billing")];
            change(params);
        });
        PeerCertificate::from_der(&der, []).err() == Some(InvalidCertificate::SpiffeId)
    };
    assert!(!refused(|_| {}));
    assert!(refused(|params| params.subject_alt_names.push(uri("spiffe://example.com/other"))));
    assert!(refused(|params| params.subject_alt_names.push(uri("https://example.com"))));
    assert!(refused(|params| params.subject_alt_names = vec![uri("spiffe://Example.com/billing")]));
    assert!(refused(|params| params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained)));
    assert!(refused(|params| params.key_usages.push(KeyUsagePurpose::KeyCertSign)));
    assert!(refused(|params| params.key_usages.push(KeyUsagePurpose::CrlSign)));
    assert!(refused(|params| params.key_usages = vec![KeyUsagePurpose::KeyEncipherment]));
    let good = der(|_| {});
    for end in 0..good.len() {
        assert!(PeerCertificate::from_der(&good[..end], []).is_err());
    }
    assert!(PeerCertificate::from_der(&[good, vec![0]].concat(), []).is_err());
}

#[tokio::test]
async fn names_become_subjects() {
    let world = World::with(|settings| {
        settings.certificate_scopes = vec![
            CertificateScopes {
                bundle: OWN.to_owned(),
                name: "spiffe://example.com/*".to_owned(),
                scopes: "orders.read".parse().unwrap(),
            },
            CertificateScopes {
                bundle: OWN.to_owned(),
                name: "spiffe://example.com/billing".to_owned(),
                scopes: "orders.write".parse().unwrap(),
            },
        ];
    });
    let rule = rule(&[Mtls], |_| {});
    let billing = spiffe("spiffe://example.com/billing");
    let first = identity(&ask(&world, &rule, &billing, at(0)).await);
    assert_eq!(
        (first.subject.as_str(), first.issuer.as_str()),
        ("spiffe://example.com/billing", "spiffe://example.com")
    );
    assert_eq!((first.method, first.assurance), (Mtls, Assurance::ProofOfPossession));
    assert_eq!(first.scopes.to_string(), "orders.read orders.write");
    let second = identity(&ask(&world, &rule, &billing, at(1)).await);
    assert!(Arc::ptr_eq(&first, &second));

    let named =
        certificate(|params| params.subject_alt_names = vec![dns("a.example.com"), dns("b.example.com")]);
    let named = identity(&ask(&world, &rule, &named, at(0)).await);
    assert_eq!((named.subject.as_str(), named.issuer.as_str()), ("a.example.com", ISSUER));

    let common = certificate(|params| params.distinguished_name.push(DnType::CommonName, "old"));
    assert_eq!(word(&ask(&world, &rule, &common, at(0)).await), "certificate_without_name");
    let lax = World::with(|settings| settings.subject_from_common_name = true);
    assert_eq!(word(&ask(&lax, &rule, &common, at(0)).await), "ok old");
}

#[tokio::test]
async fn another_authority_can_not_give_our_names() {
    let partner = || "partner".to_owned();
    let world = World::with(|settings| {
        settings.trust_domains.push(TrustDomain { name: "partner.example".to_owned(), bundle: partner() });
        settings.certificate_scopes = vec![
            CertificateScopes {
                bundle: OWN.to_owned(),
                name: "*".to_owned(),
                scopes: "orders.write".parse().unwrap(),
            },
            CertificateScopes {
                bundle: partner(),
                name: "a.*".to_owned(),
                scopes: "orders.read".parse().unwrap(),
            },
        ];
    });
    let by_partner = |id: &str| vouched(&["partner"], |params| params.subject_alt_names = vec![uri(id)]);
    let ours = rule(&[Mtls], |_| {});
    let both = rule(&[Mtls], |r| r.trust_bundles.push(partner()));
    let theirs = rule(&[Mtls], |r| r.trust_bundles = vec![partner()]);
    let (id, foreign) = ("spiffe://example.com/billing", "spiffe://partner.example/billing");
    // Our ID from their authority, and theirs from ours, are nobody's.
    let forged = "certificate_foreign_trust_domain";
    for rule in [&ours, &both, &theirs] {
        assert_eq!(word(&ask(&world, rule, &by_partner(id), at(0)).await), forged);
        assert_eq!(word(&ask(&world, rule, &spiffe(foreign), at(0)).await), forged);
        assert_eq!(word(&ask(&world, rule, &spiffe("spiffe://other.example/a"), at(0)).await), forged);
    }
    let not_here = "certificate_bundle_not_accepted";
    assert_eq!(word(&ask(&world, &ours, &by_partner(foreign), at(0)).await), not_here);
    assert_eq!(word(&ask(&world, &theirs, &spiffe(id), at(0)).await), not_here);
    assert_eq!(word(&ask(&world, &both, &by_partner(foreign), at(0)).await), format!("ok {foreign}"));
    assert_eq!(word(&ask(&world, &both, &spiffe(id), at(0)).await), format!("ok {id}"));
    // A chain for which both vouch.
    let cross = |id: &str| vouched(&["partner", OWN], |params| params.subject_alt_names = vec![uri(id)]);
    assert_eq!(identity(&ask(&world, &both, &cross(id), at(0)).await).issuer_name.as_ref(), OWN);
    assert_eq!(identity(&ask(&world, &both, &cross(foreign), at(0)).await).issuer_name.as_ref(), "partner");

    // DNS names have no domain that says whose they are: the rule says so, and the scopes.
    let named =
        |bundle: &str| vouched(&[bundle], |params| params.subject_alt_names = vec![dns("a.example.com")]);
    let (own, other) = (named(OWN), named("partner"));
    let seen = identity(&ask(&world, &both, &other, at(0)).await);
    assert_eq!((seen.issuer.as_str(), seen.scopes.to_string().as_str()), ("partner", "orders.read"));
    assert_eq!(identity(&ask(&world, &both, &own, at(0)).await).scopes.to_string(), "orders.write");
    for (names, admits_own, admits_other) in
        [("a.example.com", true, false), ("partner:a.example.com", false, true), ("own:a.*", true, false)]
    {
        let by_name = rule(&[Mtls], |r| {
            r.trust_bundles.push(partner());
            r.certificate_names = vec![names.to_owned()];
        });
        let by_subject = rule(&[Mtls], |r| {
            r.trust_bundles.push(partner());
            r.subjects = vec![names.to_owned()];
        });
        for (rule, reason) in [(&by_name, "certificate_not_admitted"), (&by_subject, "subject_not_admitted")]
        {
            for (certificate, admits) in [(&own, admits_own), (&other, admits_other)] {
                let said = word(&ask(&world, rule, certificate, at(0)).await);
                assert_eq!(said, if admits { "ok a.example.com" } else { reason }, "{names}");
            }
        }
    }
}

#[tokio::test]
async fn time_revocation_and_policy_are_asked_on_every_request() {
    let world = World::new();
    let open = rule(&[Mtls], |_| {});
    let billing = spiffe("spiffe://example.com/billing");
    assert_eq!(word(&ask(&world, &open, &billing, at(0)).await), "ok spiffe://example.com/billing");
    let end = billing.facts().not_after;
    assert_eq!(word(&ask(&world, &open, &billing, end).await), "ok spiffe://example.com/billing");
    let after = Timestamp::from_seconds(end.seconds() + 1);
    assert_eq!(word(&ask(&world, &open, &billing, after).await), "certificate_not_valid_now");
    let before = Timestamp::from_seconds(billing.facts().not_before.seconds() - 1);
    assert_eq!(word(&ask(&world, &open, &billing, before).await), "certificate_not_valid_now");

    let admitted = rule(&[Mtls], |r| r.certificate_names = vec!["spiffe://example.com/bill*".to_owned()]);
    assert_eq!(word(&ask(&world, &admitted, &billing, at(0)).await), "ok spiffe://example.com/billing");
    let other = spiffe("spiffe://example.com/orders");
    let refused = denial(ask(&world, &admitted, &other, at(0)).await);
    assert_eq!((refused.reason(), refused.status()), ("certificate_not_admitted", StatusCode::FORBIDDEN));

    world.access.replace_revoked_certificates(HashSet::from([billing.facts().serial.clone()]));
    assert_eq!(word(&ask(&world, &open, &billing, at(0)).await), "certificate_revoked");
    assert_eq!(word(&ask(&world, &open, &other, at(0)).await), "ok spiffe://example.com/orders");
}

#[tokio::test]
async fn a_certificate_is_the_credential_only_where_nothing_else_is() {
    let world = World::new();
    let billing = spiffe("spiffe://example.com/billing");
    let both = rule(&[Mtls, Jwt], |_| {});
    let token = format!("Bearer {}", world.token(|_| {}));
    let ask_with = async |rule: &Rule, value: &str| {
        let headers = [("Authorization", value)];
        let ask = Ask { headers: &headers, certificate: Some(billing.clone()), ..Ask::default() };
        word(&world.ask_as(rule, &ask, at(0)).await)
    };
    assert_eq!(ask_with(&both, &token).await, "ok usr_1");
    // A wrong token is not mended by a right certificate.
    assert_eq!(ask_with(&both, "Bearer a.b.c").await, "token_illegal_base64");
    assert_eq!(ask_with(&rule(&[Mtls], |_| {}), &token).await, "method_not_accepted");
    // Where it is not accepted it is only the channel.
    assert_eq!(word(&ask(&world, &rule(&[ApiKey], |_| {}), &billing, at(0)).await), "missing_credential");
    let only = denial(world.ask(&rule(&[Mtls], |_| {}), &[], at(0)).await);
    assert_eq!((only.reason(), only.status()), ("missing_credential", StatusCode::FORBIDDEN));
}

#[tokio::test]
async fn a_bound_token_counts_only_on_its_own_connection() {
    let world = World::new();
    let rule = rule(&[Jwt], |_| {});
    let (mine, other) = (spiffe("spiffe://example.com/billing"), spiffe("spiffe://example.com/billing"));
    let thumbprint = URL_SAFE_NO_PAD.encode(mine.facts().thumbprint);
    let token = format!("Bearer {}", world.token(|c| c["cnf"] = json!({"x5t#S256": thumbprint})));
    let headers = [("Authorization", token.as_str())];
    let on = async |certificate: Option<&Arc<PeerCertificate>>| {
        let ask = Ask { headers: &headers, certificate: certificate.cloned(), ..Ask::default() };
        world.ask_as(&rule, &ask, at(0)).await
    };
    // Remembered or not, every request is compared.
    for _ in 0..2 {
        assert_eq!(word(&on(None).await), "token_binding_mismatch");
        assert_eq!(word(&on(Some(&other)).await), "token_binding_mismatch");
        assert_eq!(identity(&on(Some(&mine)).await).assurance, Assurance::ProofOfPossession);
    }
    world.access.replace_revoked_certificates(HashSet::from([mine.facts().serial.clone()]));
    assert_eq!(word(&on(Some(&mine)).await), "certificate_revoked");
}

/// The SPIFFE project's own good and wrong leaves.
#[test]
fn svids_of_the_spiffe_project() {
    let beside = || std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/vectors"));
    let folder = std::env::var_os("COUNTERSIGN_VECTORS").map_or_else(beside, std::path::PathBuf::from);
    let folder = folder.join("spiffe/x509svid/testdata");
    if !folder.is_dir() {
        assert!(std::env::var_os("CI").is_none(), "the vectors are missing: {}", folder.display());
        println!("skipped: {} is missing", folder.display());
        return;
    }
    let leaf = |name: &str| {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        let start = text.find("-----BEGIN CERTIFICATE-----").unwrap() + 27;
        let end = start + text[start..].find("-----END").unwrap();
        let base64: String = text[start..end].split_whitespace().collect();
        let der = base64::engine::general_purpose::STANDARD.decode(base64).unwrap_or_default();
        PeerCertificate::from_der(&der, []).map(|certificate| certificate.facts().spiffe_id.clone())
    };
    for good in ["good-leaf-only.pem", "good-leaf-and-intermediate.pem", "good-cert-and-key.pem"] {
        assert!(matches!(leaf(good), Ok(Some(_))), "{good}: {:?}", leaf(good));
    }
    for wrong in [
        "wrong-leaf-ca-true.pem",
        "wrong-leaf-cert-sign.pem",
        "wrong-leaf-crl-sign.pem",
        "wrong-leaf-empty-id.pem",
        "wrong-leaf-no-digital-signature.pem",
        "corrupt-cert.pem",
    ] {
        assert!(!matches!(leaf(wrong), Ok(Some(_))), "{wrong}: {:?}", leaf(wrong));
    }
}
