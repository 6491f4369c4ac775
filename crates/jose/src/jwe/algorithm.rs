//! JWE algorithms (RFC 7518 §4.1, §5.1).

use std::fmt;
use std::str::FromStr;

use crate::algorithm::UnknownAlgorithm;

/// How the content encryption key reaches the recipient (`alg`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(missing_docs, reason = "the names are the standard's")]
pub enum KeyManagement {
    Dir,
    A128KW,
    A256KW,
    A128GCMKW,
    A192GCMKW,
    A256GCMKW,
    RsaOaep,
    RsaOaep256,
    EcdhEs,
    EcdhEsA128KW,
    EcdhEsA256KW,
}

/// How the content is encrypted (`enc`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(missing_docs, reason = "the names are the standard's")]
pub enum ContentEncryption {
    A128CbcHs256,
    A192CbcHs384,
    A256CbcHs512,
    A128Gcm,
    A192Gcm,
    A256Gcm,
}

impl KeyManagement {
    /// Every way that is offered.
    pub const ALL: [Self; 11] = [
        Self::Dir,
        Self::A128KW,
        Self::A256KW,
        Self::A128GCMKW,
        Self::A192GCMKW,
        Self::A256GCMKW,
        Self::RsaOaep,
        Self::RsaOaep256,
        Self::EcdhEs,
        Self::EcdhEsA128KW,
        Self::EcdhEsA256KW,
    ];

    /// The registered name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dir => "dir",
            Self::A128KW => "A128KW",
            Self::A256KW => "A256KW",
            Self::A128GCMKW => "A128GCMKW",
            Self::A192GCMKW => "A192GCMKW",
            Self::A256GCMKW => "A256GCMKW",
            Self::RsaOaep => "RSA-OAEP",
            Self::RsaOaep256 => "RSA-OAEP-256",
            Self::EcdhEs => "ECDH-ES",
            Self::EcdhEsA128KW => "ECDH-ES+A128KW",
            Self::EcdhEsA256KW => "ECDH-ES+A256KW",
        }
    }

    /// Whether it needs nothing but a public key of the recipient.
    #[must_use]
    pub const fn is_asymmetric(self) -> bool {
        match self {
            Self::RsaOaep | Self::RsaOaep256 | Self::EcdhEs | Self::EcdhEsA128KW | Self::EcdhEsA256KW => true,
            Self::Dir | Self::A128KW | Self::A256KW | Self::A128GCMKW | Self::A192GCMKW | Self::A256GCMKW => {
                false
            }
        }
    }

    /// Octets of the key that wraps another, where one does.
    pub(super) const fn wrapping_size(self) -> Option<usize> {
        match self {
            Self::A128KW | Self::A128GCMKW | Self::EcdhEsA128KW => Some(16),
            Self::A192GCMKW => Some(24),
            Self::A256KW | Self::A256GCMKW | Self::EcdhEsA256KW => Some(32),
            Self::Dir | Self::RsaOaep | Self::RsaOaep256 | Self::EcdhEs => None,
        }
    }

    /// What a JWK's `key_ops` may say of a key that decrypts so, and of one that encrypts (RFC 7517 §4.3).
    pub(super) const fn operations(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::Dir => (&["decrypt"], &["encrypt"]),
            Self::A128KW | Self::A256KW | Self::A128GCMKW | Self::A192GCMKW | Self::A256GCMKW => {
                (&["unwrapKey"], &["wrapKey"])
            }
            Self::RsaOaep | Self::RsaOaep256 => (&["unwrapKey", "decrypt"], &["wrapKey", "encrypt"]),
            Self::EcdhEs | Self::EcdhEsA128KW | Self::EcdhEsA256KW => {
                (&["deriveKey", "deriveBits"], &["deriveKey", "deriveBits"])
            }
        }
    }
}

impl ContentEncryption {
    /// Every way that is offered.
    pub const ALL: [Self; 6] = [
        Self::A128CbcHs256,
        Self::A192CbcHs384,
        Self::A256CbcHs512,
        Self::A128Gcm,
        Self::A192Gcm,
        Self::A256Gcm,
    ];

    /// The registered name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A128CbcHs256 => "A128CBC-HS256",
            Self::A192CbcHs384 => "A192CBC-HS384",
            Self::A256CbcHs512 => "A256CBC-HS512",
            Self::A128Gcm => "A128GCM",
            Self::A192Gcm => "A192GCM",
            Self::A256Gcm => "A256GCM",
        }
    }

    /// Octets of the content encryption key.
    #[must_use]
    pub const fn key_size(self) -> usize {
        match self {
            Self::A128Gcm => 16,
            Self::A192Gcm => 24,
            Self::A256Gcm | Self::A128CbcHs256 => 32,
            Self::A192CbcHs384 => 48,
            Self::A256CbcHs512 => 64,
        }
    }
}

macro_rules! named {
    ($name:ident) => {
        impl FromStr for $name {
            type Err = UnknownAlgorithm;

            fn from_str(text: &str) -> Result<Self, UnknownAlgorithm> {
                let found = Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text);
                found.ok_or_else(|| UnknownAlgorithm(text.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

named!(KeyManagement);
named!(ContentEncryption);
