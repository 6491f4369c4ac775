//! Keys that verify: parsed once, for one algorithm.

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{self, ParsedPublicKey, VerificationAlgorithm};
use aws_lc_rs::{constant_time, hmac};
use countersign_model::{KeyId, SecretBytes};

use crate::algorithm::Algorithm;
use crate::jwk::{Curve, InvalidJwk, Jwk, Material};

/// A key bound to one algorithm, ready to verify. Nothing a token says changes either.
#[derive(Clone)]
pub struct VerifyingKey {
    kid: Option<KeyId>,
    algorithm: Algorithm,
    key: Key,
}

#[derive(Clone)]
enum Key {
    Public(Box<ParsedPublicKey>),
    Secret(Box<hmac::Key>),
}

impl VerifyingKey {
    /// The key of a JWK, for this algorithm.
    ///
    /// # Errors
    /// When the JWK is of another type, for something else, too weak or no valid key.
    pub fn from_jwk(jwk: &Jwk, algorithm: Algorithm) -> Result<Self, InvalidJwk> {
        if !jwk.allows(algorithm, "verify") {
            return Err(InvalidJwk::WrongUse);
        }
        let key = match &jwk.material {
            Material::Ec { curve, x, y } => {
                let algorithm = ecdsa(*curve, algorithm).ok_or(InvalidJwk::WrongUse)?;
                // SEC 1 §2.3.3: the uncompressed point.
                let point = [&[4][..], x, y].concat();
                Key::Public(Box::new(ParsedPublicKey::new(algorithm, point).map_err(|_| InvalidJwk::Unfit)?))
            }
            Material::Rsa { modulus, exponent } => {
                let algorithm = rsa(algorithm).ok_or(InvalidJwk::WrongUse)?;
                let components = PublicKeyComponents { n: modulus.as_slice(), e: exponent.as_slice() };
                let parsed = components.to_parsed_public_key(algorithm).map_err(|_| InvalidJwk::Unfit)?;
                Key::Public(Box::new(parsed))
            }
            Material::Ed25519 { x } => {
                if algorithm != Algorithm::EdDSA {
                    return Err(InvalidJwk::WrongUse);
                }
                let parsed = ParsedPublicKey::new(&signature::ED25519, x).map_err(|_| InvalidJwk::Unfit)?;
                Key::Public(Box::new(parsed))
            }
            Material::X25519 { .. } => return Err(InvalidJwk::WrongUse),
            Material::Secret(secret) => return Self::from_secret(secret, algorithm, jwk.kid.clone()),
        };
        Ok(Self { kid: jwk.kid.clone(), algorithm, key })
    }

    /// A shared secret, for an HMAC algorithm.
    ///
    /// # Errors
    /// When the algorithm is no HMAC, or the secret is shorter than its output (RFC 7518 §3.2).
    pub fn from_secret(
        secret: &SecretBytes,
        algorithm: Algorithm,
        kid: Option<KeyId>,
    ) -> Result<Self, InvalidJwk> {
        let (hash, shortest) = hmac_of(algorithm).ok_or(InvalidJwk::WrongUse)?;
        if secret.expose().len() < shortest {
            return Err(InvalidJwk::Unfit);
        }
        Ok(Self { kid, algorithm, key: Key::Secret(Box::new(hmac::Key::new(hash, secret.expose()))) })
    }

    /// Which key it is.
    #[must_use]
    pub const fn kid(&self) -> Option<&KeyId> {
        self.kid.as_ref()
    }

    /// The one algorithm it verifies.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether the signature over the message is the key's.
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.key {
            Key::Public(key) => key.verify_sig(message, signature).is_ok(),
            Key::Secret(key) => {
                let tag = hmac::sign(key, message);
                constant_time::verify_slices_are_equal(tag.as_ref(), signature).is_ok()
            }
        }
    }
}

impl std::fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// RFC 7518 §3.4: each ECDSA algorithm has its curve.
fn ecdsa(curve: Curve, algorithm: Algorithm) -> Option<&'static dyn VerificationAlgorithm> {
    match (curve, algorithm) {
        (Curve::P256, Algorithm::ES256) => Some(&signature::ECDSA_P256_SHA256_FIXED),
        (Curve::P384, Algorithm::ES384) => Some(&signature::ECDSA_P384_SHA384_FIXED),
        (Curve::P521, Algorithm::ES512) => Some(&signature::ECDSA_P521_SHA512_FIXED),
        _ => None,
    }
}

fn rsa(algorithm: Algorithm) -> Option<&'static signature::RsaParameters> {
    match algorithm {
        Algorithm::RS256 => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::RS384 => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::RS512 => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::PS256 => Some(&signature::RSA_PSS_2048_8192_SHA256),
        Algorithm::PS384 => Some(&signature::RSA_PSS_2048_8192_SHA384),
        Algorithm::PS512 => Some(&signature::RSA_PSS_2048_8192_SHA512),
        _ => None,
    }
}

/// RFC 7518 §3.2: the hash, and the shortest secret in octets.
pub(crate) fn hmac_of(algorithm: Algorithm) -> Option<(hmac::Algorithm, usize)> {
    match algorithm {
        Algorithm::HS256 => Some((hmac::HMAC_SHA256, 32)),
        Algorithm::HS384 => Some((hmac::HMAC_SHA384, 48)),
        Algorithm::HS512 => Some((hmac::HMAC_SHA512, 64)),
        _ => None,
    }
}
