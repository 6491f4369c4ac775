//! A public key as certificates have it: `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7), in DER.

use crate::jwk::{Curve, Jwk, Material};

/// rsaEncryption with its NULL (RFC 3279 §2.3.1).
const RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
/// id-ecPublicKey (RFC 5480 §2.1.1), to be followed by the curve.
const EC: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];
const P521: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23];
/// id-Ed25519 and id-X25519 (RFC 8410 §3).
const ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];
const X25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x6e];

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;

impl Jwk {
    /// The key as a certificate has it, so that the two can be compared; `None` for a secret.
    #[must_use]
    pub fn to_spki_der(&self) -> Option<Vec<u8>> {
        let (algorithm, key) = match &self.material {
            Material::Ec { curve, x, y } => {
                let curve = match curve {
                    Curve::P256 => P256,
                    Curve::P384 => P384,
                    Curve::P521 => P521,
                };
                // SEC 1 §2.3.3: the uncompressed point.
                ([EC, curve].concat(), [&[4][..], x, y].concat())
            }
            Material::Rsa { modulus, exponent } => {
                // RFC 8017 §A.1.1.
                let numbers = [unsigned(modulus), unsigned(exponent)].concat();
                (RSA.to_vec(), element(SEQUENCE, &numbers))
            }
            Material::Ed25519 { x } => (ED25519.to_vec(), x.clone()),
            Material::X25519 { x } => (X25519.to_vec(), x.clone()),
            Material::Secret(_) => return None,
        };
        let bits = [&[0][..], &key].concat();
        let parts = [element(SEQUENCE, &algorithm), element(BIT_STRING, &bits)].concat();
        Some(element(SEQUENCE, &parts))
    }
}

/// X.690 §8.3: a number whose first bit is set gets a zero in front, or it would be negative.
fn unsigned(number: &[u8]) -> Vec<u8> {
    let is_high = number.first().is_some_and(|first| first & 0x80 != 0);
    element(INTEGER, &[if is_high { &[0][..] } else { &[] }, number].concat())
}

/// X.690 §8.1.3: tag, length, content.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant = length.iter().position(|byte| *byte != 0).unwrap_or(length.len() - 1);
    let length = length.get(significant..).unwrap_or_default();
    let mut der = vec![tag];
    match length {
        [short] if *short < 128 => der.push(*short),
        _ => {
            der.push(0x80 | u8::try_from(length.len()).unwrap_or_default());
            der.extend_from_slice(length);
        }
    }
    der.extend_from_slice(content);
    der
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::AsDer as _;
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
        EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    };
    use serde_json::json;

    use super::*;
    use crate::base64url::encode;

    fn spki(jwk: &serde_json::Value) -> Vec<u8> {
        Jwk::from_map(jwk.as_object().unwrap()).unwrap().to_spki_der().unwrap()
    }

    #[test]
    fn it_is_what_the_cryptography_library_writes() {
        for (algorithm, curve, size) in [
            (&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256", 32),
            (&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384", 48),
            (&ECDSA_P521_SHA512_FIXED_SIGNING, "P-521", 66),
        ] {
            let pair = EcdsaKeyPair::generate(algorithm).unwrap();
            let point = pair.public_key().as_ref();
            let (x, y) = point[1..].split_at(size);
            let jwk = json!({ "kty": "EC", "crv": curve, "x": encode(x), "y": encode(y) });
            assert_eq!(spki(&jwk), pair.public_key().as_der().unwrap().as_ref(), "{curve}");
        }
        let pair = Ed25519KeyPair::generate().unwrap();
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref()) });
        assert_eq!(spki(&jwk), pair.public_key().as_der().unwrap().as_ref());
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let public = pair.public_key();
        let n = encode(public.modulus().big_endian_without_leading_zero());
        let e = encode(public.exponent().big_endian_without_leading_zero());
        let jwk = json!({ "kty": "RSA", "n": n, "e": e });
        let der: aws_lc_rs::encoding::PublicKeyX509Der<'_> = public.as_der().unwrap();
        assert_eq!(spki(&jwk), der.as_ref());
        let secret = json!({ "kty": "oct", "k": encode(&[7; 32]) });
        assert_eq!(Jwk::from_map(secret.as_object().unwrap()).unwrap().to_spki_der(), None);
    }
}
