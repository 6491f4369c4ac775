//! JSON Web Keys (RFC 7517, RFC 7518 §6, RFC 8037 §2).

use countersign_model::{KeyId, SecretBytes, TokenHash};
use serde_json::{Map, Value, json};

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::json;
use crate::roca;

/// Largest JWK Set that is read, in bytes.
pub const LARGEST_SET: usize = 256 * 1024;
/// Most keys that a set may have.
pub const MOST_KEYS: usize = 100;

/// A key as its JWK says it: parsed, not yet fit for use.
#[derive(Clone, Debug)]
pub struct Jwk {
    /// Which key it is (RFC 7517 §4.5).
    pub kid: Option<KeyId>,
    /// What it is for (RFC 7517 §4.2): `sig`, `enc`.
    pub usage: Option<Box<str>>,
    /// What may be done with it (RFC 7517 §4.3).
    pub operations: Option<Vec<Box<str>>>,
    /// The one algorithm it is for (RFC 7517 §4.4).
    pub algorithm: Option<Box<str>>,
    /// Whether private members came along. They are not read and never shown again, but whoever sent them has told
    /// everybody on the way his private key.
    pub has_private_members: bool,
    /// The key itself.
    pub(crate) material: Material,
}

/// The key's numbers. Private parts of asymmetric keys are not read: nobody should have sent them.
#[derive(Clone, Debug)]
pub(crate) enum Material {
    Ec { curve: Curve, x: Vec<u8>, y: Vec<u8> },
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    Ed25519 { x: Vec<u8> },
    X25519 { x: Vec<u8> },
    Secret(SecretBytes),
}

/// Curves of RFC 7518 §6.2.1.1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    /// Octets of a coordinate.
    pub(crate) const fn size(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::P256, Self::P384, Self::P521].into_iter().find(|curve| curve.name() == name)
    }
}

/// Why a JWK or a set can't be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidJwk {
    /// No JSON object, or a member twice.
    #[error("it is no JSON object with unique members")]
    Json,
    /// `keys` is missing or no array.
    #[error("it is no JWK Set: `keys` must be an array")]
    NoKeys,
    /// Too large, or too many keys.
    #[error("it is too large")]
    TooLarge,
    /// A member is missing, of the wrong kind, or no base64url.
    #[error("the member `{0}` is missing or can't be read")]
    Member(&'static str),
    /// A key type or curve that is not offered.
    #[error("keys of this type or curve are not offered")]
    Unsupported,
    /// RSA below 2048 or above 8192 bits, a point that is not on its curve, a short secret.
    #[error("the key is too weak, too large or no point of its curve")]
    Unfit,
    /// An RSA modulus made by a generator whose keys can be factored (CVE-2017-15361).
    #[error("the key was made by a faulty generator (ROCA) and can be broken")]
    Broken,
    /// A set with secrets and public keys: somebody published what he should not.
    #[error("the set has secrets beside public keys")]
    Mixed,
    /// It is for something else: `use`, `key_ops` or `alg` say so.
    #[error("the key is for something else")]
    WrongUse,
}

