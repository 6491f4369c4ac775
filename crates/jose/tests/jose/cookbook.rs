//! The JOSE cookbook: RFC 7520, RFC 7797 and the examples of the CFRG curves.

use std::path::Path;

use countersign_jose::jwe::{self, ContentEncryption, DecryptionKey};
use countersign_jose::{Algorithm, Algorithms, Jwk, PrivateJwk, SigningKey, VerifyingKey, jws};
use countersign_model::SecretBytes;
use serde_json::Value;

use crate::vectors;

fn files(folder: &Path) -> Vec<(String, Value)> {
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    paths.iter().map(|path| (name(path), vectors::read(path))).collect()
}

fn private(jwk: &Value) -> PrivateJwk {
    PrivateJwk::from_json(&SecretBytes::new(jwk.to_string().into_bytes())).unwrap()
}

fn verify(name: &str, input: &Value, compact: &str) -> SigningKey {
    let algorithm: Algorithm = input["alg"].as_str().unwrap().parse().unwrap();
    let jwk = Jwk::from_json(input["key"].to_string().as_bytes()).unwrap();
    let key = VerifyingKey::from_jwk(&jwk, algorithm).unwrap();
    let token = jws::parse(compact).unwrap();
    let payload = token.verify(&key, Algorithms::of(&[algorithm])).unwrap_or_else(|| panic!("{name}"));
    assert_eq!(payload, input["payload"].as_str().unwrap().as_bytes(), "{name}");
    SigningKey::from_private_jwk(&private(&input["key"]), algorithm).unwrap()
}

#[test]
fn signatures_verify_and_the_repeatable_ones_are_made_again() {
    let Some(cookbook) = vectors::folder("jose-cookbook") else { return };
    let (mut verified, mut repeated, mut not_offered) = (0, 0, 0);
    for (name, example) in files(&cookbook.join("jws")).into_iter().chain(files(&cookbook.join("rfc7797"))) {
        let Some(compact) = example["output"]["compact"].as_str() else {
            println!("{name}: not offered: only as JSON");
            not_offered += 1;
            continue;
        };
        if example["signing"]["protected"].get("crit").is_some() {
            assert_eq!(jws::parse(compact).unwrap_err(), jws::Malformed::Critical, "{name}");
            println!("{name}: not offered: unencoded payload");
            not_offered += 1;
            continue;
        }
        if compact.contains("..") {
            let jwk = Jwk::from_json(example["input"]["key"].to_string().as_bytes()).unwrap();
            let key = VerifyingKey::from_jwk(&jwk, Algorithm::HS256).unwrap();
            let verified = jws::parse(compact).unwrap().verify(&key, Algorithms::of(&[Algorithm::HS256]));
            assert_eq!(verified, None, "{name}");
            println!("{name}: not offered: detached payload");
            not_offered += 1;
            continue;
        }
        let key = verify(&name, &example["input"], compact);
        verified += 1;
        if example["reproducible"] == "True" || example["reproducible"] == true {
            let payload = example["input"]["payload"].as_str().unwrap().as_bytes();
            assert_eq!(jws::sign_compact(None, payload, &key).unwrap(), compact, "{name}");
            repeated += 1;
        }
    }
    assert_eq!((verified, repeated, not_offered), (4, 2, 6));
}

#[test]
fn ed25519_signs_as_the_example_does() {
    let Some(cookbook) = vectors::folder("jose-cookbook") else { return };
    let example = vectors::read(&cookbook.join("curve25519/jws.json"));
    let compact = example["output"]["compact"].as_str().unwrap();
    let key = verify("curve25519/jws", &example["input"], compact);
    let (input, signature) = compact.rsplit_once('.').unwrap();
    assert_eq!(example["signing"]["sig"], signature);
    let parsed = jws::parse(compact).unwrap();
    let verifying = VerifyingKey::from_jwk(&key.public_jwk().unwrap(), Algorithm::EdDSA).unwrap();
    assert!(verifying.verify(input.as_bytes(), &key.sign(input.as_bytes()).unwrap()));
    assert!(parsed.verify(&verifying, Algorithms::of(&[Algorithm::EdDSA])).is_some());
}

fn decrypt(input: &Value, compact: &str) -> Result<Vec<u8>, jwe::Malformed> {
    let token = jwe::parse(compact)?;
    let key = DecryptionKey::from_private_jwk(&private(&input["key"]), token.header.key_management).unwrap();
    Ok(token.decrypt(&key, &ContentEncryption::ALL).unwrap().expose().clone())
}

#[test]
fn encrypted_texts_are_read() {
    let Some(cookbook) = vectors::folder("jose-cookbook") else { return };
    let (mut decrypted, mut not_offered) = (0, 0);
    let curve25519 = ("ecdh-es.json".to_owned(), vectors::read(&cookbook.join("curve25519/ecdh-es.json")));
    for (name, example) in files(&cookbook.join("jwe")).into_iter().chain([curve25519]) {
        let Some(compact) = example["output"]["compact"].as_str() else {
            println!("{name}: not offered: only as JSON");
            not_offered += 1;
            continue;
        };
        match decrypt(&example["input"], compact) {
            Ok(plaintext) => {
                assert_eq!(plaintext, example["input"]["plaintext"].as_str().unwrap().as_bytes(), "{name}");
                decrypted += 1;
            }
            Err(jwe::Malformed::KeyManagement | jwe::Malformed::Compressed) => {
                println!("{name}: not offered: RSA1_5, PBES2 or compression");
                not_offered += 1;
            }
            Err(error) => panic!("{name}: {error}"),
        }
    }
    assert_eq!((decrypted, not_offered), (7, 7));
}

#[test]
fn a_signed_token_inside_an_encrypted_one() {
    let Some(cookbook) = vectors::folder("jose-cookbook") else { return };
    let example = vectors::read(&cookbook.join("6.nesting_signatures_and_encryption.json"));
    let encrypted = example["encrypt"]["output"]["compact"].as_str().unwrap();
    assert_eq!(jwe::parse(encrypted).unwrap().header.content_type.as_deref(), Some("JWT"));
    let inner = String::from_utf8(decrypt(&example["encrypt"]["input"], encrypted).unwrap()).unwrap();
    assert_eq!(example["sign"]["output"]["compact"], inner.as_str());
    verify("6", &example["sign"]["input"], &inner);
}

#[test]
fn keys_are_read_and_their_private_members_never_written() {
    let Some(cookbook) = vectors::folder("jose-cookbook") else { return };
    let mut read = 0;
    for (name, jwk) in files(&cookbook.join("jwk")) {
        let parsed = Jwk::from_json(jwk.to_string().as_bytes()).unwrap();
        assert_eq!(parsed.has_private_members, name.contains("private"), "{name}");
        if jwk["kty"] == "oct" {
            assert_eq!(parsed.to_public_value(), None, "{name}");
        } else {
            let mut public = jwk.clone();
            for member in ["d", "p", "q", "dp", "dq", "qi"] {
                public.as_object_mut().unwrap().remove(member);
            }
            assert_eq!(parsed.to_public_value(), Some(public), "{name}");
        }
        assert!(!format!("{parsed:?}").contains("[redacted]") || jwk["kty"] == "oct", "{name}");
        read += 1;
    }
    assert_eq!(read, 6);
}
