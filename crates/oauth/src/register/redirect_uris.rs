//! `redirect_uris` and `application_type` (RFC 7591 §2, RFC 8252 §7, OpenID Connect Registration §2).

use std::collections::BTreeSet;

use countersign_model::{ApplicationType, ResponseType};
use url::{Host, Url};

use super::{Members, RegistrationRefusal};

/// Most redirect URIs of one client.
const MOST: usize = 16;
/// Longest of them, in bytes.
const LONGEST: usize = 1_024;

const REFUSED: fn(&'static str) -> RegistrationRefusal = RegistrationRefusal::RedirectUri;

/// Where answers may go, and what kind of client that makes it.
pub(super) fn allowed(
    asked: &Members,
    response_types: &BTreeSet<ResponseType>,
) -> Result<(ApplicationType, Vec<String>), RegistrationRefusal> {
    // A list of something else is a fault of the redirect URIs, not of the metadata at large (RFC 7591 §3.2.2).
    let uris =
        asked.texts("redirect_uris").map_err(|_| REFUSED("they must be a list of URIs, not too many"))?;
    let uris = uris.unwrap_or_default();
    if uris.len() > MOST {
        return Err(REFUSED("there are too many"));
    }
    // RFC 7591 §2: flows by way of the browser need them.
    if uris.is_empty() && !response_types.is_empty() {
        return Err(REFUSED("answers by way of the browser need at least one"));
    }
    let kind = match asked.text("application_type")? {
        Some("web") => ApplicationType::Web,
        Some("native") => ApplicationType::Native,
        Some(_) => return Err(RegistrationRefusal::metadata("application_type", "it is web or native")),
        // RFC 7591 knows no such member: then what the client asks for says it.
        None => ApplicationType::of(uris.iter().copied()),
    };
    for uri in &uris {
        redirect_uri(uri, kind)?;
    }
    Ok((kind, uris.into_iter().map(str::to_owned).collect()))
}

/// One of them.
fn redirect_uri(uri: &str, kind: ApplicationType) -> Result<(), RegistrationRefusal> {
    // Read alike by every parser: no whitespace, no backslash, nothing that must be escaped.
    let is_plain =
        |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>' | b'`' | b'^');
    if uri.len() > LONGEST || !uri.bytes().all(is_plain) {
        return Err(REFUSED("one is too long or has characters that belong into no URI"));
    }
    // RFC 6749 §3.1.2: absolute, no fragment. RFC 9700 §2.1: compared as a whole, so no pattern either.
    if uri.contains(['#', '*']) {
        return Err(REFUSED("one has a fragment or a wildcard"));
    }
    let url = Url::parse(uri).map_err(|_| REFUSED("one is no absolute URI"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(REFUSED("one has a user name in it"));
    }
    match (url.scheme(), kind) {
        ("https", _) if !url.has_host() => Err(REFUSED("one has no host")),
        // OpenID Connect Registration §2: a client on the web is not on the person's own machine.
        ("https", ApplicationType::Web) if is_loopback(&url) => {
            Err(REFUSED("one leads to this machine, but the client is on the web"))
        }
        ("https", _) => Ok(()),
        // RFC 8252 §7.3. RFC 9700 §2.1 wants https everywhere else.
        ("http", ApplicationType::Native) if is_loopback(&url) => Ok(()),
        ("http", _) => Err(REFUSED("http is for loopback addresses of native clients only")),
        (scheme, ApplicationType::Native) => private_use(scheme, uri),
        (_, ApplicationType::Web) => Err(REFUSED("a client on the web has https URIs only")),
    }
}

/// RFC 8252 §7.1: a scheme made from a domain name of whoever wrote the program, so that no two meet by chance. The
/// full stop also keeps out every scheme that a browser would run rather than hand on.
fn private_use(scheme: &str, uri: &str) -> Result<(), RegistrationRefusal> {
    let labels = || scheme.split('.');
    if labels().count() < 2 || labels().any(str::is_empty) {
        return Err(REFUSED(
            "a scheme of a program's own is a domain name turned round, such as com.example.app",
        ));
    }
    // RFC 8252 §7.1: there is no authority to name, so one slash.
    if uri.get(scheme.len()..).is_some_and(|rest| rest.starts_with(":/")) {
        Ok(())
    } else {
        Err(REFUSED("after a scheme of its own comes a path that begins with a slash"))
    }
}

/// Whether it leads to the machine it is on.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost")
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
        None => false,
    }
}