impl Jwk {
    /// Reads one JWK.
    ///
    /// # Errors
    /// [`InvalidJwk`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, InvalidJwk> {
        if bytes.len() > LARGEST_SET {
            return Err(InvalidJwk::TooLarge);
        }
        Self::from_map(&json::object(bytes).map_err(|_| InvalidJwk::Json)?)
    }

    /// Reads one JWK that is parsed already.
    ///
    /// # Errors
    /// [`InvalidJwk`].
    pub fn from_map(map: &Map<String, Value>) -> Result<Self, InvalidJwk> {
        let operations = match map.get("key_ops") {
            None => None,
            Some(Value::Array(values)) => {
                let texts =
                    values.iter().map(|value| value.as_str().map(Box::from)).collect::<Option<Vec<_>>>();
                Some(texts.ok_or(InvalidJwk::Member("key_ops"))?)
            }
            Some(_) => return Err(InvalidJwk::Member("key_ops")),
        };
        Ok(Self {
            kid: text(map, "kid")?.map(KeyId::from),
            usage: text(map, "use")?.map(Box::from),
            algorithm: text(map, "alg")?.map(Box::from),
            operations,
            has_private_members: map.contains_key("d"),
            material: Material::from_map(map)?,
        })
    }

    /// The JWK of the public half, without private members; `None` for a secret, which has none.
    #[must_use]
    pub fn to_public_value(&self) -> Option<Value> {
        let mut value = self.material.public()?;
        let map = value.as_object_mut()?;
        if let Some(kid) = &self.kid {
            map.insert("kid".to_owned(), json!(kid.as_str()));
        }
        if let Some(algorithm) = &self.algorithm {
            map.insert("alg".to_owned(), json!(algorithm));
        }
        if let Some(usage) = &self.usage {
            map.insert("use".to_owned(), json!(usage));
        }
        Some(value)
    }

    /// The thumbprint (RFC 7638 §3): base64url of SHA-256 over the required members in order.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        base64url::encode(&self.thumbprint_sha256())
    }

    /// The same as bytes.
    #[must_use]
    pub fn thumbprint_sha256(&self) -> [u8; 32] {
        let canonical = match &self.material {
            Material::Ec { curve, x, y } => format!(
                r#"{{"crv":"{}","kty":"EC","x":"{}","y":"{}"}}"#,
                curve.name(),
                base64url::encode(x),
                base64url::encode(y)
            ),
            Material::Rsa { modulus, exponent } => format!(
                r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#,
                base64url::encode(exponent),
                base64url::encode(modulus)
            ),
            Material::Ed25519 { x } => {
                format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, base64url::encode(x))
            }
            Material::X25519 { x } => {
                format!(r#"{{"crv":"X25519","kty":"OKP","x":"{}"}}"#, base64url::encode(x))
            }
            Material::Secret(secret) => {
                format!(r#"{{"k":"{}","kty":"oct"}}"#, base64url::encode(secret.expose()))
            }
        };
        *TokenHash::of(canonical.as_bytes()).as_bytes()
    }

    /// Whether the key may be used for this operation of a JWS algorithm, as far as it says itself (RFC 7517 §4.2 to
    /// §4.4).
    pub(crate) fn allows(&self, algorithm: Algorithm, operation: &str) -> bool {
        self.is_for("sig", &[operation])
            && self.algorithm.as_deref().is_none_or(|own| own == algorithm.as_str())
    }

    /// Whether `use` and `key_ops`, where they are there, name this use and one of these operations.
    pub(crate) fn is_for(&self, usage: &str, wanted: &[&str]) -> bool {
        let by_use = self.usage.as_deref().is_none_or(|own| own == usage);
        let by_operation = self
            .operations
            .as_ref()
            .is_none_or(|operations| operations.iter().any(|one| wanted.contains(&&**one)));
        by_use && by_operation
    }
}

impl Material {
    fn from_map(map: &Map<String, Value>) -> Result<Self, InvalidJwk> {
        match text(map, "kty")?.ok_or(InvalidJwk::Member("kty"))? {
            "EC" => {
                let curve = text(map, "crv")?.ok_or(InvalidJwk::Member("crv"))?;
                let curve = Curve::from_name(curve).ok_or(InvalidJwk::Unsupported)?;
                let (x, y) = (octets(map, "x")?, octets(map, "y")?);
                // RFC 7518 §6.2.1.2: coordinates have the full size of the field.
                if x.len() != curve.size() || y.len() != curve.size() {
                    return Err(InvalidJwk::Unfit);
                }
                Ok(Self::Ec { curve, x, y })
            }
            "RSA" => {
                let (modulus, exponent) = (octets(map, "n")?, octets(map, "e")?);
                // RFC 7518 §6.3.1.1: no leading zero; §3.3: 2048 bits or more.
                let fits = (256..=1_024).contains(&modulus.len())
                    && modulus.first().is_some_and(|first| *first != 0)
                    && modulus.last().is_some_and(|last| last % 2 == 1)
                    && is_fit_exponent(&exponent);
                if !fits {
                    return Err(InvalidJwk::Unfit);
                }
                if roca::is_vulnerable(&modulus) {
                    Err(InvalidJwk::Broken)
                } else {
                    Ok(Self::Rsa { modulus, exponent })
                }
            }
            "OKP" => {
                let curve = text(map, "crv")?.ok_or(InvalidJwk::Member("crv"))?;
                let x = octets(map, "x")?;
                match curve {
                    "Ed25519" | "X25519" if x.len() != 32 => Err(InvalidJwk::Unfit),
                    "Ed25519" => Ok(Self::Ed25519 { x }),
                    "X25519" => Ok(Self::X25519 { x }),
                    _ => Err(InvalidJwk::Unsupported),
                }
            }
            "oct" => Ok(Self::Secret(SecretBytes::new(octets(map, "k")?))),
            _ => Err(InvalidJwk::Unsupported),
        }
    }

    /// Whether the other is the same public key.
    pub(crate) fn is_same_public(&self, other: &Self) -> bool {
        match (self.public(), other.public()) {
            (Some(own), Some(other)) => own == other,
            _ => false,
        }
    }

