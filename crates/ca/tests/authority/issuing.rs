//! What the authority issues and what it refuses.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use countersign_ca::ports::{Certificates as _, RevocationReason};
use countersign_ca::{IssueError, Name};
use x509_parser::prelude::{FromDer as _, ParsedExtension, X509Certificate};

use crate::support::{DAY, START, World, request};

#[tokio::test]
async fn a_leaf_says_exactly_what_its_profile_says() {
    let world = World::new();
    let names = ["api.example.com", "127.0.0.1", "spiffe://example.com/service/billing"];
    let issued = world.authority.issue_with_new_key(&request("service", &names)).await.unwrap().issued;

    let (_, leaf) = X509Certificate::from_der(&issued.chain[0]).unwrap();
    assert_eq!(leaf.subject().iter().count(), 0);
    assert!(!leaf.is_ca());
    assert_eq!(leaf.raw_serial().len(), 20);
    assert!(leaf.raw_serial()[0] < 0x80 && leaf.raw_serial()[0] >= 0x40);
    assert_eq!(leaf.validity().not_before.timestamp(), START - 120);
    assert_eq!(leaf.validity().not_after.timestamp(), START + 86_400);
    let critical: Vec<_> = leaf.extensions().iter().map(|e| (e.oid.to_id_string(), e.critical)).collect();
    for (oid, expected) in
        [("2.5.29.17", true), ("2.5.29.15", true), ("2.5.29.19", true), ("2.5.29.37", false)]
    {
        assert!(critical.contains(&(oid.to_owned(), expected)), "{oid} in {critical:?}");
    }
    let identifier = |der: &[u8], authority: bool| {
        let (_, certificate) = X509Certificate::from_der(der).unwrap();
        certificate
            .extensions()
            .iter()
            .find_map(|e| match e.parsed_extension() {
                ParsedExtension::AuthorityKeyIdentifier(aki) if authority => {
                    aki.key_identifier.as_ref().map(|id| id.0.to_vec())
                }
                ParsedExtension::SubjectKeyIdentifier(ski) if !authority => Some(ski.0.to_vec()),
                _ => None,
            })
            .unwrap()
    };
    assert_eq!(identifier(&issued.chain[0], true), identifier(&issued.chain[1], false));
    assert_eq!(identifier(&issued.chain[1], true), identifier(&world.root.certificate, false));
    let eku = leaf.extended_key_usage().unwrap().unwrap().value;
    assert!(eku.server_auth && eku.client_auth && !eku.any);
    assert_eq!(leaf.subject_alternative_name().unwrap().unwrap().value.general_names.len(), 3);

    let record = world.authority.ports().certificate(&issued.serial).await.unwrap().unwrap();
    assert_eq!(record.certificate, issued.chain[0]);
    assert_eq!(record.names.iter().map(String::as_str).collect::<BTreeSet<_>>(), BTreeSet::from(names));
    assert_eq!(issued.renew_at().seconds(), START - 120 + (86_400 + 120) * 2 / 3);
}

