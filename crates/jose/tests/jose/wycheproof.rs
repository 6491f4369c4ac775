//! Project Wycheproof's JOSE vectors: what is labelled valid is taken, what is labelled invalid refused.

use countersign_jose::jwe::{self, ContentEncryption, DecryptionKey, KeyManagement};
use countersign_jose::{Algorithm, Algorithms, InvalidJwk, Jwk, JwkSet, PrivateJwk, VerifyingKey, jws};
use countersign_model::SecretBytes;
use serde_json::Value;

use crate::vectors;

/// Labelled valid, yet with characters outside base64url: refusing them is right (RFC 7515 §2).
const MISLABELLED: [u64; 2] = [372, 373];
/// Labelled invalid, but byte for byte the same as 357, which is labelled valid and is.
const SAME_AS_357: [u64; 2] = [367, 370];
/// Labelled valid, but the key's `alg` names another algorithm than the signature's (`PS256` for a PS384, and `ES521`,
/// which is none): a key is for the algorithm it names (RFC 7517 §4.4, RFC 8725 §3.1).
const FOR_ANOTHER_ALGORITHM: [u64; 4] = [346, 347, 350, 351];

enum Verdict {
    Taken(Vec<u8>),
    Refused,
    NotOffered(&'static str),
}

#[derive(Default, Debug, PartialEq)]
struct Count {
    agree: usize,
    not_offered: usize,
    excepted: usize,
}

fn run(file: &str, judge: impl Fn(&Value, &Value) -> Verdict, excepted: &[u64]) -> Option<Count> {
    let data = vectors::read(&vectors::folder("wycheproof")?.join(file));
    let mut count = Count::default();
    let mut wrong = Vec::new();
    for group in data["testGroups"].as_array().unwrap() {
        for test in group["tests"].as_array().unwrap() {
            let id = test["tcId"].as_u64().unwrap();
            let is_valid = test["result"] == "valid";
            match (judge(group, test), is_valid) {
                (Verdict::Taken(_), true) | (Verdict::Refused | Verdict::NotOffered(_), false) => {
                    count.agree += 1
                }
                (Verdict::NotOffered(why), true) => {
                    println!("{file} {id}: not offered: {why}");
                    count.not_offered += 1;
                }
                (Verdict::Refused, true) | (Verdict::Taken(_), false) if excepted.contains(&id) => {
                    count.excepted += 1;
                }
                (Verdict::Refused, true) => wrong.push((id, "refused, but valid")),
                (Verdict::Taken(_), false) => wrong.push((id, "taken, but invalid")),
            }
        }
    }
    println!("{file}: {count:?}");
    assert_eq!(wrong, [], "{file}");
    Some(count)
}

/// The public key or keys of a group; a secret has no public half.
fn public_keys(group: &Value) -> Result<Vec<Jwk>, InvalidJwk> {
    let key = group.get("public").filter(|key| !key.is_null()).unwrap_or(&group["private"]);
    let bytes = key.to_string().into_bytes();
    if key.get("keys").is_some() {
        Ok(JwkSet::from_json(&bytes)?.keys)
    } else {
        Ok(vec![Jwk::from_json(&bytes)?])
    }
}

fn judge_jws(group: &Value, test: &Value) -> Verdict {
    let text = text(&test["jws"]);
    let Ok(token) = jws::parse(&text) else { return Verdict::Refused };
    if token.header.has_embedded_key {
        return Verdict::Refused;
    }
    let kid = token.header.kid.as_deref();
    let keys = public_keys(group).unwrap_or_default();
    let key = keys
        .iter()
        .filter(|jwk| jwk.kid.is_none() || kid.is_none() || jwk.kid.as_ref().map(AsRef::as_ref) == kid)
        .find_map(|jwk| VerifyingKey::from_jwk(jwk, token.header.algorithm).ok());
    match key.and_then(|key| token.verify(&key, Algorithms::of(&Algorithm::ALL))) {
        Some(payload) => Verdict::Taken(payload),
        None => Verdict::Refused,
    }
}

fn judge_jwe(group: &Value, test: &Value) -> Verdict {
    let text = text(&test["jwe"]);
    let token = match jwe::parse(&text) {
        Ok(token) => token,
        Err(jwe::Malformed::KeyManagement) => return Verdict::NotOffered("key management"),
        Err(jwe::Malformed::ContentEncryption) => return Verdict::NotOffered("content encryption"),
        Err(jwe::Malformed::Compressed) => return Verdict::NotOffered("compression"),
        Err(_) => return Verdict::Refused,
    };
    // A key is for what it names itself, not for what a token says.
    let named = group["private"]["alg"].as_str().unwrap();
    let management = if named.parse::<ContentEncryption>().is_ok() { "dir" } else { named };
    let Ok(management) = management.parse::<KeyManagement>() else {
        return Verdict::NotOffered("key management");
    };
    let bytes = SecretBytes::new(group["private"].to_string().into_bytes());
    let key = DecryptionKey::from_private_jwk(&PrivateJwk::from_json(&bytes).unwrap(), management).unwrap();
    match token.decrypt(&key, &ContentEncryption::ALL) {
        Ok(plaintext) => Verdict::Taken(plaintext.expose().clone()),
        Err(_) => Verdict::Refused,
    }
}

/// Some are in JSON rather than compact.
fn text(token: &Value) -> String {
    token.as_str().map_or_else(|| token.to_string(), str::to_owned)
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn signatures() {
    let excepted: Vec<u64> =
        MISLABELLED.into_iter().chain(SAME_AS_357).chain(FOR_ANOTHER_ALGORITHM).collect();
    let the_same = std::cell::RefCell::new(Vec::new());
    let judge = |group: &Value, test: &Value| {
        let verdict = judge_jws(group, test);
        let id = test["tcId"].as_u64().unwrap();
        assert!(!MISLABELLED.contains(&id) || matches!(verdict, Verdict::Refused), "{id}");
        if id == 357 || SAME_AS_357.contains(&id) {
            the_same.borrow_mut().push(test["jws"].clone());
        }
        verdict
    };
    if let Some(count) = run("json_web_signature_test.json", judge, &excepted) {
        assert_eq!(count, Count { agree: 393, not_offered: 0, excepted: 8 });
        let the_same = the_same.into_inner();
        assert!(the_same.len() == 3 && the_same.iter().all(|jws| *jws == the_same[0]));
    }
}

#[test]
fn encryptions() {
    let judge = |group: &Value, test: &Value| {
        let verdict = judge_jwe(group, test);
        if let Verdict::Taken(plaintext) = &verdict
            && let Some(wanted) = test["pt"].as_str()
        {
            assert_eq!(*plaintext, unhex(wanted), "{}", test["tcId"]);
        }
        verdict
    };
    // Three of 192-bit key wrap, eight of RSA1_5, one compressed.
    if let Some(count) = run("json_web_encryption_test.json", judge, &[]) {
        assert_eq!(count, Count { agree: 127, not_offered: 12, excepted: 0 });
    }
}

#[test]
fn keys() {
    if let Some(count) = run("json_web_key_test.json", judge_jws, &[]) {
        assert_eq!(count, Count { agree: 26, not_offered: 0, excepted: 0 });
    }
}

#[test]
fn combined() {
    let judge = |group: &Value, test: &Value| {
        if test.get("jws").is_some() { judge_jws(group, test) } else { judge_jwe(group, test) }
    };
    if let Some(count) = run("json_web_crypto_test.json", judge, &[]) {
        assert_eq!(count, Count { agree: 83, not_offered: 0, excepted: 0 });
    }
}

#[test]
fn a_modulus_of_the_faulty_generator_is_known_by_its_mark() {
    let Some(folder) = vectors::folder("wycheproof") else { return };
    let data = vectors::read(&folder.join("json_web_key_test.json"));
    let groups = data["testGroups"].as_array().unwrap();
    let group = groups.iter().find(|group| group["comment"] == "jws_rsa_roca_key").unwrap();
    let key = group["public"]["keys"][0].to_string();
    assert_eq!(Jwk::from_json(key.as_bytes()).unwrap_err(), InvalidJwk::Broken);
}
