//! Agreeing on a key with ECDH-ES (RFC 7518 §4.6, RFC 8037 §3.2).

use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::kdf::{SskdfDigestAlgorithmId, get_sskdf_digest_algorithm, sskdf_digest};
use zeroize::Zeroizing;

use super::algorithm::{ContentEncryption, KeyManagement};
use crate::jwk::{Curve, Jwk, Material};

/// A public key of a curve that can agree.
#[derive(Clone)]
pub(super) struct Party {
    pub(super) curve: &'static agreement::Algorithm,
    octets: Vec<u8>,
}

impl Party {
    /// The public key of a JWK. Whether the point is on its curve is asked when it is used (RFC 7518 §6.2.1).
    pub(super) fn of(jwk: &Jwk) -> Option<Self> {
        match &jwk.material {
            Material::Ec { curve, x, y } => {
                Some(Self { curve: algorithm(*curve), octets: [&[4][..], x, y].concat() })
            }
            Material::X25519 { x } => Some(Self { curve: &agreement::X25519, octets: x.clone() }),
            Material::Ed25519 { .. } | Material::Rsa { .. } | Material::Secret(_) => None,
        }
    }

    /// The JWK's numbers of a key's public half.
    pub(super) fn material(own: &PrivateKey) -> Result<Material, Unspecified> {
        let public = own.compute_public_key()?;
        let octets = public.as_ref();
        let Some(curve) = curve_of(own.algorithm()) else {
            return Ok(Material::X25519 { x: octets.to_vec() });
        };
        // SEC 1 §2.3.3: 4, then x, then y.
        let (x, y) =
            octets.get(1..).and_then(|octets| octets.split_at_checked(curve.size())).ok_or(Unspecified)?;
        Ok(Material::Ec { curve, x: x.to_vec(), y: y.to_vec() })
    }
}

/// Our own half of an agreement.
pub(super) fn private_key(material: &Material, scalar: &[u8]) -> Option<PrivateKey> {
    let curve = match material {
        Material::Ec { curve, .. } => algorithm(*curve),
        Material::X25519 { .. } => &agreement::X25519,
        Material::Ed25519 { .. } | Material::Rsa { .. } | Material::Secret(_) => return None,
    };
    PrivateKey::from_private_key(curve, scalar).ok()
}

/// What the derived key is for; both sides must say the same.
pub(super) struct Purpose<'a> {
    pub(super) management: KeyManagement,
    pub(super) encryption: ContentEncryption,
    pub(super) party_u: &'a [u8],
    pub(super) party_v: &'a [u8],
}

/// RFC 7518 §4.6.2: ECDH, then the Concat KDF (NIST SP 800-56C, one step, SHA-256).
pub(super) fn agree(
    own: &PrivateKey,
    other: &Party,
    purpose: &Purpose<'_>,
) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
    let (name, size) = match purpose.management.wrapping_size() {
        Some(size) => (purpose.management.as_str(), size),
        None => (purpose.encryption.as_str(), purpose.encryption.key_size()),
    };
    let bits = u32::try_from(size * 8).map_err(|_| Unspecified)?;
    let mut information = Vec::with_capacity(64);
    for part in [name.as_bytes(), purpose.party_u, purpose.party_v] {
        let length = u32::try_from(part.len()).map_err(|_| Unspecified)?;
        information.extend_from_slice(&length.to_be_bytes());
        information.extend_from_slice(part);
    }
    information.extend_from_slice(&bits.to_be_bytes());
    let kdf = get_sskdf_digest_algorithm(SskdfDigestAlgorithmId::Sha256).ok_or(Unspecified)?;
    agreement::agree(own, UnparsedPublicKey::new(other.curve, &other.octets), Unspecified, |secret| {
        let mut key = Zeroizing::new(vec![0; size]);
        sskdf_digest(kdf, secret, &information, &mut key)?;
        Ok(key)
    })
}

const fn algorithm(curve: Curve) -> &'static agreement::Algorithm {
    match curve {
        Curve::P256 => &agreement::ECDH_P256,
        Curve::P384 => &agreement::ECDH_P384,
        Curve::P521 => &agreement::ECDH_P521,
    }
}

fn curve_of(wanted: &agreement::Algorithm) -> Option<Curve> {
    [Curve::P256, Curve::P384, Curve::P521].into_iter().find(|curve| algorithm(*curve) == wanted)
}