#[tokio::test]
async fn names_the_profile_does_not_allow_are_refused() {
    let world = World::new();
    for name in [
        "example.com",
        "a.b.example.com",
        "example.com.evil.org",
        "evilexample.com",
        "*.example.com",
        "10.0.0.1",
        "spiffe://example.com/service",
        "spiffe://example.com/one/more",
        "spiffe://evil.com/service/x",
    ] {
        let answer = world.authority.issue_with_new_key(&request("server", &["api.example.com", name])).await;
        assert!(matches!(answer, Err(IssueError::NameNotAllowed { .. })), "{name}: {answer:?}");
    }
    assert!(world.authority.ports().certificates(10).await.unwrap().is_empty());
    for name in ["localhost", "a.b.svc.internal", "::1", "spiffe://example.com/one"] {
        world.authority.issue_with_new_key(&request("server", &[name])).await.expect(name);
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let world = World::new();
    let issue = async |request| world.authority.issue_with_new_key(&request).await.map(|_| ()).unwrap_err();
    assert!(matches!(issue(request("server", &[])).await, IssueError::NoNames));
    assert!(matches!(issue(request("nope", &["localhost"])).await, IssueError::UnknownProfile(_)));
    let two = ["spiffe://example.com/service/a", "spiffe://example.com/service/b"];
    assert!(matches!(issue(request("client", &two)).await, IssueError::SeveralSpiffeIds));
    let many: Vec<String> = (0..101).map(|n| format!("n{n}.example.com")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(matches!(issue(request("server", &many)).await, IssueError::TooManyNames { .. }));
    let mut long = request("server", &["localhost"]);
    long.lifetime = Some(DAY * 31);
    assert!(matches!(issue(long).await, IssueError::LifetimeTooLong { .. }));
    world.authority.ports().broken.store(true, Ordering::SeqCst);
    assert!(matches!(issue(request("server", &["localhost"])).await, IssueError::Store(_)));
}

#[tokio::test]
async fn nothing_outlives_its_authority() {
    let world = World::new();
    world.clock.advance(DAY * 364 + Duration::from_secs(12 * 3600));
    let issued = world.authority.issue_with_new_key(&request("server", &["localhost"])).await.unwrap().issued;
    assert_eq!(issued.not_after, world.authority.not_after());
    world.clock.advance(DAY / 2);
    let late = world.authority.issue_with_new_key(&request("server", &["localhost"])).await;
    assert!(matches!(late, Err(IssueError::AuthorityExpired)), "{late:?}");
    assert!(matches!(world.authority.crl().await, Err(IssueError::AuthorityExpired)));
}

#[tokio::test]
async fn serial_numbers_never_repeat_and_revoked_ones_are_listed() {
    let world = World::new();
    let first = world.authority.issue_with_new_key(&request("client", &["localhost"])).await.unwrap().issued;
    let second = world.authority.issue_with_new_key(&request("client", &["localhost"])).await.unwrap().issued;
    assert_ne!(first.serial, second.serial);
    assert!(world.authority.revoke(&first.serial, RevocationReason::KeyCompromise).await.unwrap());
    assert!(!world.authority.revoke(&"00ff".into(), RevocationReason::Unspecified).await.unwrap());

    let listed = |der: Vec<u8>| {
        let (_, crl) = x509_parser::parse_x509_crl(&der).unwrap();
        let serials: Vec<_> = crl.iter_revoked_certificates().map(|e| hex(e.raw_serial())).collect();
        let number = crl.crl_number().unwrap().clone();
        (serials, number)
    };
    let crl = world.authority.crl().await.unwrap();
    assert_eq!(crl.next_update.seconds(), START + 86_400);
    assert!(crl.pem().starts_with("-----BEGIN X509 CRL-----\n"));
    let (serials, number) = listed(crl.der);
    assert_eq!(serials, [first.serial.as_str()]);
    // Past the certificate's end it stays for one list more, then it goes.
    world.clock.advance(DAY + Duration::from_secs(60));
    let (serials, later) = listed(world.authority.crl().await.unwrap().der);
    assert!(serials.len() == 1 && later > number);
    world.clock.advance(DAY);
    assert!(listed(world.authority.crl().await.unwrap().der).0.is_empty());
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn names_are_read_strictly() {
    for bad in [
        "",
        ".",
        "a..b",
        "-a.com",
        "a-.com",
        "a_b.com",
        "*.com",
        "*",
        "a.*.com",
        "*a.example.com",
        "1.2.3",
        "exa mple.com",
        "example.com.",
        "spiffe://",
        "spiffe:///x",
        "spiffe://EXAMPLE.com/x",
        "spiffe://a/b/",
        "spiffe://a/../b",
        "spiffe://a//b",
        "spiffe://a:80/b",
        "spiffe://u@a/b",
        "spiffe://a/%41",
        "spiffe://a/b?c",
        "https://a/b",
    ] {
        assert!(bad.parse::<Name>().is_err(), "{bad}");
    }
    assert_eq!("API.Example.COM".parse::<Name>().unwrap().to_string(), "api.example.com");
    assert!(matches!("*.example.com".parse::<Name>().unwrap(), Name::Dns(_)));
    assert!(matches!("::1".parse::<Name>().unwrap(), Name::Ip(_)));
    let Name::Spiffe(id) = "spiffe://example.com/a/b".parse::<Name>().unwrap() else { panic!("a SPIFFE ID") };
    assert_eq!((id.trust_domain(), id.path()), ("example.com", "a/b"));
}
