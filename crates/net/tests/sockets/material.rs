//! Reading certificates, keys, bundles and lists: what is wrong, and in which file.

use base64::Engine as _;
use countersign_net::{Crl, ServerTls, ServerTlsSettings, TlsError, TlsMaterial, TrustBundle};
use rcgen::KeyPair;

use crate::support::{Ca, clock, secret_der};

fn read(chain: &str, key: &str) -> Result<TlsMaterial, TlsError> {
    TlsMaterial::from_pem(("chain.pem", chain.as_bytes()), ("key.pem", key.as_bytes()))
}

fn pem(label: &str, der: &[u8]) -> String {
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}

/// The private key inside PKCS#8: version, algorithm, then the octet string that holds it.
fn inner_key(pkcs8: &[u8]) -> Vec<u8> {
    fn element(der: &[u8]) -> (&[u8], &[u8]) {
        let (length, head) = match der[1] {
            0x82 => (usize::from(der[2]) << 8 | usize::from(der[3]), 4),
            0x81 => (usize::from(der[2]), 3),
            short => (usize::from(short), 2),
        };
        (&der[head..head + length], &der[head + length..])
    }
    let (outer, _) = element(pkcs8);
    let (_version, rest) = element(outer);
    let (_algorithm, rest) = element(rest);
    element(rest).0.to_vec()
}

#[test]
fn all_three_forms_of_keys_are_read() {
    let ca = Ca::new("CA");
    let elliptic = KeyPair::generate().unwrap();
    let chain = ca.issue(&elliptic, "a.example.com", |_| {});
    read(&chain, &elliptic.serialize_pem()).unwrap();
    read(&chain, &pem("EC PRIVATE KEY", &inner_key(&elliptic.serialize_der()))).unwrap();
    let rsa = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let chain = ca.issue(&rsa, "a.example.com", |_| {});
    read(&chain, &rsa.serialize_pem()).unwrap();
    let material = read(&chain, &pem("RSA PRIVATE KEY", &inner_key(&rsa.serialize_der()))).unwrap();
    assert_eq!(material.dns_names(), ["a.example.com".into()]);
    assert!(!format!("{material:?}").contains("PRIVATE"));
    let der = material.chain()[0].to_vec();
    TlsMaterial::from_der("built-in", vec![der], &secret_der(&rsa)).unwrap();
}

#[test]
fn errors_name_the_file_and_the_fault() {
    let ca = Ca::new("CA");
    let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let (chain, key_pem) = (ca.issue(&key, "a.example.com", |_| {}), key.serialize_pem());
    let fault = |chain: &str, key: &str| read(chain, key).unwrap_err().to_string();
    assert_eq!(
        fault(&chain, &other.serialize_pem()),
        "key.pem: the private key does not belong to the first certificate in chain.pem"
    );
    assert_eq!(fault(&key_pem, &key_pem), "chain.pem: there is no certificate in it (BEGIN CERTIFICATE)");
    assert_eq!(fault("", &key_pem), "chain.pem: there is no certificate in it (BEGIN CERTIFICATE)");
    assert!(fault(&chain, &chain).starts_with("key.pem: there is no private key in it"));
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    assert!(fault(&chain, encrypted).starts_with("key.pem: the private key is encrypted"));
    assert!(
        fault("-----BEGIN CERTIFICATE-----\nAAAA", &key_pem).starts_with("chain.pem: not readable as PEM")
    );
    assert_eq!(
        fault(&pem("CERTIFICATE", b"junk"), &key_pem),
        "chain.pem: the first certificate can't be read"
    );
    assert!(
        fault(&chain, &pem("PRIVATE KEY", b"junk")).starts_with("key.pem: the private key is of no kind")
    );

    let build = |from: i64, until: i64| {
        let at = |seconds| time::OffsetDateTime::from_unix_timestamp(seconds).unwrap();
        let chain = ca.issue(&key, "a.example.com", |params| {
            (params.not_before, params.not_after) = (at(from), at(until));
        });
        ServerTls::new(ServerTlsSettings::new(read(&chain, &key_pem).unwrap()), clock())
            .unwrap_err()
            .to_string()
    };
    assert!(build(0, 1_000_000_000).starts_with("chain.pem: the certificate expired "));
    assert!(build(32_000_000_000, 32_100_000_000).starts_with("chain.pem: the certificate begins only in "));
}

#[test]
fn bundles_and_lists_are_read_or_refused_by_name() {
    let ca = Ca::new("CA");
    let two = format!("{}{}", ca.pem, Ca::new("Other").pem);
    assert_eq!(TrustBundle::from_pem("ours", "ca.pem", two.as_bytes()).unwrap().name(), "ours");
    let fault = |pem: &[u8]| TrustBundle::from_pem("ours", "ca.pem", pem).unwrap_err().to_string();
    assert_eq!(fault(b""), "ca.pem: there is no certificate in it (BEGIN CERTIFICATE)");
    let broken = format!("{}{}", ca.pem, pem("CERTIFICATE", b"junk"));
    assert!(fault(broken.as_bytes()).starts_with("ca.pem: certificate 2 can't be read"));
    assert!(Crl::from_bytes("list.crl", b"junk").unwrap_err().to_string().starts_with("list.crl: "));
    assert!(
        Crl::from_bytes("list.crl", ca.pem.as_bytes()).unwrap_err().to_string().contains("no list in it")
    );
}
