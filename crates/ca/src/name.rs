//! Names a certificate can carry.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A DNS name as a certificate carries it (RFC 5280 §4.2.1.6, RFC 1034 §3.5): lower case, letters, digits and
/// hyphens, at most 253 characters; the first label may be `*`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DnsName(Box<str>);

/// A SPIFFE ID: `spiffe://trust.domain/path` (SPIFFE-ID §2).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SpiffeId(Box<str>);

/// One name in a certificate's subject alternative name extension.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Name {
    /// A host's name.
    Dns(DnsName),
    /// A host's address.
    Ip(IpAddr),
    /// A workload's identity.
    Spiffe(SpiffeId),
}

/// The text is no name a certificate can carry.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("'{text}' is no {kind}: {reason}")]
pub struct InvalidName {
    /// The text, shortened.
    pub text: String,
    /// What it was read as.
    pub kind: &'static str,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl DnsName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// DNS labels: 1 to 63 letters, digits and inner hyphens.
fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn invalid(text: &str, kind: &'static str, reason: &'static str) -> InvalidName {
    let text = text.chars().take(80).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    InvalidName { text, kind, reason }
}

impl FromStr for DnsName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let kind = "DNS name";
        let name = text.to_ascii_lowercase();
        if name.is_empty() || name.len() > 253 {
            return Err(invalid(text, kind, "it has 1 to 253 characters"));
        }
        let plain = name.strip_prefix("*.").unwrap_or(&name);
        // RFC 6125 §7.2: a wildcard that stands for a whole top-level domain vouches for too much.
        if plain.len() != name.len() && !plain.contains('.') {
            return Err(invalid(text, kind, "a wildcard needs at least two labels after it"));
        }
        if !plain.split('.').all(is_label) {
            return Err(invalid(text, kind, "labels are 1 to 63 letters, digits and hyphens between dots"));
        }
        // RFC 1123 §2.1: a name whose last label is all digits would be taken for an address.
        if plain.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit())) {
            return Err(invalid(
                text,
                kind,
                "the last label is not a number; write an address as an address",
            ));
        }
        Ok(Self(name.into()))
    }
}

impl SpiffeId {
    /// The whole identifier.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The trust domain.
    #[must_use]
    pub fn trust_domain(&self) -> &str {
        self.split().0
    }

    /// The path without its first slash; empty for the trust domain itself.
    #[must_use]
    pub fn path(&self) -> &str {
        self.split().1
    }

    fn split(&self) -> (&str, &str) {
        let rest = self.0.strip_prefix("spiffe://").unwrap_or(&self.0);
        rest.split_once('/').unwrap_or((rest, ""))
    }
}

impl FromStr for SpiffeId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let kind = "SPIFFE ID";
        // SPIFFE-ID §2.3: implementations take at least 2048 bytes; ours takes no more.
        if text.len() > 2048 {
            return Err(invalid(text, kind, "it has at most 2048 bytes"));
        }
        let Some(rest) = text.strip_prefix("spiffe://") else {
            return Err(invalid(text, kind, "it begins with spiffe://"));
        };
        let (domain, path) = match rest.split_once('/') {
            Some((domain, path)) => (domain, Some(path)),
            None => (rest, None),
        };
        // SPIFFE-ID §2.1: lower-case letters, digits, dots, hyphens, underscores; no port, no user information.
        let domain_fits = (1..=255).contains(&domain.len())
            && domain
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_'));
        if !domain_fits {
            return Err(invalid(
                text,
                kind,
                "the trust domain is lower-case letters, digits, '.', '-' and '_'",
            ));
        }
        // SPIFFE-ID §2.2: segments are not empty, not dot segments, and nothing is percent-encoded.
        let segment_fits = |segment: &str| {
            !segment.is_empty()
                && segment != "."
                && segment != ".."
                && segment.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
        };
        if path.is_some_and(|path| !path.split('/').all(segment_fits)) {
            return Err(invalid(text, kind, "path segments are letters, digits, '.', '-' and '_'"));
        }
        Ok(Self(text.into()))
    }
}

impl FromStr for Name {
    type Err = InvalidName;

    /// Reads an address, a SPIFFE ID or a DNS name, whichever the text looks like.
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Ip(address));
        }
        if text.contains("://") { text.parse().map(Self::Spiffe) } else { text.parse().map(Self::Dns) }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name.as_str()),
            Self::Ip(address) => write!(f, "{address}"),
            Self::Spiffe(id) => f.write_str(id.as_str()),
        }
    }
}
