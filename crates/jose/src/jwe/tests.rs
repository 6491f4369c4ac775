use countersign_model::{SecretBytes, SystemRng};
use serde_json::{Value, json};

use super::*;
use crate::{Jwk, PrivateJwk, base64url};

fn secret(length: usize) -> Value {
    json!({ "kty": "oct", "k": base64url::encode(&vec![7; length]) })
}

/// A fresh key of every kind, as a private JWK.
fn private(management: KeyManagement) -> Value {
    let size = |length| secret(length);
    match management {
        KeyManagement::Dir => size(32),
        KeyManagement::A128KW | KeyManagement::A128GCMKW => size(16),
        KeyManagement::A192GCMKW => size(24),
        KeyManagement::A256KW | KeyManagement::A256GCMKW => size(32),
        KeyManagement::RsaOaep | KeyManagement::RsaOaep256 => rsa(),
        KeyManagement::EcdhEs | KeyManagement::EcdhEsA128KW | KeyManagement::EcdhEsA256KW => json!({
            // RFC 7517 §A.2.
            "kty": "EC", "crv": "P-256", "kid": "1",
            "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
            "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
            "d": "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE",
        }),
    }
}

/// RFC 7517 §A.2.
fn rsa() -> Value {
    json!({
        "kty": "RSA",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
        "e": "AQAB",
        "d": "X4cTteJY_gn4FYPsXB8rdXix5vwsg1FLN5E3EaG6RJoVH-HLLKD9M7dx5oo7GURknchnrRweUkC7hT5fJLM0WbFAKNLWY2vv7B6NqXSzUvxT0_YSfqijwp3RTzlBaCxWp4doFk5N2o8Gy_nHNKroADIkJ46pRUohsXywbReAdYaMwFs9tv8d_cPVY3i07a3t8MN6TNwm0dSawm9v47UiCl3Sk5ZiG7xojPLu4sbg1U2jx4IBTNBznbJSzFHK66jT8bgkuqsk0GjskDJk19Z4qwjwbsnn4j2WBii3RL-Us2lGVkY8fkFzme1z0HbIkfz0Y6mqnOYtqc0X4jfcKoAC8Q",
        "p": "83i-7IvMGXoMXCskv73TKr8637FiO7Z27zv8oj6pbWUQyLPQBQxtPVnwD20R-60eTDmD2ujnMt5PoqMrm8RfmNhVWDtjjMmCMjOpSXicFHj7XOuVIYQyqVWlWEh6dN36GVZYk93N8Bc9vY41xy8B9RzzOGVQzXvNEvn7O0nVbfs",
        "q": "3dfOR9cuYq-0S-mkFLzgItgMEfFzB2q3hWehMuG0oCuqnb3vobLyumqjVZQO1dIrdwgTnCdpYzBcOfW5r370AFXjiWft_NGEiovonizhKpo9VVS78TzFgxkIdrecRezsZ-1kYd_s1qDbxtkDEgfAITAG9LUnADun4vIcb6yelxk",
        "dp": "G4sPXkc6Ya9y8oJW9_ILj4xuppu0lzi_H7VTkS8xj5SdX3coE0oimYwxIi2emTAue0UOa5dpgFGyBJ4c8tQ2VF402XRugKDTP8akYhFo5tAA77Qe_NmtuYZc3C3m3I24G2GvR5sSDxUyAN2zq8Lfn9EUms6rY3Ob8YeiKkTiBj0",
        "dq": "s9lAH9fggBsoFR8Oac2R_E2gw282rT2kGOAhvIllETE1efrA6huUUvMfBcMpn8lqeW6vzznYY5SSQF7pMdC_agI3nG8Ibp1BUb0JUiraRNqUfLhcQb_d9GF4Dh7e74WbRsobRonujTYN1xCaP6TO61jvWrX-L18txXw494Q_cgk",
        "qi": "GyM_p6JrXySiz1toFgKbWV-JdI3jQ4ypu9rbMWx3rQJBfmt0FoYzgUIZEVFEcOqwemRN81zoDAaa-Bk0KWNGDjJHZDdDmFhW3AN7lI-puxk_mHZGJ11rxyR8O55XLSe3SPmRfKwZI6yU24ZxvQKFYItdldUKGzO6Ia6zTKhAVRU",
    })
}

fn keys(jwk: &Value, management: KeyManagement) -> (EncryptionKey, DecryptionKey) {
    let bytes = jwk.to_string().into_bytes();
    let public = Jwk::from_json(&bytes).unwrap();
    let private = PrivateJwk::from_json(&SecretBytes::new(bytes)).unwrap();
    (
        EncryptionKey::from_jwk(&public, management).unwrap(),
        DecryptionKey::from_private_jwk(&private, management).unwrap(),
    )
}

