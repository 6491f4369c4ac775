//! Whether two addresses are the same target (RFC 9449 §4.3, point 9): normalised by syntax and scheme (RFC 3986
//! §6.2.2, §6.2.3), without query and fragment.

use std::borrow::Cow;

use url::Url;

/// The longest address that is read.
const LONGEST: usize = 4 * 1024;

/// Whether a proof's `htu` is the address of a request.
pub(super) fn same_target(htu: &str, target: &str) -> bool {
    // The common case needs no parser: the very text, as far as it has a plain form.
    if htu == target && is_plain(htu) {
        return true;
    }
    matches!((normal(htu), normal(target)), (Some(one), Some(other)) if one == other)
}

/// Nothing in it that could be written in another way or would be cut off.
fn is_plain(text: &str) -> bool {
    text.len() <= LONGEST
        && text.starts_with("http")
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b':' | b'/' | b'.' | b'-' | b'_'))
}

/// The one form. `None`: it is no address of a resource over HTTP.
fn normal(text: &str) -> Option<String> {
    // The parser forgives white space and back slashes; here they mean that somebody is trying something.
    if text.len() > LONGEST || !text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\') {
        return None;
    }
    let url = Url::parse(text).ok()?;
    let is_http = matches!(url.scheme(), "http" | "https");
    if !is_http || !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    // Case of scheme and host, dot segments, the default port and the empty path are the parser's work.
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    Some(format!("{}://{}{port}{}", url.scheme(), url.host_str()?, escapes(url.path())?))
}

/// RFC 3986 §6.2.2.1, §6.2.2.2: escapes of unreserved characters are undone, the others written in upper case.
fn escapes(path: &str) -> Option<Cow<'_, str>> {
    if !path.contains('%') {
        return Some(Cow::Borrowed(path));
    }
    let mut normal = String::with_capacity(path.len());
    let mut rest = path.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            normal.push(c);
            continue;
        }
        let digit = |c: Option<char>| c.and_then(|c| c.to_digit(16)).and_then(|d| u8::try_from(d).ok());
        let byte = digit(rest.next())? << 4 | digit(rest.next())?;
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            normal.push(char::from(byte));
        } else {
            normal.push_str(&format!("%{byte:02X}"));
        }
    }
    Some(Cow::Owned(normal))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_same_target_in_other_words() {
        let target = "https://api.example.com/orders/7";
        for same in [
            target,
            "HTTPS://API.example.com/orders/7",
            "https://api.example.com:443/orders/7",
            "https://api.example.com/orders/7?page=1#top",
            "https://api.example.com/orders/./x/../7",
            "https://api.example.com/%6frders/7",
        ] {
            assert!(same_target(same, target), "{same}");
        }
        for other in [
            "http://api.example.com/orders/7",
            "https://api.example.com:8443/orders/7",
            "https://api.example.com/Orders/7",
            "https://api.example.com/orders/7/",
            "https://api.example.com/orders%2F7",
            "https://api.example.com.evil/orders/7",
            "https://user@api.example.com/orders/7",
            "https://api.example.com\\orders\\7",
            " https://api.example.com/orders/7",
            "https://api.example.com/ord\ners/7",
            "/orders/7",
            "",
        ] {
            assert!(!same_target(other, target), "{other}");
        }
        assert!(same_target("https://a.example", "https://a.example/"));
        assert!(same_target("https://a.example/%e2%82%ac", "https://a.example/%E2%82%AC"));
        assert!(!same_target("https://a.example/x?y", "https://a.example/x/y"));
        assert!(!same_target("ftp://a.example/", "ftp://a.example/"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(one in ".{0,60}", other in ".{0,60}") {
            let _ = same_target(&one, &other);
            let _ = same_target(&format!("https://a.example/{one}"), &format!("https://a.example/{other}"));
        }
    }
}
