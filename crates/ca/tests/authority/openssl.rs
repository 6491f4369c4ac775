//! OpenSSL's command line as a judge who knows nothing of us. Where it is not installed the tests say so and pass,
//! except in CI.

use std::path::Path;
use std::process::Command;

use countersign_ca::csr;
use countersign_ca::ports::RevocationReason;

use crate::support::{START, World, request};

fn openssl(directory: &Path, arguments: &[&str]) -> Option<(bool, String)> {
    match Command::new("openssl").current_dir(directory).args(arguments).output() {
        Ok(output) => {
            let text = [output.stdout, output.stderr].concat();
            Some((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
        }
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "openssl is needed in CI: {error}");
            eprintln!("skipped: no openssl command here");
            None
        }
    }
}

#[tokio::test]
async fn it_verifies_chain_names_purpose_and_revocation() {
    let world = World::new();
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    let names = ["api.example.com", "127.0.0.1", "spiffe://example.com/one"];
    let server = world.authority.issue_with_new_key(&request("server", &names)).await.unwrap();
    let client = world.authority.issue_with_new_key(&request("client", &["localhost"])).await.unwrap();
    write("root.pem", &world.authority.trust_bundle_pem());
    write("server.pem", &server.issued.chain_pem());
    write("client.pem", &client.issued.chain_pem());
    write("key.pem", server.key_pem().expose());
    write("crl.pem", &world.authority.crl().await.unwrap().pem());

    let now = (START + 60).to_string();
    let verify = |leaf: &str, more: &[&str]| {
        let mut arguments = vec!["verify", "-x509_strict", "-attime", &now, "-CAfile", "root.pem"];
        arguments.extend(["-untrusted", leaf, "-crl_check", "-CRLfile", "crl.pem"]);
        arguments.extend(more);
        arguments.push(leaf);
        openssl(directory.path(), &arguments)
    };
    let Some((fine, text)) =
        verify("server.pem", &["-purpose", "sslserver", "-verify_hostname", "api.example.com"])
    else {
        return;
    };
    assert!(fine, "{text}");
    assert!(verify("server.pem", &["-verify_ip", "127.0.0.1"]).unwrap().0);
    assert!(!verify("server.pem", &["-verify_hostname", "other.example.com"]).unwrap().0);
    assert!(!verify("server.pem", &["-purpose", "sslclient"]).unwrap().0);
    assert!(verify("client.pem", &["-purpose", "sslclient"]).unwrap().0);

    let (read, modulus) = openssl(directory.path(), &["pkey", "-in", "key.pem", "-check", "-noout"]).unwrap();
    assert!(read, "{modulus}");

    world.authority.revoke(&server.issued.serial, RevocationReason::KeyCompromise).await.unwrap();
    write("crl.pem", &world.authority.crl().await.unwrap().pem());
    let (fine, text) = verify("server.pem", &[]).unwrap();
    assert!(!fine && text.contains("certificate revoked"), "{text}");
    assert!(verify("client.pem", &[]).unwrap().0);
    let (_, text) = openssl(directory.path(), &["crl", "-in", "crl.pem", "-noout", "-text"]).unwrap();
    assert!(text.contains("Key Compromise") && text.contains("X509v3 CRL Number"), "{text}");
}

#[tokio::test]
async fn its_requests_are_read() {
    let world = World::new();
    let directory = tempfile::tempdir().unwrap();
    let arguments = [
        "req",
        "-new",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "k.pem",
        "-out",
        "r.pem",
        "-subj",
        "/CN=ignored",
        "-addext",
        "subjectAltName=DNS:api.example.com,IP:127.0.0.1",
        "-addext",
        "basicConstraints=critical,CA:TRUE",
    ];
    let Some((made, text)) = openssl(directory.path(), &arguments) else { return };
    assert!(made, "{text}");
    let checked = csr::read(&std::fs::read(directory.path().join("r.pem")).unwrap()).unwrap();
    let mut wanted = request("server", &[]);
    wanted.names = checked.names().to_vec();
    assert_eq!(wanted.names.len(), 2);
    let issued = world.authority.issue(&wanted, checked.public_key()).await.unwrap();
    std::fs::write(directory.path().join("leaf.pem"), issued.chain_pem()).unwrap();
    let (_, text) = openssl(directory.path(), &["x509", "-in", "leaf.pem", "-noout", "-text"]).unwrap();
    assert!(text.contains("CA:FALSE") && !text.contains("ignored"), "{text}");
}
