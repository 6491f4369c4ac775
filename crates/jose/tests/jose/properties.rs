//! Input nobody meant.

use std::sync::OnceLock;
use std::time::Duration;

use countersign_jose::jwt::{self, Validation};
use countersign_jose::{Algorithm, Algorithms, Jwk, JwkSet, PrivateJwk, SigningKey, VerifyingKey, jwe, jws};
use countersign_model::{SecretBytes, Timestamp};
use proptest::prelude::*;

fn keys() -> &'static (SigningKey, VerifyingKey) {
    static KEYS: OnceLock<(SigningKey, VerifyingKey)> = OnceLock::new();
    KEYS.get_or_init(|| {
        let signing = SigningKey::generate(Algorithm::ES256).unwrap();
        let verifying = VerifyingKey::from_jwk(&signing.public_jwk().unwrap(), Algorithm::ES256).unwrap();
        (signing, verifying)
    })
}

fn validation() -> Validation<'static> {
    Validation {
        issuer: "i",
        audiences: &["a"],
        types: &["", "JWT"],
        algorithms: Algorithms::of(&[Algorithm::ES256]),
        required: &[],
        leeway: Duration::from_secs(1),
        now: Timestamp::from_seconds(1_000),
    }
}

/// JSON as it might come: mostly well-formed, with names that matter.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|b| b.to_string()),
        any::<f64>().prop_map(|n| format!("{n:e}")),
        any::<i64>().prop_map(|n| n.to_string()),
        "\"[a-zA-Z0-9_-]{0,12}\"",
        Just("\"ES256\"".to_owned()),
        Just("\"A128GCM\"".to_owned()),
        Just("\"dir\"".to_owned()),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        let name = prop::sample::select(vec![
            "alg", "enc", "kid", "typ", "crit", "jwk", "epk", "apu", "zip", "iss", "aud", "exp", "nbf",
            "iat", "kty", "crv", "x", "y", "n", "e", "d", "k", "keys", "use", "key_ops",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((name, inner), 0..8).prop_map(|members| {
                let members: Vec<_> =
                    members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

fn base64url(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

proptest! {
    #[test]
    fn no_text_makes_a_parser_panic(text in any::<String>(), dotted in "[A-Za-z0-9_=-]{0,20}(\\.[A-Za-z0-9_=-]{0,20}){0,6}") {
        for text in [&text, &dotted] {
            let _ = jws::parse(text);
            let _ = jwe::parse(text);
            let _ = Jwk::from_json(text.as_bytes());
            let _ = JwkSet::from_json(text.as_bytes());
            let _ = PrivateJwk::from_json(&SecretBytes::new(text.clone().into_bytes()));
        }
    }

    #[test]
    fn no_json_makes_a_parser_panic(header in json(), payload in json(), rest in any::<[u8; 16]>()) {
        let _ = Jwk::from_json(header.as_bytes());
        let _ = JwkSet::from_json(header.as_bytes());
        let _ = PrivateJwk::from_json(&SecretBytes::new(header.clone().into_bytes()));
        let (header, rest) = (base64url(header.as_bytes()), base64url(&rest));
        let _ = jwe::parse(&format!("{header}.{rest}.{rest}.{rest}.{rest}"));
        let _ = jws::parse(&format!("{header}.{}.{rest}", base64url(payload.as_bytes())));
        let (signing, verifying) = keys();
        let token = jws::sign_compact(None, payload.as_bytes(), signing).unwrap();
        let _ = jwt::parse_and_validate(&token, verifying, &validation());
    }

    #[test]
    fn a_flipped_bit_never_verifies(at in any::<prop::sample::Index>(), bit in 0..8_u32) {
        let (signing, verifying) = keys();
        let claims = br#"{"iss":"i","aud":"a","exp":2000}"#;
        let token = jws::sign_compact(Some("JWT"), claims, signing).unwrap();
        prop_assert!(jwt::parse_and_validate(&token, verifying, &validation()).is_ok());
        let mut bytes = token.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(changed) = String::from_utf8(bytes) {
            prop_assert!(jwt::parse_and_validate(&changed, verifying, &validation()).is_err());
        }
    }

    #[test]
    fn any_date_is_taken_or_refused(exp in prop_oneof![any::<f64>().prop_map(|n| format!("{n:e}")), "-?[1-9][0-9]{0,30}(\\.[0-9]{1,9})?"]) {
        let (signing, verifying) = keys();
        let claims = format!(r#"{{"iss":"i","aud":"a","exp":{exp}}}"#);
        let token = jws::sign_compact(Some("JWT"), claims.as_bytes(), signing).unwrap();
        let taken = jwt::parse_and_validate(&token, verifying, &validation());
        // Where it is taken it lies ahead; nothing wraps around.
        if let Ok(claims) = taken {
            prop_assert!(claims.expires_at > Timestamp::from_seconds(998));
            prop_assert!(exp.parse::<f64>().unwrap() > 998.0);
        }
    }
}
