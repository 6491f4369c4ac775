//! Roots and intermediates, made here or brought along.

use std::sync::Arc;

use countersign_ca::{Authority, CaMaterial, Hierarchy, OpenError, Profile, Settings};
use countersign_model::SecretBytes;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, KeyUsagePurpose};

use crate::support::{DAY, MemoryStore, START, World, env, names, request, settings};

fn open(world: &World, hierarchy: Hierarchy) -> Result<Authority<MemoryStore>, OpenError> {
    Authority::open(Arc::new(MemoryStore::default()), world.env.clone(), hierarchy, settings())
}

#[tokio::test]
async fn it_opens_again_from_what_was_kept() {
    let world = World::new();
    let kept =
        (world.hierarchy.intermediate.certificate.clone(), world.hierarchy.intermediate.key.expose().clone());
    let intermediate = CaMaterial { certificate: kept.0, key: SecretBytes::new(kept.1) };
    let hierarchy = Hierarchy { root: world.root.certificate.clone(), intermediate };
    open(&world, hierarchy).unwrap().issue_with_new_key(&request("server", &["localhost"])).await.unwrap();
    assert!(format!("{:?}", world.hierarchy).contains("key: [redacted]"));
}

#[test]
fn what_does_not_belong_together_is_refused_by_name() {
    let world = World::new();
    let other = World::new();
    let swapped_key = CaMaterial { key: other.root.key.clone(), ..world.hierarchy.intermediate.clone() };
    let error = open(&world, Hierarchy { intermediate: swapped_key, ..world.hierarchy.clone() }).unwrap_err();
    assert_eq!(error.to_string(), "the intermediate key is not the key of the intermediate certificate");

    let error = open(&world, Hierarchy { root: other.root.certificate.clone(), ..world.hierarchy.clone() });
    assert_eq!(
        error.unwrap_err().to_string(),
        "the intermediate certificate can't be used: the root did not sign it"
    );

    let error = open(&world, Hierarchy { root: vec![1, 2, 3], ..world.hierarchy.clone() }).unwrap_err();
    assert!(matches!(error, OpenError::Certificate { what: "root", .. }));
    assert!(matches!(CaMaterial::from_pem(b"nothing", b"nothing"), Err(OpenError::Certificate { .. })));

    // An intermediate of path length 0 makes no further ones.
    let deeper = world.hierarchy.intermediate.create_intermediate("Deeper", DAY, &world.env);
    assert!(matches!(deeper, Err(OpenError::Unusable { .. })), "{deeper:?}");

    world.clock.advance(DAY * 366);
    let error = open(&world, world.hierarchy.clone()).unwrap_err();
    assert_eq!(error.to_string(), "the intermediate certificate can't be used: it has expired");
}

/// A root of somebody else's making, without subject key identifier niceties of ours.
fn foreign_root(ca: bool) -> (String, String) {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Corporate Root");
    params.is_ca = if ca { IsCa::Ca(BasicConstraints::Unconstrained) } else { IsCa::ExplicitNoCa };
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = time::OffsetDateTime::from_unix_timestamp(START - 1000).unwrap();
    params.not_after = time::OffsetDateTime::from_unix_timestamp(START + 86_400 * 50).unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

#[tokio::test]
async fn a_root_brought_along_works_with_and_without_an_intermediate() {
    let world = World::new();
    let (certificate, key) = foreign_root(true);
    let root = CaMaterial::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
    let intermediate = root.create_intermediate("Ours", DAY * 365, &world.env).unwrap();
    let hierarchy = Hierarchy::from_pem(certificate.as_bytes(), intermediate).unwrap();
    let authority = open(&world, hierarchy).unwrap();
    // The intermediate is cut to the root's end.
    assert_eq!(authority.not_after().seconds(), START + 86_400 * 50);
    let issued = authority.issue_with_new_key(&request("server", &["localhost"])).await.unwrap().issued;
    assert_eq!(issued.chain.len(), 2);

    let flat = open(&world, Hierarchy { root: root.certificate.clone(), intermediate: root }).unwrap();
    let issued = flat.issue_with_new_key(&request("server", &["localhost"])).await.unwrap().issued;
    assert_eq!(issued.chain.len(), 1);
    flat.crl().await.unwrap();

    let (certificate, key) = foreign_root(false);
    let leaf = CaMaterial::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
    assert!(matches!(
        leaf.create_intermediate("Never", DAY, &world.env),
        Err(OpenError::Unusable { what: "root", .. })
    ));
}

#[test]
fn profiles_that_contradict_themselves_are_refused() {
    let world = World::new();
    let (_, env) = env();
    let mut endless = Profile::server(names());
    endless.lifetime = DAY * 400;
    for profiles in [vec![endless], vec![Profile::server(names()), Profile::server(names())]] {
        let settings = Settings { profiles, ..settings() };
        let store = Arc::new(MemoryStore::default());
        let opened = Authority::open(store, env.clone(), world.hierarchy.clone(), settings);
        assert!(matches!(opened, Err(OpenError::Profile { .. })));
    }
}
