//! Request hygiene: what two parsers could read differently is refused, the rest is written in one form, once.
//!
//! What is matched is what is forwarded. The decisions, in one place:
//!
//! | In a request | What happens |
//! |---|---|
//! | two `Host` fields, none in HTTP/1.1, one that is no host | 400 |
//! | absolute-form with the authority of `Host` | becomes origin-form; another authority: 400 |
//! | authority-form, `CONNECT`; `TRACE` | 405 |
//! | `*` | `OPTIONS` only |
//! | user information in an authority | 400 |
//! | `%2F`, `%5C`, `\`, `%00` and other control characters, `;`, `%3B` | 400: servers disagree about each |
//! | `.` and `..` segments, however written; `//` | 400, never resolved or collapsed: a client that means well sends none |
//! | an escaped `%` in front of two hexadecimal digits | 400: it would mean something else after decoding twice |
//! | an escape of an unreserved character | decoded (RFC 3986 §6.2.2.2) |
//! | lower-case hexadecimal digits of an escape | become upper case (RFC 3986 §6.2.2.1) |
//! | other ASCII that has no place in a path | escaped |
//! | bytes that are not UTF-8, decoded | 400 |
//! | upper and lower case of a path | differ; a path that would take a more specific route but for its case takes none |
//!
//! Header fields are in [`headers`], the framing of a message before hyper reads it in [`framing`].

pub mod framing;
pub mod headers;
mod host;
mod path;
mod refusal;

use std::borrow::Cow;

use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Uri, Version, header};

pub(crate) use host::host_name;
pub use path::normalise_path;
pub use refusal::Refusal;

/// A request's target in the one form that is matched and forwarded.
#[derive(Clone, Debug)]
pub struct Target<'a> {
    /// The host without port, case and trailing dot; empty for an HTTP/1.0 request that names none.
    pub host: Cow<'a, str>,
    /// The authority as the caller wrote it, for the upstream.
    pub authority: &'a str,
    /// Path and query.
    pub path_and_query: PathAndQuery,
}

/// What a request asks for.
#[derive(Clone, Debug)]
pub enum Asked<'a> {
    /// A resource.
    Resource(Target<'a>),
    /// The server as a whole: `OPTIONS *` (RFC 9110 §9.3.7).
    Server,
}

/// Reads method, target and `Host` of a request.
///
/// # Errors
/// A [`Refusal`], one variant per reason.
pub fn target<'a>(
    method: &Method,
    uri: &'a Uri,
    version: Version,
    headers: &'a HeaderMap,
) -> Result<Asked<'a>, Refusal> {
    // RFC 9110 §9.3.6: a gateway is no tunnel. §9.3.8: TRACE would give a caller's credentials back to a script.
    if *method == Method::CONNECT || *method == Method::TRACE {
        return Err(Refusal::Method);
    }
    let authority = authority(uri, version, headers)?;
    let host = host_name(authority.as_bytes()).ok_or(Refusal::BadHost)?;
    let path_and_query = match uri.path_and_query() {
        Some(target) => target,
        // RFC 9112 §3.2.3: authority-form is for CONNECT.
        None => return Err(Refusal::TargetForm),
    };
    if path_and_query.path() == "*" {
        // RFC 9112 §3.2.4: asterisk-form is for OPTIONS.
        return if *method == Method::OPTIONS { Ok(Asked::Server) } else { Err(Refusal::TargetForm) };
    }
    let path_and_query = normalise_target(path_and_query)?;
    Ok(Asked::Resource(Target { host, authority, path_and_query }))
}

/// The authority, from wherever it stands; where it stands twice, both must agree.
fn authority<'a>(uri: &'a Uri, version: Version, headers: &'a HeaderMap) -> Result<&'a str, Refusal> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next();
    // RFC 9112 §3.2: more than one Host field, or none in HTTP/1.1, MUST be answered with 400.
    if hosts.next().is_some() {
        return Err(Refusal::DuplicateHost);
    }
    let host = host.map(|value| value.to_str().map_err(|_| Refusal::BadHost)).transpose()?;
    let Some(authority) = uri.authority() else {
        return match host {
            Some(host) if !host.is_empty() => Ok(host),
            None | Some(_) if version <= Version::HTTP_10 => Ok(""),
            None | Some(_) => Err(Refusal::MissingHost),
        };
    };
    let named = authority.as_str();
    // RFC 9110 §4.2.4: user information in an authority is an error at a recipient.
    if named.contains('@') {
        return Err(Refusal::UserInfo);
    }
    if !uri.scheme_str().is_none_or(|scheme| scheme == "http" || scheme == "https") {
        return Err(Refusal::TargetForm);
    }
    // RFC 9112 §3.2.2 lets the authority win over Host; who stands in front of us may have read Host. RFC 9113 §8.3.1
    // forbids a Host that differs from :authority.
    match host {
        Some(host) if host.eq_ignore_ascii_case(named) => Ok(named),
        Some(_) => Err(Refusal::HostMismatch),
        // RFC 9112 §3.2: Host is needed with absolute-form too.
        None if version == Version::HTTP_11 => Err(Refusal::MissingHost),
        None => Ok(named),
    }
}

fn normalise_target(target: &PathAndQuery) -> Result<PathAndQuery, Refusal> {
    // RFC 3986 §3.4: a query has no raw non-ASCII and no control characters.
    if let Some(query) = target.query()
        && !query.bytes().all(|byte| byte.is_ascii_graphic())
    {
        return Err(Refusal::BadQuery);
    }
    match normalise_path(target.path())? {
        Cow::Borrowed(_) => Ok(target.clone()),
        Cow::Owned(path) => {
            let text = match target.query() {
                Some(query) => format!("{path}?{query}"),
                None => path,
            };
            PathAndQuery::from_maybe_shared(bytes::Bytes::from(text)).map_err(|_| Refusal::BadPath)
        }
    }
}

#[cfg(test)]
mod tests;
