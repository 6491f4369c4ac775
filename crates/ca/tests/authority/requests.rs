//! Certificate signing requests: what is read of them and what is not.

use countersign_ca::{Name, csr};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequest, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType,
};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::support::{World, request};

fn signed(key: &KeyPair, change: impl FnOnce(&mut CertificateParams)) -> CertificateSigningRequest {
    let mut params = CertificateParams::new(vec!["api.example.com".to_owned()]).unwrap();
    change(&mut params);
    params.serialize_request(key).unwrap()
}

#[tokio::test]
async fn a_request_for_an_authority_yields_a_plain_leaf() {
    let world = World::new();
    let key = KeyPair::generate().unwrap();
    let greedy = signed(&key, |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any, ExtendedKeyUsagePurpose::CodeSigning];
        params.distinguished_name.push(DnType::CommonName, "Root of all evil");
    });
    for bytes in [greedy.der().to_vec(), greedy.pem().unwrap().into_bytes()] {
        let checked = csr::read(&bytes).unwrap();
        assert_eq!(checked.names(), ["api.example.com".parse::<Name>().unwrap()]);
        let mut wanted = request("client", &[]);
        wanted.names = checked.names().to_vec();
        let issued = world.authority.issue(&wanted, checked.public_key()).await.unwrap();
        let (_, leaf) = X509Certificate::from_der(&issued.chain[0]).unwrap();
        assert!(!leaf.is_ca());
        assert_eq!(leaf.subject().iter().count(), 0);
        assert_eq!(leaf.key_usage().unwrap().unwrap().value.flags, 1);
        let usage = leaf.extended_key_usage().unwrap().unwrap().value;
        assert!(usage.client_auth && !usage.server_auth && !usage.any && !usage.code_signing);
        assert_eq!(leaf.public_key().raw, rcgen::PublicKeyData::subject_public_key_info(&key));
    }
}

#[test]
fn a_request_that_does_not_prove_its_key_is_refused() {
    let key = KeyPair::generate().unwrap();
    let good = signed(&key, |_| {}).der().to_vec();
    assert!(csr::read(&good).is_ok());
    // The last byte belongs to the signature, one in the middle to what is signed.
    for position in [good.len() - 1, 60] {
        let mut bad = good.clone();
        bad[position] ^= 1;
        assert!(csr::read(&bad).is_err(), "byte {position}");
    }
    let mut long = good.clone();
    long.push(0);
    assert_eq!(csr::read(&long).unwrap_err().0, "there is more after it");
    for length in 0..good.len() {
        assert!(csr::read(&good[..length]).is_err());
    }
    assert!(csr::read(&vec![b'-'; csr::MAX_REQUEST + 1]).is_err());
    assert!(csr::read(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").is_err());
}

#[test]
fn other_keys_and_names_than_ours_are_refused() {
    let p521 = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512).unwrap();
    assert!(csr::read(signed(&p521, |_| {}).der()).is_err());
    for algorithm in [&rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519, &rcgen::PKCS_RSA_SHA256] {
        let key = KeyPair::generate_for(algorithm).unwrap();
        csr::read(signed(&key, |_| {}).der()).unwrap();
    }
    let key = KeyPair::generate().unwrap();
    let mail = signed(&key, |params| {
        params.subject_alt_names.push(SanType::Rfc822Name("a@example.com".try_into().unwrap()));
    });
    assert!(csr::read(mail.der()).unwrap_err().0.contains("kind of name"));
    let url = signed(&key, |params| {
        params.subject_alt_names.push(SanType::URI("https://example.com/".try_into().unwrap()));
    });
    assert!(csr::read(url.der()).is_err());
    let many = signed(&key, |params| {
        let names = (0..150).map(|n| SanType::DnsName(format!("n{n}.example.com").try_into().unwrap()));
        params.subject_alt_names.extend(names);
    });
    assert!(csr::read(many.der()).unwrap_err().0.contains("more than 100 names"));
}
