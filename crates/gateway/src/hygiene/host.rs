//! Host names.

use std::borrow::Cow;

/// The host of an authority without port, case and trailing dot; `None` when it is no host. The empty text is the
/// empty host.
pub(crate) fn host_name(authority: &[u8]) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(authority).ok()?;
    if text.is_empty() {
        return Some(Cow::Borrowed(""));
    }
    // RFC 3986 §3.2.2: an address in brackets, or a name; we know no other.
    let (host, port) = if text.starts_with('[') {
        let end = text.find(']')?;
        let (host, rest) = text.split_at_checked(end + 1)?;
        let inside = host.strip_prefix('[')?.strip_suffix(']')?;
        // RFC 5952 §4: one address has many spellings; this is the one we compare.
        let spelt = format!("[{}]", inside.parse::<std::net::Ipv6Addr>().ok()?);
        let host = if spelt == host { Cow::Borrowed(host) } else { Cow::Owned(spelt) };
        (host, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
    } else {
        match text.split_once(':') {
            Some((host, port)) => (Cow::Borrowed(host), Some(port)),
            None => (Cow::Borrowed(text), None),
        }
    };
    // RFC 3986 §3.2.3: digits, possibly none.
    if port.is_some_and(|port| port.len() > 5 || !port.bytes().all(|byte| byte.is_ascii_digit())) {
        return None;
    }
    match host {
        Cow::Borrowed(host) if !host.starts_with('[') => name(host),
        address => Some(address),
    }
}

fn name(text: &str) -> Option<Cow<'_, str>> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    let fits = (1..=255).contains(&name.len())
        && name.bytes().all(plain)
        && !name.starts_with('.')
        && !name.ends_with('.')
        && !name.contains("..");
    if !fits {
        return None;
    }
    Some(if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    })
}
