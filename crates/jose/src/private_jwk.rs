//! Private JSON Web Keys (RFC 7518 §6.2.2, §6.3.2, §6.4; RFC 8037 §2), for taking in keys that somebody else made.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::{KeyPair, KeyPairComponents, PublicKeyComponents};
use countersign_model::SecretBytes;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::base64url;
use crate::json;
use crate::jwk::{InvalidJwk, Jwk, Material, text};

/// A JWK with its private members. It is not shown, and there is no way to write it again.
pub struct PrivateJwk {
    public: Jwk,
    numbers: Numbers,
}

/// What is private of a key.
pub(crate) enum Numbers {
    /// `d` of a curve.
    Scalar(SecretBytes),
    /// The whole key as PKCS #8 DER (RFC 5958), which is how the cryptography library takes it.
    Rsa(SecretBytes),
    /// A secret is all private; it is with the key.
    Secret,
}

impl PrivateJwk {
    /// Reads one private JWK.
    ///
    /// # Errors
    /// [`InvalidJwk`]; RSA keys need all of `d`, `p`, `q`, `dp`, `dq` and `qi`, and no more primes.
    pub fn from_json(bytes: &SecretBytes) -> Result<Self, InvalidJwk> {
        if bytes.expose().len() > crate::jwk::LARGEST_SET {
            return Err(InvalidJwk::TooLarge);
        }
        Self::from_map(&json::object(bytes.expose()).map_err(|_| InvalidJwk::Json)?)
    }

    fn from_map(map: &Map<String, Value>) -> Result<Self, InvalidJwk> {
        let public = Jwk::from_map(map)?;
        let numbers = match &public.material {
            Material::Ec { curve, .. } => Numbers::Scalar(scalar(map, curve.size())?),
            Material::Ed25519 { .. } | Material::X25519 { .. } => Numbers::Scalar(scalar(map, 32)?),
            Material::Rsa { modulus, exponent } => {
                // RFC 7518 §6.3.2.7: keys of more than two primes are for those who support them.
                if map.contains_key("oth") {
                    return Err(InvalidJwk::Unsupported);
                }
                Numbers::Rsa(pkcs8(map, modulus, exponent)?)
            }
            Material::Secret(_) => Numbers::Secret,
        };
        Ok(Self { public, numbers })
    }

    /// The public half; a secret has none, but what it says of itself.
    pub(crate) const fn public(&self) -> &Jwk {
        &self.public
    }

    pub(crate) const fn numbers(&self) -> &Numbers {
        &self.numbers
    }
}

impl std::fmt::Debug for PrivateJwk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PrivateJwk").field("kid", &self.public.kid).finish_non_exhaustive()
    }
}

fn private(map: &Map<String, Value>, name: &'static str) -> Result<SecretBytes, InvalidJwk> {
    let value = text(map, name)?.and_then(base64url::decode).ok_or(InvalidJwk::Member(name))?;
    Ok(SecretBytes::new(value))
}

/// RFC 7518 §6.2.2.1: as long as the curve's order.
fn scalar(map: &Map<String, Value>, size: usize) -> Result<SecretBytes, InvalidJwk> {
    let d = private(map, "d")?;
    if d.expose().len() == size { Ok(d) } else { Err(InvalidJwk::Unfit) }
}

/// The cryptography library holds all parts of the key against each other.
fn pkcs8(map: &Map<String, Value>, modulus: &[u8], exponent: &[u8]) -> Result<SecretBytes, InvalidJwk> {
    let part = |name| private(map, name).map(|part| Zeroizing::new(part.expose().clone()));
    let pair = KeyPair::from_components(&KeyPairComponents {
        public_key: PublicKeyComponents { n: modulus.to_vec(), e: exponent.to_vec() },
        d: part("d")?,
        p: part("p")?,
        q: part("q")?,
        dP: part("dp")?,
        dQ: part("dq")?,
        qInv: part("qi")?,
    });
    let document = pair.map_err(|_| InvalidJwk::Unfit)?.as_der().map_err(|_| InvalidJwk::Unfit)?;
    Ok(SecretBytes::new(document.as_ref().to_vec()))
}
