//! Keys that sign: parsed once, for one algorithm.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaEncoding,
};
use countersign_model::{KeyId, SecretBytes};
use serde_json::Value;

use crate::algorithm::Algorithm;
use crate::jwk::{Curve, Jwk, Material};
use crate::private_jwk::{Numbers, PrivateJwk};
use crate::verifying::hmac_of;

/// A key bound to one algorithm, ready to sign.
pub struct SigningKey {
    kid: KeyId,
    algorithm: Algorithm,
    /// A header's JSON up to and with `kid`; the closing brace is missing.
    header: Box<str>,
    key: Key,
}

enum Key {
    Ecdsa(Box<EcdsaKeyPair>),
    Rsa(Box<RsaKeyPair>, &'static dyn RsaEncoding),
    Ed25519(Box<Ed25519KeyPair>),
    Secret(Box<hmac::Key>),
}

/// A key can't be made or used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the key can't be used for {0}: it is of another type, too short, or damaged")]
pub struct InvalidKey(pub Algorithm);

impl SigningKey {
    /// Makes a fresh key; RSA keys have 2048 bits, see [`SigningKey::generate_rsa_3072`]. Its `kid` is its thumbprint (RFC 7638).
    ///
    /// Key generation takes its randomness from the cryptography library, not from an injected source.
    ///
    /// # Errors
    /// [`InvalidKey`] for an HMAC algorithm, whose secret somebody chooses.
    pub fn generate(algorithm: Algorithm) -> Result<Self, InvalidKey> {
        let invalid = InvalidKey(algorithm);
        let key = match algorithm {
            Algorithm::ES256 | Algorithm::ES384 | Algorithm::ES512 => {
                let curve = ecdsa(algorithm).ok_or(invalid)?;
                Key::Ecdsa(Box::new(EcdsaKeyPair::generate(curve).map_err(|_| invalid)?))
            }
            Algorithm::EdDSA => Key::Ed25519(Box::new(Ed25519KeyPair::generate().map_err(|_| invalid)?)),
            Algorithm::RS256
            | Algorithm::RS384
            | Algorithm::RS512
            | Algorithm::PS256
            | Algorithm::PS384
            | Algorithm::PS512 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| invalid)?;
                Key::Rsa(Box::new(pair), rsa(algorithm).ok_or(invalid)?)
            }
            Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => return Err(invalid),
        };
        Self::named(algorithm, key)
    }

    /// Makes a fresh RSA key of 3072 bits, for those whose rules ask for 128 bits of strength.
    ///
    /// # Errors
    /// [`InvalidKey`] for an algorithm that is not RSA.
    pub fn generate_rsa_3072(algorithm: Algorithm) -> Result<Self, InvalidKey> {
        let encoding = rsa(algorithm).ok_or(InvalidKey(algorithm))?;
        let pair = RsaKeyPair::generate(KeySize::Rsa3072).map_err(|_| InvalidKey(algorithm))?;
        Self::named(algorithm, Key::Rsa(Box::new(pair), encoding))
    }

    /// Reads the private key of a JWK (RFC 7518 §6). Its `kid` is the JWK's, or else its thumbprint.
    ///
    /// # Errors
    /// [`InvalidKey`] when it is no such key, is for something else, or its public half is another's.
    pub fn from_private_jwk(jwk: &PrivateJwk, algorithm: Algorithm) -> Result<Self, InvalidKey> {
        let invalid = InvalidKey(algorithm);
        if !jwk.public().allows(algorithm, "sign") {
            return Err(invalid);
        }
        let kid = jwk.public().kid.clone();
        let key = match (jwk.numbers(), &jwk.public().material) {
            (Numbers::Scalar(d), Material::Ec { x, y, .. }) => {
                let curve = ecdsa(algorithm).ok_or(invalid)?;
                let point = [&[4][..], x, y].concat();
                let pair = EcdsaKeyPair::from_private_key_and_public_key(curve, d.expose(), &point);
                Key::Ecdsa(Box::new(pair.map_err(|_| invalid)?))
            }
            (Numbers::Scalar(seed), Material::Ed25519 { x }) if algorithm == Algorithm::EdDSA => {
                let pair = Ed25519KeyPair::from_seed_and_public_key(seed.expose(), x);
                Key::Ed25519(Box::new(pair.map_err(|_| invalid)?))
            }
            (Numbers::Rsa(pkcs8), Material::Rsa { .. }) => {
                return Self::from_pkcs8(pkcs8, algorithm).map(|key| match kid {
                    Some(kid) => key.with_kid(kid),
                    None => key,
                });
            }
            (Numbers::Secret, Material::Secret(secret)) => {
                let kid = kid.unwrap_or_else(|| KeyId::from(jwk.public().thumbprint()));
                return Self::from_secret(secret, algorithm, kid);
            }
            _ => return Err(invalid),
        };
        let kid = kid.unwrap_or_else(|| KeyId::from(jwk.public().thumbprint()));
        Ok(Self::assemble(kid, algorithm, key))
    }

    /// Reads a private key from PKCS #8 DER (RFC 5958). Its `kid` is its thumbprint.
    ///
    /// # Errors
    /// [`InvalidKey`] when it is no such key.
    pub fn from_pkcs8(pkcs8: &SecretBytes, algorithm: Algorithm) -> Result<Self, InvalidKey> {
        let invalid = InvalidKey(algorithm);
        let der = pkcs8.expose();
        let key = if let Some(curve) = ecdsa(algorithm) {
            Key::Ecdsa(Box::new(EcdsaKeyPair::from_pkcs8(curve, der).map_err(|_| invalid)?))
        } else if let Some(encoding) = rsa(algorithm) {
            let pair = RsaKeyPair::from_pkcs8(der).map_err(|_| invalid)?;
            if pair.public_modulus_len() < 256 {
                return Err(invalid);
            }
            Key::Rsa(Box::new(pair), encoding)
        } else if algorithm == Algorithm::EdDSA {
            Key::Ed25519(Box::new(Ed25519KeyPair::from_pkcs8(der).map_err(|_| invalid)?))
        } else {
            return Err(invalid);
        };
        Self::named(algorithm, key)
    }

    /// A shared secret for an HMAC algorithm, under a name both sides know.
    ///
    /// # Errors
    /// [`InvalidKey`] when the algorithm is no HMAC or the secret is shorter than its output (RFC 7518 §3.2).
    pub fn from_secret(secret: &SecretBytes, algorithm: Algorithm, kid: KeyId) -> Result<Self, InvalidKey> {
        let (hash, shortest) = hmac_of(algorithm).ok_or(InvalidKey(algorithm))?;
        if secret.expose().len() < shortest {
            return Err(InvalidKey(algorithm));
        }
        Ok(Self::assemble(kid, algorithm, Key::Secret(Box::new(hmac::Key::new(hash, secret.expose())))))
    }

    fn named(algorithm: Algorithm, key: Key) -> Result<Self, InvalidKey> {
        let jwk = key.jwk(algorithm).ok_or(InvalidKey(algorithm))?;
        Ok(Self::assemble(KeyId::from(jwk.thumbprint()), algorithm, key))
    }

    fn assemble(kid: KeyId, algorithm: Algorithm, key: Key) -> Self {
        let header = format!(r#"{{"alg":"{algorithm}","kid":{}"#, Value::from(kid.as_str())).into();
        Self { kid, algorithm, header, key }
    }

    /// The same key under another name.
    #[must_use]
    pub fn with_kid(self, kid: KeyId) -> Self {
        Self::assemble(kid, self.algorithm, self.key)
    }

    /// Which key it is.
    #[must_use]
    pub const fn kid(&self) -> &KeyId {
        &self.kid
    }

    /// The one algorithm it signs with.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The public half; `None` for a secret.
    #[must_use]
    pub fn public_jwk(&self) -> Option<Jwk> {
        let mut jwk = self.key.jwk(self.algorithm)?;
        jwk.kid = Some(self.kid.clone());
        Some(jwk)
    }

    /// The public half as JSON, with `kid`, `alg` and `use`; `None` for a secret.
    #[must_use]
    pub fn public_jwk_value(&self) -> Option<Value> {
        self.public_jwk()?.to_public_value()
    }

    /// The private key as PKCS #8 DER, to be sealed at once; `None` for a secret.
    #[must_use]
    pub fn to_pkcs8(&self) -> Option<SecretBytes> {
        let document = match &self.key {
            Key::Ecdsa(pair) => pair.to_pkcs8v1().ok()?.as_ref().to_vec(),
            Key::Ed25519(pair) => pair.to_pkcs8().ok()?.as_ref().to_vec(),
            Key::Rsa(pair, _) => pair.as_der().ok()?.as_ref().to_vec(),
            Key::Secret(_) => return None,
        };
        Some(SecretBytes::new(document))
    }

    /// The JSON of a header that names this key.
    pub(crate) fn header(&self, typ: Option<&str>) -> String {
        match typ {
            None => format!("{}}}", self.header),
            Some(typ) => format!("{},\"typ\":{}}}", self.header, Value::from(typ)),
        }
    }

    /// The longest signature, in bytes.
    pub(crate) fn signature_size(&self) -> usize {
        match &self.key {
            Key::Rsa(pair, _) => pair.public_modulus_len(),
            Key::Ecdsa(_) | Key::Ed25519(_) | Key::Secret(_) => 132,
        }
    }

    /// Signs a message.
    ///
    /// # Errors
    /// When the cryptography library refuses, which a valid key does not make it do.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, InvalidKey> {
        let failed = |_| InvalidKey(self.algorithm);
        match &self.key {
            Key::Ecdsa(pair) => {
                Ok(pair.sign(&SystemRandom::new(), message).map_err(failed)?.as_ref().to_vec())
            }
            Key::Ed25519(pair) => Ok(pair.try_sign(message).map_err(failed)?.as_ref().to_vec()),
            Key::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &SystemRandom::new(), message, &mut signature).map_err(failed)?;
                Ok(signature)
            }
            Key::Secret(key) => Ok(hmac::sign(key, message).as_ref().to_vec()),
        }
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

