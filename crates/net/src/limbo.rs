//! The x509-limbo vectors against the verifier of client chains.

use std::collections::BTreeSet;
use std::path::PathBuf;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use serde_json::Value;
use webpki::{EndEntityCert, KeyUsage};

use crate::bundle::{ClientTrust, Crl, TrustBundle};
use crate::verifier::ClientVerifier;

fn vectors() -> Option<Value> {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/vectors"));
    let folder = std::env::var_os("COUNTERSIGN_VECTORS").map_or_else(beside, PathBuf::from);
    match std::fs::read(folder.join("x509-limbo/limbo.json")) {
        Ok(bytes) => Some(serde_json::from_slice(&bytes).unwrap()),
        Err(error) => {
            assert!(
                std::env::var_os("CI").is_none(),
                "the vectors are needed in CI: {}: {error}",
                folder.display()
            );
            eprintln!("skipped: no vectors in {}", folder.display());
            None
        }
    }
}

fn texts<'v>(case: &'v Value, key: &str) -> Vec<&'v str> {
    case[key].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

/// Does with one case what a listener does: trust, lists, chain; the name as a client of ours would.
fn judge(case: &Value) -> Result<(), String> {
    let mut trust = ClientTrust::default();
    for pem in texts(case, "trusted_certs") {
        trust.bundles.push(TrustBundle::from_pem("limbo", "limbo", pem.as_bytes()).map_err(|e| e.reason)?);
    }
    for pem in texts(case, "crls") {
        trust.crls.push(Crl::from_bytes("limbo", pem.as_bytes()).map_err(|e| e.reason)?);
    }
    let verifier = ClientVerifier::new(&trust, crate::verifier::Policy::Required).map_err(|e| e.reason)?;
    let read = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|e| e.to_string());
    let leaf = read(case["peer_certificate"].as_str().unwrap())?;
    let intermediates =
        texts(case, "untrusted_intermediates").into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let time = case["validation_time"].as_str().unwrap_or("2026-01-01T00:00:00Z");
    let time: jiff::Timestamp = time.parse().unwrap();
    let time = UnixTime::since_unix_epoch(time.as_duration().try_into().unwrap());
    let usage = match case["validation_kind"].as_str().unwrap() {
        "CLIENT" => KeyUsage::client_auth(),
        _ => KeyUsage::server_auth(),
    };
    verifier.verify_for(&leaf, &intermediates, time, usage).map_err(|e| e.to_string())?;
    if let Some(name) = case["expected_peer_name"]["value"].as_str() {
        let name = ServerName::try_from(name).map_err(|e| e.to_string())?;
        let leaf = EndEntityCert::try_from(&leaf).map_err(|e| e.to_string())?;
        leaf.verify_is_valid_for_subject_name(&name).map_err(|e| e.to_string())?;
    }
    Ok(())
}

/// Chains the vectors call valid that are refused here: the safe side.
const STRICTER: &[(&str, &[&str])] = &[
    (
        "an authority's certificate is no client's: nobody needs that, and it hides mistakes",
        &["pathlen::validation-ignores-pathlen-in-leaf", "rfc5280::ca-as-leaf"],
    ),
    (
        "webpki matches issuers by name and gives up on self-issued ones of another key",
        &["pathlen::self-issued-certs-pathlen", "rfc5280::nc::permitted-self-issued"],
    ),
    (
        "constraints on mail addresses and directory names are not understood, so they exclude",
        &[
            "rfc5280::nc::nc-permits-email-domain",
            "rfc5280::nc::nc-permits-email-exact",
            "rfc5280::nc::nc-permits-email-literal-asterisk-exact-match",
            "rfc5280::nc::nc-permits-email-literal-double-asterisk",
            "rfc5280::nc::nc-permits-email-literal-mid-asterisk",
            "rfc5280::nc::permitted-dn-match",
        ],
    ),
    (
        "one authority that can't be understood spoils the bundle, loudly and when it is read",
        &["rfc5280::unknown-critical-extension-unrelated-root"],
    ),
];