#[test]
fn every_pair_of_algorithms_takes_a_text_there_and_back_and_no_part_can_change() {
    for management in KeyManagement::ALL {
        for encryption in ContentEncryption::ALL {
            let jwk = match management {
                KeyManagement::Dir => secret(encryption.key_size()),
                other => private(other),
            };
            let (public, own) = keys(&jwk, management);
            let text = encrypt_compact(Some("JWT"), b"the text", &public, encryption, &SystemRng).unwrap();
            let parsed = parse(&text).unwrap();
            assert_eq!(parsed.header.content_type.as_deref(), Some("JWT"));
            let plain = parsed.decrypt(&own, &[encryption]).unwrap();
            assert_eq!(plain.expose(), b"the text", "{management} {encryption}");
            assert_eq!(parsed.decrypt(&own, &[]).unwrap_err(), Undecryptable::NotAllowed);
            for at in 0..5 {
                let mut parts: Vec<Vec<u8>> =
                    text.split('.').map(|part| base64url::decode(part).unwrap()).collect();
                match parts[at].last_mut() {
                    Some(last) => *last ^= 1,
                    None => parts[at].push(1),
                }
                let parts: Vec<String> = parts.iter().map(|part| base64url::encode(part)).collect();
                let decrypted = parse(&parts.join(".")).ok().map(|jwe| jwe.decrypt(&own, &[encryption]));
                assert!(!matches!(decrypted, Some(Ok(_))), "{management} {encryption}: part {at}");
            }
        }
    }
}

#[test]
fn x25519_agrees_too() {
    // RFC 8037 §A.6: the recipient's key of RFC 7748 §6.1.
    let jwk = json!({
        "kty": "OKP", "crv": "X25519", "kid": "Bob",
        "x": "3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08",
        "d": "XasIfmJKikt54X-Lg4AO5m87sSkmGLb9HC-LJ_-I4Os",
    });
    let (public, own) = keys(&jwk, KeyManagement::EcdhEsA256KW);
    let text = encrypt_compact(None, b"x", &public, ContentEncryption::A128Gcm, &SystemRng).unwrap();
    let plain = parse(&text).unwrap().decrypt(&own, &ContentEncryption::ALL).unwrap();
    assert_eq!(plain.expose(), b"x");
}

#[test]
fn keys_are_for_what_they_say_and_fit_it() {
    let refusal = |jwk: Value, management| {
        let jwk = PrivateJwk::from_json(&SecretBytes::new(jwk.to_string().into_bytes())).unwrap();
        DecryptionKey::from_private_jwk(&jwk, management).unwrap_err().to_string()
    };
    let with = |mut jwk: Value, name: &str, value: Value| {
        jwk[name] = value;
        jwk
    };
    let wrong_use = "the key is for something else";
    assert_eq!(refusal(with(secret(16), "use", json!("sig")), KeyManagement::A128KW), wrong_use);
    assert_eq!(refusal(with(secret(16), "alg", json!("A128GCMKW")), KeyManagement::A128KW), wrong_use);
    assert_eq!(refusal(with(secret(16), "key_ops", json!(["wrapKey"])), KeyManagement::A128KW), wrong_use);
    assert_eq!(refusal(rsa(), KeyManagement::EcdhEs), wrong_use);
    assert_eq!(refusal(private(KeyManagement::EcdhEs), KeyManagement::RsaOaep), wrong_use);
    assert_eq!(refusal(secret(16), KeyManagement::RsaOaep), wrong_use);
    assert!(refusal(secret(17), KeyManagement::A128KW).contains("too weak"));
    // A private key that is not the public one's.
    let d = json!("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE");
    assert!(
        refusal(with(private(KeyManagement::EcdhEs), "d", d), KeyManagement::EcdhEs).contains("no point")
    );
}

#[test]
fn what_is_not_offered_has_its_reason() {
    let reason = |header: Value| {
        parse(&format!("{}....", base64url::encode(header.to_string().as_bytes()))).unwrap_err()
    };
    assert_eq!(reason(json!({ "alg": "RSA1_5", "enc": "A128GCM" })), Malformed::KeyManagement);
    assert_eq!(reason(json!({ "alg": "PBES2-HS256+A128KW", "enc": "A128GCM" })), Malformed::KeyManagement);
    assert_eq!(reason(json!({ "alg": "dir", "enc": "none" })), Malformed::ContentEncryption);
    assert_eq!(reason(json!({ "alg": "dir", "enc": "A128GCM", "zip": "DEF" })), Malformed::Compressed);
    assert_eq!(reason(json!({ "alg": "dir", "enc": "A128GCM", "crit": ["x"] })), Malformed::Critical);
    assert_eq!(reason(json!({ "alg": "ECDH-ES", "enc": "A128GCM" })), Malformed::Header);
    let twice = base64url::encode(br#"{"alg":"dir","alg":"dir","enc":"A128GCM"}"#);
    assert_eq!(parse(&format!("{twice}....")).unwrap_err(), Malformed::Duplicate);
    assert_eq!(parse("a.b.c").unwrap_err(), Malformed::Structure);
    assert_eq!(parse(&format!("{twice}.....")).unwrap_err(), Malformed::Structure);
    assert_eq!(parse(&"a".repeat(LONGEST + 1)).unwrap_err(), Malformed::TooLong);
}