impl Key {
    fn jwk(&self, algorithm: Algorithm) -> Option<Jwk> {
        let material = match self {
            Self::Ecdsa(pair) => {
                let curve = match algorithm {
                    Algorithm::ES256 => Curve::P256,
                    Algorithm::ES384 => Curve::P384,
                    _ => Curve::P521,
                };
                // SEC 1 §2.3.3: 4, then x, then y.
                let coordinates = pair.public_key().as_ref().get(1..)?;
                let (x, y) = coordinates.split_at_checked(curve.size())?;
                Material::Ec { curve, x: x.to_vec(), y: y.to_vec() }
            }
            Self::Rsa(pair, _) => {
                let public = pair.public_key();
                Material::Rsa {
                    modulus: public.modulus().big_endian_without_leading_zero().to_vec(),
                    exponent: public.exponent().big_endian_without_leading_zero().to_vec(),
                }
            }
            Self::Ed25519(pair) => Material::Ed25519 { x: pair.public_key().as_ref().to_vec() },
            Self::Secret(_) => return None,
        };
        Some(Jwk {
            kid: None,
            usage: Some("sig".into()),
            operations: None,
            has_private_members: false,
            algorithm: Some(algorithm.as_str().into()),
            material,
        })
    }
}

fn ecdsa(algorithm: Algorithm) -> Option<&'static EcdsaSigningAlgorithm> {
    match algorithm {
        Algorithm::ES256 => Some(&signature::ECDSA_P256_SHA256_FIXED_SIGNING),
        Algorithm::ES384 => Some(&signature::ECDSA_P384_SHA384_FIXED_SIGNING),
        Algorithm::ES512 => Some(&signature::ECDSA_P521_SHA512_FIXED_SIGNING),
        _ => None,
    }
}

