//! DPoP proofs (RFC 9449 §4).

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_access::dpop::{Wanted, check};
use countersign_jose::{Algorithm, SigningKey};
use countersign_model::Timestamp;
use serde_json::{Value, json};

const URL: &str = "https://api.example.com/orders";
const NOW: i64 = 1_700_000_000;

/// Somebody's key, as a thumbprint, and a proof of it. Ed25519, whose signatures have one form only.
static PROOF: LazyLock<([u8; 32], String)> = LazyLock::new(|| {
    let key = SigningKey::generate(Algorithm::EdDSA).unwrap();
    let header = json!({ "typ": "dpop+jwt", "alg": "EdDSA", "jwk": key.public_jwk_value().unwrap() });
    let claims = json!({ "jti": "1", "htm": "GET", "htu": URL, "iat": NOW });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!("{}.{}", part(&header), part(&claims));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes()).unwrap());
    (key.public_jwk().unwrap().thumbprint_sha256(), format!("{input}.{signature}"))
});

/// The proof that is good; the seed from which others are made.
#[must_use]
pub(crate) fn good_proof() -> &'static str {
    &PROOF.1
}

/// A proof is refused, or of another key, or it is the one that was signed.
pub(crate) fn dpop_proof(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let now = Timestamp::from_seconds(NOW);
    let wanted = Wanted { method: "GET", targets: &[URL], access_token: None, nonces: None, now };
    match check(text, &wanted) {
        Ok(proof) if proof.key == PROOF.0 => assert_eq!(text, PROOF.1, "another text than the signed one"),
        Ok(_) => {}
        Err(refusal) => assert_ne!(text, PROOF.1, "the signed proof was refused: {refusal}"),
    }
    // Nothing is good for another request.
    let elsewhere = Wanted { targets: &["https://evil.example.com/orders"], ..wanted };
    assert!(text != PROOF.1 || check(text, &elsewhere).is_err());
}
