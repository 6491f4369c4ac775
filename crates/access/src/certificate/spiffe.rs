//! SPIFFE IDs (SPIFFE-ID §2) in certificates (X509-SVID §2).

use super::InvalidCertificate;

/// The SPIFFE ID among the URIs. A certificate with a `spiffe:` URI is meant as an SVID and held to its rules.
pub(super) fn id(uris: &[Box<str>], is_leaf: bool) -> Result<Option<Box<str>>, InvalidCertificate> {
    let is_spiffe = |uri: &str| uri.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("spiffe:"));
    if !uris.iter().any(|uri| is_spiffe(uri)) {
        return Ok(None);
    }
    // X509-SVID §2: exactly one URI name. §4.1, §4.3: a leaf is no authority, and may sign for itself.
    match uris {
        [uri] if is_leaf && is_well_formed(uri) => Ok(Some(uri.clone())),
        _ => Err(InvalidCertificate::SpiffeId),
    }
}

/// SPIFFE-ID §2.1 to §2.4, and no normalising: one workload has one spelling.
fn is_well_formed(uri: &str) -> bool {
    let Some(rest) = uri.strip_prefix("spiffe://") else { return false };
    let (domain, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    let is_domain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_');
    let is_path = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    let is_segment = |segment: &str| {
        !segment.is_empty() && segment != "." && segment != ".." && segment.bytes().all(is_path)
    };
    uri.len() <= 2048
        && (1..=255).contains(&domain.len())
        && domain.bytes().all(is_domain)
        && path.split('/').skip(1).all(is_segment)
}

/// The trust domain of a well-formed ID.
pub(crate) fn trust_domain(id: &str) -> Option<&str> {
    id.strip_prefix("spiffe://").and_then(|rest| rest.split('/').next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_strictly() {
        for right in ["spiffe://example.org/a/b", "spiffe://example.org", "spiffe://a-b_c.1/X.y_z-0"] {
            assert_eq!(id(&[right.into()], true).unwrap().as_deref(), Some(right));
        }
        for wrong in [
            "spiffe://",
            "spiffe:///a",
            "SPIFFE://example.org/a",
            "spiffe://Example.org/a",
            "spiffe://example.org/",
            "spiffe://example.org/a/",
            "spiffe://example.org//a",
            "spiffe://example.org/../a",
            "spiffe://example.org/.",
            "spiffe://example.org:8080/a",
            "spiffe://user@example.org/a",
            "spiffe://example.org/a?b",
            "spiffe://example.org/a#b",
            "spiffe://example.org/%61",
            "spiffe:example.org",
            "spiffe://example.org/\u{e4}",
        ] {
            assert_eq!(id(&[wrong.into()], true), Err(InvalidCertificate::SpiffeId), "{wrong}");
        }
        assert_eq!(id(&["https://example.org".into(), "https://example.com".into()], true), Ok(None));
        let two = ["spiffe://example.org/a".into(), "https://example.com".into()];
        assert_eq!(id(&two, true), Err(InvalidCertificate::SpiffeId));
        assert_eq!(id(&["spiffe://example.org/a".into()], false), Err(InvalidCertificate::SpiffeId));
        assert_eq!(trust_domain("spiffe://example.org/a"), Some("example.org"));
    }
}
