//! The crate `jsonwebtoken` as a judge: what we sign it takes, what it signs we take, and we take nothing it refuses.

use countersign_jose::{Algorithm, Algorithms, SigningKey, VerifyingKey, jws};
use countersign_model::{KeyId, SecretBytes};
use jsonwebtoken as other;
use proptest::prelude::*;

const ALGORITHMS: [(Algorithm, other::Algorithm); 12] = [
    (Algorithm::ES256, other::Algorithm::ES256),
    (Algorithm::ES384, other::Algorithm::ES384),
    (Algorithm::RS256, other::Algorithm::RS256),
    (Algorithm::RS384, other::Algorithm::RS384),
    (Algorithm::RS512, other::Algorithm::RS512),
    (Algorithm::PS256, other::Algorithm::PS256),
    (Algorithm::PS384, other::Algorithm::PS384),
    (Algorithm::PS512, other::Algorithm::PS512),
    (Algorithm::EdDSA, other::Algorithm::EdDSA),
    (Algorithm::HS256, other::Algorithm::HS256),
    (Algorithm::HS384, other::Algorithm::HS384),
    (Algorithm::HS512, other::Algorithm::HS512),
];
const SECRET: [u8; 64] = [9; 64];
const CLAIMS: &str = r#"{"sub":"a","n":1}"#;

struct Pair {
    signing: SigningKey,
    verifying: VerifyingKey,
    encoding: other::EncodingKey,
    decoding: other::DecodingKey,
    judge: other::Validation,
    allowed: Algorithms,
}

fn pair(ours: Algorithm, theirs: other::Algorithm) -> Pair {
    let mut judge = other::Validation::new(theirs);
    judge.required_spec_claims.clear();
    judge.validate_exp = false;
    let allowed = Algorithms::of(&[ours]);
    if ours.is_symmetric() {
        let secret = SecretBytes::new(SECRET.to_vec());
        return Pair {
            signing: SigningKey::from_secret(&secret, ours, KeyId::from("s")).unwrap(),
            verifying: VerifyingKey::from_secret(&secret, ours, None).unwrap(),
            encoding: other::EncodingKey::from_secret(&SECRET),
            decoding: other::DecodingKey::from_secret(&SECRET),
            judge,
            allowed,
        };
    }
    let signing = SigningKey::generate(ours).unwrap();
    let pem = pem(signing.to_pkcs8().unwrap().expose());
    let encoding = match ours {
        Algorithm::ES256 | Algorithm::ES384 => other::EncodingKey::from_ec_pem(pem.as_bytes()),
        Algorithm::EdDSA => other::EncodingKey::from_ed_pem(pem.as_bytes()),
        _ => other::EncodingKey::from_rsa_pem(pem.as_bytes()),
    };
    let jwk = serde_json::from_value(signing.public_jwk_value().unwrap()).unwrap();
    Pair {
        verifying: VerifyingKey::from_jwk(&signing.public_jwk().unwrap(), ours).unwrap(),
        encoding: encoding.unwrap(),
        decoding: other::DecodingKey::from_jwk(&jwk).unwrap(),
        signing,
        judge,
        allowed,
    }
}

fn pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}

impl Pair {
    fn ours(&self, token: &str) -> bool {
        jws::parse(token).is_ok_and(|token| token.verify(&self.verifying, self.allowed).is_some())
    }

    fn theirs(&self, token: &str) -> bool {
        other::decode::<serde_json::Value>(token, &self.decoding, &self.judge).is_ok()
    }
}

#[test]
fn each_takes_what_the_other_signs() {
    for (ours, theirs) in ALGORITHMS {
        let pair = pair(ours, theirs);
        let token = jws::sign_compact(Some("JWT"), CLAIMS.as_bytes(), &pair.signing).unwrap();
        assert!(pair.ours(&token) && pair.theirs(&token), "{ours}: ours");
        let claims: serde_json::Value = serde_json::from_str(CLAIMS).unwrap();
        let token = other::encode(&other::Header::new(theirs), &claims, &pair.encoding).unwrap();
        assert!(pair.ours(&token) && pair.theirs(&token), "{ours}: theirs");
    }
}

#[test]
fn no_algorithm_passes_for_another() {
    let pairs: Vec<(Algorithm, Pair)> =
        ALGORITHMS.into_iter().map(|(ours, theirs)| (ours, pair(ours, theirs))).collect();
    for (signed, signer) in &pairs {
        let token = jws::sign_compact(None, CLAIMS.as_bytes(), &signer.signing).unwrap();
        for (wanted, verifier) in pairs.iter().filter(|(wanted, _)| wanted != signed) {
            assert!(!verifier.ours(&token) && !verifier.theirs(&token), "{signed} as {wanted}");
        }
    }
}

proptest! {
    #[test]
    fn nothing_is_taken_that_the_other_refuses(
        at in any::<prop::sample::Index>(),
        with in prop::sample::select(b"ABZaz019-_=.+/ \n".to_vec()),
        which in 0..3_usize,
    ) {
        // Keys that are cheap to make; the parsing is the same for all.
        let (ours, theirs) = [ALGORITHMS[0], ALGORITHMS[8], ALGORITHMS[9]][which];
        let pair = pair(ours, theirs);
        let token = jws::sign_compact(Some("JWT"), CLAIMS.as_bytes(), &pair.signing).unwrap();
        let mut bytes = token.clone().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = with;
        let changed = String::from_utf8(bytes).unwrap();
        prop_assert!(!pair.ours(&changed) || pair.theirs(&changed));
        prop_assert_eq!(pair.ours(&changed), changed == token);
    }
}
