//! Header fields: what belongs to one connection stays there, what only we may say is taken off.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Version};
use smallvec::SmallVec;

use super::Refusal;
use super::framing::decimal;

/// What the caller's connection fields asked for, now that they are gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Connection {
    /// The request wants to become a WebSocket (RFC 6455 §4.1).
    pub websocket: bool,
    /// The caller reads trailers (RFC 9110 §10.1.4).
    pub trailers: bool,
    /// Number of header lines as they came.
    pub count: usize,
    /// Bytes of their names and values.
    pub bytes: usize,
}

/// Fields that reach from one hop to the next only (RFC 9110 §7.6.1), and what proxies say to each other.
const HOP_BY_HOP: [&str; 10] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-authentication-info",
    "te",
    "upgrade",
    "http2-settings",
    "transfer-encoding",
];

/// Fields that `Connection` may not name, in whatever spelling: taking them off would change what the request is.
const UNNAMEABLE: [&str; 10] = [
    "host",
    "authorization",
    "cookie",
    "content-length",
    "content-type",
    "content-encoding",
    "transfer-encoding",
    "forwarded",
    "via",
    "x-request-id",
];

/// Takes everything off a request that must not travel: hop-by-hop fields and what `Connection` names, every spelling
/// of our identity headers, what a proxy would say when the peer is no trusted proxy, underscore twins of either.
///
/// # Errors
/// `Connection` names a field that is not the connection's, something else than `100-continue` is expected, or there
/// is more than one length.
pub fn clean_request(
    method: &Method,
    version: Version,
    headers: &mut HeaderMap,
    trusted: bool,
) -> Result<Connection, Refusal> {
    let mut found = Connection::default();
    let mut doomed: SmallVec<[HeaderName; 4]> = SmallVec::new();
    let mut upgrade_named = false;
    let mut upgrade_websocket = false;
    let mut has_length = false;
    for (name, value) in headers.iter() {
        let text = name.as_str();
        found.count += 1;
        found.bytes += text.len() + value.len();
        let takes_off = match text.as_bytes().first() {
            Some(b'c') if text == "connection" => {
                upgrade_named |= read_connection(value, &mut doomed)?;
                true
            }
            // RFC 9110 §8.6: one length. HTTP/2 takes it twice if both agree; an upstream of HTTP/1 must not see that.
            Some(b'c') if text == "content-length" => {
                let is_first = !std::mem::replace(&mut has_length, true);
                if !is_first || decimal(value.as_bytes()).is_none() {
                    return Err(Refusal::Framing);
                }
                false
            }
            Some(b'e') if text == "expect" => {
                // RFC 9110 §10.1.1: 417 for an expectation that can't be met.
                if !value.as_bytes().eq_ignore_ascii_case(b"100-continue") {
                    return Err(Refusal::Expectation);
                }
                true
            }
            Some(b't') if text == "te" => {
                found.trailers |= tokens(value).any(|token| token.eq_ignore_ascii_case(b"trailers"));
                true
            }
            Some(b'u') if text == "upgrade" => {
                upgrade_websocket |= value.as_bytes().eq_ignore_ascii_case(b"websocket");
                true
            }
            _ => is_private(text, trusted),
        };
        if takes_off && !doomed.contains(name) {
            doomed.push(name.clone());
        }
    }
    for name in &doomed {
        headers.remove(name);
    }
    found.websocket =
        upgrade_named && upgrade_websocket && *method == Method::GET && version == Version::HTTP_11;
    Ok(found)
}

/// Takes everything off a response that must not travel.
pub fn clean_response(headers: &mut HeaderMap) {
    let mut doomed: SmallVec<[HeaderName; 4]> = SmallVec::new();
    for (name, value) in headers.iter() {
        let text = name.as_str();
        if !matches!(text.as_bytes().first(), Some(b'c' | b'k' | b'p' | b't' | b'u'))
            || !HOP_BY_HOP.contains(&text)
        {
            continue;
        }
        doomed.push(name.clone());
        if *name == header::CONNECTION {
            // An upstream that names what it should not loses nothing by it.
            let named = tokens(value).filter_map(|token| HeaderName::from_bytes(token).ok());
            doomed.extend(named.filter(|name| !UNNAMEABLE.contains(&name.as_str())));
        }
    }
    for name in &doomed {
        headers.remove(name);
    }
}

