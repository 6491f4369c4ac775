//! JOSE: compact tokens, key sets, claims.

use std::sync::LazyLock;
use std::time::Duration;

use countersign_jose::jwt::{self, Validation};
use countersign_jose::{Algorithm, Algorithms, Jwk, JwkSet, SigningKey, VerifyingKey, jws};
use countersign_model::{KeyId, SecretBytes, Timestamp};

const ISSUER: &str = "https://id.example.com";
const CLAIMS: &str =
    r#"{"iss":"https://id.example.com","aud":"api","sub":"carol","iat":1000,"exp":2000000000}"#;

/// A key whose signatures have one form only, so that whatever verifies is the one token we made.
static KEY: LazyLock<(VerifyingKey, String)> = LazyLock::new(|| {
    let secret = SecretBytes::new(vec![7; 32]);
    let signing = SigningKey::from_secret(&secret, Algorithm::HS256, KeyId::new("one")).unwrap();
    let token = jws::sign_compact(Some("at+jwt"), CLAIMS.as_bytes(), &signing).unwrap();
    (VerifyingKey::from_secret(&secret, Algorithm::HS256, None).unwrap(), token)
});

/// The token that is good; the seed from which others are made.
#[must_use]
pub(crate) fn good_token() -> &'static str {
    &KEY.1
}

/// A token is refused, or it is the one that was signed.
pub(crate) fn token(data: &[u8]) {
    let _ = JwkSet::from_json(data);
    if let Ok(key) = Jwk::from_json(data) {
        for algorithm in Algorithm::ALL {
            let _ = VerifyingKey::from_jwk(&key, algorithm);
        }
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    let validation = Validation {
        issuer: ISSUER,
        audiences: &["api"],
        types: &["at+jwt"],
        algorithms: Algorithms::of(&[Algorithm::HS256, Algorithm::ES256]),
        required: &["sub"],
        leeway: Duration::from_secs(5),
        now: Timestamp::from_seconds(1_500_000_000),
    };
    if let Ok(claims) = jwt::parse_and_validate(text, &KEY.0, &validation) {
        assert_eq!(text, KEY.1, "another text than the signed one was accepted");
        assert_eq!(claims.subject.as_deref(), Some("carol"));
    } else {
        assert_ne!(text, KEY.1, "the signed token was refused");
    }
}