fn rsa(algorithm: Algorithm) -> Option<&'static dyn RsaEncoding> {
    match algorithm {
        Algorithm::RS256 => Some(&signature::RSA_PKCS1_SHA256),
        Algorithm::RS384 => Some(&signature::RSA_PKCS1_SHA384),
        Algorithm::RS512 => Some(&signature::RSA_PKCS1_SHA512),
        Algorithm::PS256 => Some(&signature::RSA_PSS_SHA256),
        Algorithm::PS384 => Some(&signature::RSA_PSS_SHA384),
        Algorithm::PS512 => Some(&signature::RSA_PSS_SHA512),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_rsa_key_may_be_longer() {
        let key = SigningKey::generate_rsa_3072(Algorithm::PS256).unwrap();
        assert_eq!(key.sign(b"x").unwrap().len(), 384);
        assert!(SigningKey::generate_rsa_3072(Algorithm::ES256).is_err());
    }

    #[test]
    fn a_name_with_quotes_stays_one_name() {
        let secret = SecretBytes::new(vec![1; 32]);
        let kid = KeyId::from("a\",\"alg\":\"none");
        let key = SigningKey::from_secret(&secret, Algorithm::HS256, kid.clone()).unwrap();
        let token = crate::jws::sign_compact(Some("a\"b"), b"x", &key).unwrap();
        let header = crate::jws::parse(&token).unwrap().header;
        assert_eq!(header.kid.as_deref(), Some(kid.as_str()));
        assert_eq!((header.algorithm, header.typ.as_deref()), (Algorithm::HS256, Some("a\"b")));
    }

    #[test]
    fn a_secret_is_as_long_as_the_hash() {
        for (algorithm, shortest) in [(Algorithm::HS256, 32), (Algorithm::HS384, 48), (Algorithm::HS512, 64)]
        {
            let key = |length| {
                SigningKey::from_secret(&SecretBytes::new(vec![1; length]), algorithm, KeyId::from("s"))
            };
            assert!(key(shortest).is_ok() && key(shortest - 1).is_err());
        }
    }
}