/// Takes off trailers that would be read as more than trailers (RFC 9110 §6.5.1): framing, routing, authentication,
/// and what only we may say.
pub fn clean_trailers(trailers: &mut HeaderMap) {
    let doomed: SmallVec<[HeaderName; 4]> = trailers
        .keys()
        .filter(|name| {
            let text = name.as_str();
            is_private(text, false) || text == "trailer" || same_field(text, &UNNAMEABLE)
        })
        .cloned()
        .collect();
    for name in &doomed {
        trailers.remove(name);
    }
}

/// Joins the crumbs of `Cookie` that HTTP/2 allows (RFC 9113 §8.2.3).
pub fn join_cookies(headers: &mut HeaderMap) {
    let mut crumbs = headers.get_all(header::COOKIE).iter();
    if crumbs.next().is_none() || crumbs.next().is_none() {
        return;
    }
    let mut joined = Vec::new();
    for crumb in headers.get_all(header::COOKIE) {
        if !joined.is_empty() {
            joined.extend_from_slice(b"; ");
        }
        joined.extend_from_slice(crumb.as_bytes());
    }
    if let Ok(value) = HeaderValue::from_bytes(&joined) {
        headers.insert(header::COOKIE, value);
    }
}

/// Reads one `Connection` value; says whether it names `Upgrade`.
fn read_connection(value: &HeaderValue, doomed: &mut SmallVec<[HeaderName; 4]>) -> Result<bool, Refusal> {
    let mut upgrade = false;
    for token in tokens(value) {
        if token.eq_ignore_ascii_case(b"close") || token.eq_ignore_ascii_case(b"keep-alive") {
            continue;
        }
        if token.eq_ignore_ascii_case(b"upgrade") {
            upgrade = true;
            continue;
        }
        let name = HeaderName::from_bytes(token).map_err(|_| Refusal::Connection)?;
        // RFC 9110 §7.6.1: a sender MUST NOT name a field that is meant for all recipients.
        let text = name.as_str();
        if same_field(text, &UNNAMEABLE) || (is_private(text, false) && !HOP_BY_HOP.contains(&text)) {
            return Err(Refusal::Connection);
        }
        if doomed.len() >= 16 {
            return Err(Refusal::Connection);
        }
        doomed.push(name);
    }
    Ok(upgrade)
}

fn tokens(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|token| !token.is_empty())
}

/// Whether a field is the connection's own, or one that only we (or a trusted proxy) may send. An underscore counts as
/// a hyphen, and so does every other character that is no letter and no digit: many servers hand them to the
/// application under one name.
fn is_private(name: &str, trusted: bool) -> bool {
    let twin = name.bytes().any(|byte| byte != b'-' && !byte.is_ascii_alphanumeric());
    let is = |other: &str| same_name(name, other);
    let begins = |prefix: &str| name.get(..prefix.len()).is_some_and(|start| same_name(start, prefix));
    match name.as_bytes().first() {
        Some(b'c') => {
            begins("countersign-")
                || is("client-cert")
                || is("client-cert-chain")
                || (twin && same_field(name, &UNNAMEABLE))
        }
        Some(b'x') if begins("x-forwarded-") => twin || !trusted,
        Some(b'x') => {
            ((twin || !trusted)
                && (is("x-real-ip") || is("x-request-id") || is("x-original-url") || is("x-rewrite-url")))
                || is("x-countersign-identity")
        }
        Some(b'f') => is("forwarded") && !trusted,
        Some(b'a' | b'k' | b'p' | b'h' | b't' | b'u' | b'v') => {
            same_field(name, &HOP_BY_HOP) || (twin && same_field(name, &UNNAMEABLE))
        }
        _ => false,
    }
}

fn same_field(name: &str, list: &[&str]) -> bool {
    list.iter().any(|other| same_name(name, other))
}

/// Whether the names are equal when what is no letter and no digit counts as a hyphen.
fn same_name(name: &str, other: &str) -> bool {
    name.len() == other.len()
        && name.bytes().zip(other.bytes()).all(|(a, b)| a == b || (b == b'-' && !a.is_ascii_alphanumeric()))
}
