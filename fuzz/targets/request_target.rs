//! Request hygiene at the gateway. The input: method and target, then header fields, a line each; and as it is, a
//! connection's bytes.

use countersign_gateway::hygiene::framing::Framing;
use countersign_gateway::hygiene::headers::clean_request;
use countersign_gateway::hygiene::{Asked, normalise_path, target};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version};

/// What is matched is in one form and stays in it; no spelling of our own fields comes through.
pub(crate) fn request_target(data: &[u8]) {
    framing(data);
    let mut lines = data.split(|byte| *byte == b'\n');
    let first = lines.next().and_then(|line| std::str::from_utf8(line).ok()).unwrap_or_default();
    let (method, uri) = first.split_once(' ').unwrap_or(("GET", first));
    let (Ok(method), Ok(uri)) = (method.parse::<Method>(), uri.parse::<Uri>()) else { return };
    let mut headers = HeaderMap::new();
    for line in lines.take(64) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = line.split_at(colon);
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value[1..].trim_ascii()))
        {
            headers.append(name, value);
        }
    }
    if let Ok(Asked::Resource(resource)) = target(&method, &uri, Version::HTTP_11, &headers) {
        let path = resource.path_and_query.path();
        assert!(path.starts_with('/') && !path.contains("//") && !path.contains(['\\', ';']), "{path}");
        let lower = path.to_ascii_lowercase();
        assert!(!["%2f", "%5c", "%2e", "%00"].iter().any(|escape| lower.contains(escape)), "{path}");
        assert!(!path.split('/').any(|segment| segment == "." || segment == ".."), "{path}");
        assert_eq!(normalise_path(path).ok().as_deref(), Some(path), "the form is not the last");
        assert!(headers.get_all("host").iter().count() <= 1, "two hosts");
    }
    if clean_request(&method, Version::HTTP_11, &mut headers, false).is_ok() {
        for name in headers.keys() {
            let plain = name.as_str().replace('_', "-");
            assert!(!plain.starts_with("countersign-"), "{name} came through");
            assert!(plain != "connection" && plain != "te", "{name} came through");
        }
    }
}

/// However the bytes come in pieces, the same request is refused.
fn framing(data: &[u8]) {
    let mut whole = Framing::default();
    whole.feed(data);
    let mut pieces = Framing::default();
    for byte in data {
        pieces.feed(std::slice::from_ref(byte));
    }
    assert_eq!(whole.refused(), pieces.refused(), "pieces make a difference");
}