    pub(crate) fn public(&self) -> Option<Value> {
        Some(match self {
            Self::Ec { curve, x, y } => json!({
                "kty": "EC", "crv": curve.name(), "x": base64url::encode(x), "y": base64url::encode(y),
            }),
            Self::Rsa { modulus, exponent } => json!({
                "kty": "RSA", "n": base64url::encode(modulus), "e": base64url::encode(exponent),
            }),
            Self::Ed25519 { x } => json!({ "kty": "OKP", "crv": "Ed25519", "x": base64url::encode(x) }),
            Self::X25519 { x } => json!({ "kty": "OKP", "crv": "X25519", "x": base64url::encode(x) }),
            Self::Secret(_) => return None,
        })
    }
}

/// A set of keys (RFC 7517 §5).
#[derive(Clone, Debug, Default)]
pub struct JwkSet {
    /// The keys that can be read, in order.
    pub keys: Vec<Jwk>,
    /// How many could not (RFC 7517 §5 says to pass over those that are not understood), or are not the only key of
    /// their kind and `kid` (§4.5).
    pub passed_over: usize,
}

impl JwkSet {
    /// Reads a set.
    ///
    /// # Errors
    /// When it is no set; a single key that can't be read is only passed over.
    pub fn from_json(bytes: &[u8]) -> Result<Self, InvalidJwk> {
        if bytes.len() > LARGEST_SET {
            return Err(InvalidJwk::TooLarge);
        }
        let map = json::object(bytes).map_err(|_| InvalidJwk::Json)?;
        Self::from_map(&map)
    }

    /// Reads a set that is parsed already.
    ///
    /// # Errors
    /// As [`JwkSet::from_json`].
    pub fn from_map(map: &Map<String, Value>) -> Result<Self, InvalidJwk> {
        let Some(Value::Array(values)) = map.get("keys") else { return Err(InvalidJwk::NoKeys) };
        if values.len() > MOST_KEYS {
            return Err(InvalidJwk::TooLarge);
        }
        let entries: Vec<Entry<'_>> = values.iter().map(Entry::read).collect();
        let is_secret = |entry: &Entry<'_>| entry.kty == Some("oct");
        if entries.iter().any(is_secret) && !entries.iter().all(is_secret) {
            return Err(InvalidJwk::Mixed);
        }
        let is_ambiguous: Vec<bool> =
            entries.iter().map(|entry| entries.iter().any(|other| entry.collides_with(other))).collect();
        let keys: Vec<Jwk> = entries
            .into_iter()
            .zip(is_ambiguous)
            .filter_map(|(entry, is_ambiguous)| entry.key.filter(|_| !is_ambiguous))
            .collect();
        Ok(Self { passed_over: values.len() - keys.len(), keys })
    }
}

/// A member of a set, whether it can be read or not.
struct Entry<'a> {
    kid: Option<&'a str>,
    kty: Option<&'a str>,
    key: Option<Jwk>,
}

impl<'a> Entry<'a> {
    fn read(value: &'a Value) -> Self {
        let text = |name| value.get(name).and_then(Value::as_str);
        let key = value.as_object().and_then(|map| Jwk::from_map(map).ok());
        Self { kid: text("kid"), kty: text("kty"), key }
    }

    /// Whether the other is another key of the same type under the same `kid`: nobody could tell which is meant. The
    /// same key again, for another algorithm, is no other.
    fn collides_with(&self, other: &Self) -> bool {
        let thumbprint = |entry: &Self| entry.key.as_ref().map(Jwk::thumbprint);
        let is_same = std::ptr::eq(self, other);
        !is_same
            && self.kid.is_some()
            && (self.kid, self.kty) == (other.kid, other.kty)
            && (self.key.is_none() || thumbprint(self) != thumbprint(other))
    }
}

/// RFC 8017 §3.1: odd, at least 3; what the cryptography library takes has at most 33 bits.
fn is_fit_exponent(exponent: &[u8]) -> bool {
    let is_large_enough = match exponent {
        [one] => *one >= 3,
        [first, ..] => *first != 0,
        [] => false,
    };
    is_large_enough && exponent.len() <= 5 && exponent.last().is_some_and(|last| last % 2 == 1)
}

pub(crate) fn text<'a>(
    map: &'a Map<String, Value>,
    name: &'static str,
) -> Result<Option<&'a str>, InvalidJwk> {
    match map.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(InvalidJwk::Member(name)),
    }
}

pub(crate) fn octets(map: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, InvalidJwk> {
    text(map, name)?.and_then(base64url::decode).ok_or(InvalidJwk::Member(name))
}
