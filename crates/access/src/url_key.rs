//! What is left of a URL that held an API key, and what the answer to it must say.

use std::borrow::Cow;

use http::header::{CACHE_CONTROL, HeaderMap, HeaderValue, REFERRER_POLICY};

/// The query without every parameter of this name, whatever way the name is escaped.
pub(crate) fn without_parameter<'q>(query: &'q str, name: &str) -> Cow<'q, str> {
    let is_named =
        |part: &str| form_urlencoded::parse(part.as_bytes()).next().is_some_and(|(key, _)| key == name);
    if !query.split('&').any(is_named) {
        return Cow::Borrowed(query);
    }
    let mut kept = String::with_capacity(query.len());
    for part in query.split('&').filter(|part| !is_named(part)) {
        if !kept.is_empty() {
            kept.push('&');
        }
        kept.push_str(part);
    }
    Cow::Owned(kept)
}

/// What `Referer` may say to whoever is behind us, when it is not what it says: the page before may have been asked for
/// with a key in its URL. `names` are the parameters that may hold one.
#[must_use]
pub fn public_referer<'n>(
    referer: &HeaderValue,
    names: impl IntoIterator<Item = &'n str>,
) -> Option<HeaderValue> {
    let (page, query) = referer.to_str().ok()?.split_once('?')?;
    let (query, fragment) = query.split_once('#').unwrap_or((query, ""));
    let mut public = Cow::Borrowed(query);
    for name in names {
        if let Cow::Owned(kept) = without_parameter(&public, name) {
            public = Cow::Owned(kept);
        }
    }
    let Cow::Owned(public) = public else { return None };
    let mut text = page.to_owned();
    for (mark, part) in [('?', &*public), ('#', fragment)] {
        if !part.is_empty() {
            text.push(mark);
            text.push_str(part);
        }
    }
    Some(HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("")))
}

/// Neither the next page (Referrer Policy §3.1) nor a shared cache (RFC 6750 §2.3, RFC 9111 §5.2.2.7) may learn the URL
/// that this answers.
pub(crate) fn keep_private(headers: &mut HeaderMap) {
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    let keeps = |directive: &[u8]| {
        let directive = directive.trim_ascii();
        directive.eq_ignore_ascii_case(b"private") || directive.eq_ignore_ascii_case(b"no-store")
    };
    let values = headers.get_all(CACHE_CONTROL);
    if !values.iter().any(|value| value.as_bytes().split(|byte| *byte == b',').any(keeps)) {
        headers.append(CACHE_CONTROL, HeaderValue::from_static("private"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_is_taken_off() {
        let referer = |text: &str| {
            let value = HeaderValue::from_str(text).unwrap();
            public_referer(&value, ["key", "k2"]).map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(referer("http://a/x?key=s").as_deref(), Some("http://a/x"));
        assert_eq!(
            referer("http://a/x?a=1&k%65y=s&k2=t&b=2#part").as_deref(),
            Some("http://a/x?a=1&b=2#part")
        );
        for same in ["http://a/x", "http://a/x?keys=1&a=key", "", "?"] {
            assert_eq!(referer(same), None, "{same}");
        }
    }

    #[test]
    fn a_cache_is_told_unless_it_was() {
        for (before, after) in [
            (None, "private"),
            (Some("max-age=60"), "max-age=60, private"),
            (Some("public"), "public, private"),
            (Some("max-age=60, Private"), "max-age=60, Private"),
            (Some("no-store"), "no-store"),
            (Some("private=\"x\""), "private=\"x\", private"),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(before) = before {
                headers.insert(CACHE_CONTROL, HeaderValue::from_static(before));
            }
            keep_private(&mut headers);
            let said: Vec<_> = headers.get_all(CACHE_CONTROL).iter().map(|v| v.to_str().unwrap()).collect();
            assert_eq!(said.join(", "), after);
        }
    }
}
