//! Keys that encrypt and decrypt: parsed once, for one key management.

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::rsa::{
    OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey, PublicEncryptingKey,
    PublicKeyComponents,
};
use countersign_model::{KeyId, SecretBytes};
use serde_json::Value;

use super::agreement::{Party, private_key};
use super::algorithm::{ContentEncryption, KeyManagement};
use crate::jwk::{InvalidJwk, Jwk, Material};
use crate::private_jwk::{Numbers, PrivateJwk};

/// A recipient's key, bound to one key management.
pub struct EncryptionKey {
    pub(super) kid: Option<KeyId>,
    pub(super) management: KeyManagement,
    pub(super) key: PublicHalf,
}

pub(super) enum PublicHalf {
    Secret(SecretBytes),
    Rsa(OaepPublicEncryptingKey),
    Agreement(Party),
}

/// Our own key, bound to one key management. Nothing a JWE says changes that.
pub struct DecryptionKey {
    pub(super) kid: Option<KeyId>,
    pub(super) management: KeyManagement,
    pub(super) key: PrivateHalf,
}

pub(super) enum PrivateHalf {
    Secret(SecretBytes),
    Rsa(OaepPrivateDecryptingKey),
    Agreement(PrivateKey),
}

impl EncryptionKey {
    /// The key of a JWK, for this key management.
    ///
    /// # Errors
    /// When the JWK is of another type, for something else, or no valid key.
    pub fn from_jwk(jwk: &Jwk, management: KeyManagement) -> Result<Self, InvalidJwk> {
        let (_, operations) = management.operations();
        check(jwk, management, operations)?;
        let key = match (&jwk.material, management) {
            (Material::Secret(secret), _) => PublicHalf::Secret(fitting(secret, management)?),
            (Material::Rsa { modulus, exponent }, KeyManagement::RsaOaep | KeyManagement::RsaOaep256) => {
                let components = PublicKeyComponents { n: modulus.as_slice(), e: exponent.as_slice() };
                let key: PublicEncryptingKey = components.try_into().map_err(|_| InvalidJwk::Unfit)?;
                PublicHalf::Rsa(OaepPublicEncryptingKey::new(key).map_err(|_| InvalidJwk::Unfit)?)
            }
            (_, KeyManagement::EcdhEs | KeyManagement::EcdhEsA128KW | KeyManagement::EcdhEsA256KW) => {
                PublicHalf::Agreement(Party::of(jwk).ok_or(InvalidJwk::WrongUse)?)
            }
            _ => return Err(InvalidJwk::WrongUse),
        };
        Ok(Self { kid: jwk.kid.clone(), management, key })
    }

    /// Whose key it is.
    #[must_use]
    pub const fn kid(&self) -> Option<&KeyId> {
        self.kid.as_ref()
    }

    /// How it is used.
    #[must_use]
    pub const fn key_management(&self) -> KeyManagement {
        self.management
    }
}

impl DecryptionKey {
    /// The key of a private JWK, for this key management.
    ///
    /// # Errors
    /// When the JWK is of another type, for something else, or no valid key.
    pub fn from_private_jwk(jwk: &PrivateJwk, management: KeyManagement) -> Result<Self, InvalidJwk> {
        let (operations, _) = management.operations();
        check(jwk.public(), management, operations)?;
        let material = &jwk.public().material;
        let key = match (material, jwk.numbers(), management) {
            (Material::Secret(secret), Numbers::Secret, _) => {
                PrivateHalf::Secret(fitting(secret, management)?)
            }
            (_, Numbers::Rsa(pkcs8), KeyManagement::RsaOaep | KeyManagement::RsaOaep256) => {
                let key = PrivateDecryptingKey::from_pkcs8(pkcs8.expose()).map_err(|_| InvalidJwk::Unfit)?;
                PrivateHalf::Rsa(OaepPrivateDecryptingKey::new(key).map_err(|_| InvalidJwk::Unfit)?)
            }
            (
                _,
                Numbers::Scalar(scalar),
                KeyManagement::EcdhEs | KeyManagement::EcdhEsA128KW | KeyManagement::EcdhEsA256KW,
            ) => {
                let own = private_key(material, scalar.expose()).ok_or(InvalidJwk::Unfit)?;
                // A private key that is not the public one's would agree on something nobody else knows.
                let public = Party::material(&own).map_err(|_| InvalidJwk::Unfit)?;
                if !public.is_same_public(material) {
                    return Err(InvalidJwk::Unfit);
                }
                PrivateHalf::Agreement(own)
            }
            _ => return Err(InvalidJwk::WrongUse),
        };
        Ok(Self { kid: jwk.public().kid.clone(), management, key })
    }