/// Chains the vectors call invalid that are believed here, and why that gives nobody anything.
const LENIENT: &[(&str, &[&str])] = &[
    (
        "duties of the issuer about key identifiers; signatures decide, not identifiers",
        &[
            "rfc5280::aki::critical-aki",
            "rfc5280::aki::cross-signed-root-missing-aki",
            "rfc5280::aki::intermediate-missing-aki",
            "rfc5280::aki::leaf-missing-aki",
            "rfc5280::ski::critical-ski",
            "rfc5280::ski::intermediate-missing-ski",
            "rfc5280::ski::root-missing-ski",
            "webpki::aki::root-with-aki-all-fields",
            "webpki::aki::root-with-aki-authoritycertissuer",
            "webpki::aki::root-with-aki-authoritycertserialnumber",
            "webpki::aki::root-with-aki-missing-keyidentifier",
            "webpki::aki::root-with-aki-ski-mismatch",
        ],
    ),
    (
        "duties of the issuer about form: criticality, serial numbers, the CRL number, malformed access locations",
        &[
            "crl::crlnumber-critical",
            "crl::crlnumber-missing",
            "rfc5280::nc::permitted-dns-match-noncritical",
            "rfc5280::pc::ica-noncritical-pc",
            "rfc5280::root-non-critical-basic-constraints",
            "rfc5280::san::noncritical-with-empty-subject",
            "rfc5280::san::underscore-dns",
            "rfc5280::serial::too-long",
            "rfc5280::serial::zero",
            "webpki::malformed-aia",
            "webpki::san::san-critical-with-nonempty-subject",
        ],
    ),
    (
        "the common name is never read here, so it can't contradict",
        &[
            "webpki::cn::case-mismatch",
            "webpki::cn::ipv4-hex-mismatch",
            "webpki::cn::ipv4-leading-zeros-mismatch",
            "webpki::cn::ipv6-non-rfc5952-mismatch",
            "webpki::cn::ipv6-uncompressed-mismatch",
            "webpki::cn::ipv6-uppercase-mismatch",
            "webpki::cn::not-in-san",
            "webpki::cn::punycode-not-in-san",
            "webpki::cn::utf8-vs-punycode-mismatch",
        ],
    ),
    (
        "rules of the public web's forum about extended key usage; RFC 5280 §4.2.1.12 allows these",
        &[
            "webpki::eku::ee-anyeku",
            "webpki::eku::ee-critical-eku",
            "webpki::eku::ee-without-eku",
            "webpki::eku::root-has-eku",
        ],
    ),
    (
        "a leaf's weak or odd key can't sign a handshake here: TLS takes RSA from 2048 bits, P-256 up and Ed25519",
        &["webpki::forbidden-dsa-leaf", "webpki::forbidden-p192-leaf", "webpki::forbidden-weak-rsa-in-leaf"],
    ),
    (
        "RSA of 2052 bits is odd, not weak",
        &[
            "webpki::forbidden-rsa-key-not-divisible-by-8-in-leaf",
            "webpki::forbidden-rsa-not-divisible-by-8-in-root",
        ],
    ),
    (
        "constraints or usages that only an authority's certificate could use; a leaf signs nothing here",
        &[
            "rfc5280::leaf-ku-keycertsign",
            "rfc5280::nc::not-allowed-in-ee-critical",
            "rfc5280::nc::not-allowed-in-ee-noncritical",
        ],
    ),
    (
        "constraints that constrain nothing, or are written with a dot too many and still constrain",
        &[
            "rfc5280::nc::invalid-dnsname-leading-period",
            "webpki::nc::intermediate-permitted-excluded-subtrees-both-empty-sequences",
            "webpki::nc::intermediate-permitted-excluded-subtrees-both-null",
        ],
    ),
    (
        "a limit on the chain's length is no setting here",
        &["pathlen::max-chain-depth-0-exhausted", "pathlen::max-chain-depth-1-exhausted"],
    ),
    (
        "the public suffix list is not known here; which wildcards an authority gives is its own matter",
        &[
            "webpki::san::public-suffix-multi-label-wildcard-san",
            "webpki::san::public-suffix-private-namespace-wildcard-san",
        ],
    ),
];

fn listed(table: &[(&str, &[&'static str])]) -> BTreeSet<&'static str> {
    table.iter().flat_map(|(_, ids)| ids.iter().copied()).collect()
}

#[test]
fn limbo_agrees_but_for_what_is_explained() {
    let Some(vectors) = vectors() else { return };
    let cases = vectors["testcases"].as_array().unwrap();
    let (mut agreed, mut stricter, mut lenient) = (0, BTreeSet::new(), BTreeSet::new());
    for case in cases {
        let id = case["id"].as_str().unwrap();
        match (case["expected_result"] == "SUCCESS", judge(case)) {
            (true, Ok(())) | (false, Err(_)) => agreed += 1,
            (true, Err(_)) => _ = stricter.insert(id),
            (false, Ok(())) => _ = lenient.insert(id),
        }
    }
    assert_eq!(stricter, listed(STRICTER));
    assert_eq!(lenient, listed(LENIENT));
    assert_eq!((cases.len(), agreed, stricter.len(), lenient.len()), (208, 146, 11, 51));
}