    /// The key of P-256 for ECDH-ES that this number is, and the JWK of its public half, named by its thumbprint
    /// (RFC 7638).
    ///
    /// # Errors
    /// When the number is none of the curve's.
    pub fn from_p256_number(number: &SecretBytes) -> Result<(Self, Value), InvalidJwk> {
        let own = PrivateKey::from_private_key(&ECDH_P256, number.expose()).map_err(|_| InvalidJwk::Unfit)?;
        let material = Party::material(&own).map_err(|_| InvalidJwk::Unfit)?;
        let management = KeyManagement::EcdhEs;
        let mut public = Jwk {
            kid: None,
            usage: Some("enc".into()),
            algorithm: Some(management.as_str().into()),
            operations: None,
            has_private_members: false,
            material,
        };
        public.kid = Some(KeyId::new(public.thumbprint()));
        let value = public.to_public_value().ok_or(InvalidJwk::Unfit)?;
        Ok((Self { kid: public.kid, management, key: PrivateHalf::Agreement(own) }, value))
    }

    /// Which key it is.
    #[must_use]
    pub const fn kid(&self) -> Option<&KeyId> {
        self.kid.as_ref()
    }

    /// How it is used.
    #[must_use]
    pub const fn key_management(&self) -> KeyManagement {
        self.management
    }
}

/// RFC 7517 §4.2 to §4.4: `use`, `key_ops` and `alg`. A key for `dir` is one of the content encryption's.
fn check(jwk: &Jwk, management: KeyManagement, operations: &[&str]) -> Result<(), InvalidJwk> {
    let by_algorithm = match jwk.algorithm.as_deref() {
        None => true,
        Some(own) if management == KeyManagement::Dir => {
            own == "dir" || own.parse::<ContentEncryption>().is_ok()
        }
        Some(own) => own == management.as_str(),
    };
    if jwk.is_for("enc", operations) && by_algorithm { Ok(()) } else { Err(InvalidJwk::WrongUse) }
}

/// A secret of the size that its use asks for. With `dir`, the content encryption asks when it is known.
fn fitting(secret: &SecretBytes, management: KeyManagement) -> Result<SecretBytes, InvalidJwk> {
    match management {
        KeyManagement::Dir => Ok(secret.clone()),
        KeyManagement::A128KW
        | KeyManagement::A256KW
        | KeyManagement::A128GCMKW
        | KeyManagement::A192GCMKW
        | KeyManagement::A256GCMKW => {
            let fits = management.wrapping_size() == Some(secret.expose().len());
            if fits { Ok(secret.clone()) } else { Err(InvalidJwk::Unfit) }
        }
        KeyManagement::RsaOaep
        | KeyManagement::RsaOaep256
        | KeyManagement::EcdhEs
        | KeyManagement::EcdhEsA128KW
        | KeyManagement::EcdhEsA256KW => Err(InvalidJwk::WrongUse),
    }
}

macro_rules! hidden {
    ($name:ident) => {
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("kid", &self.kid)
                    .field("management", &self.management)
                    .finish_non_exhaustive()
            }
        }
    };
}

hidden!(EncryptionKey);
hidden!(DecryptionKey);
