//! Public JSON documents: serialised once, answered from memory, with an entity tag.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use countersign_model::TokenHash;

/// A document as it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    body: Bytes,
    etag: HeaderValue,
    content_type: HeaderValue,
    cache_control: HeaderValue,
}

impl Document {
    /// Takes a finished document that caches may keep for so long.
    pub(crate) fn new(body: Bytes, content_type: &'static str, cache_control: HeaderValue) -> Self {
        let tag: String = TokenHash::of(&body).to_base64url().chars().take(22).collect();
        // Base64url is always a valid header.
        let etag = HeaderValue::from_str(&format!("\"{tag}\"")).unwrap_or(HeaderValue::from_static("\"\""));
        Self { body, etag, content_type: HeaderValue::from_static(content_type), cache_control }
    }

    /// The document, or 304 to whoever has it already (RFC 9110 §13.1.2).
    pub(crate) fn answer(&self, headers: &HeaderMap) -> Response {
        let is_known = headers.get_all(IF_NONE_MATCH).iter().any(|tags| self.is_among(tags));
        let mut response =
            Response::new(if is_known { Body::empty() } else { Body::from(self.body.clone()) });
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else {
            response.headers_mut().insert(CONTENT_TYPE, self.content_type.clone());
        }
        response.headers_mut().insert(ETAG, self.etag.clone());
        response.headers_mut().insert(CACHE_CONTROL, self.cache_control.clone());
        response
    }

    /// The weak comparison (RFC 9110 §8.8.3.2).
    fn is_among(&self, tags: &HeaderValue) -> bool {
        let own = self.etag.as_bytes();
        tags.as_bytes()
            .split(|byte| *byte == b',')
            .map(<[u8]>::trim_ascii)
            .any(|tag| tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_it_is_told_so() {
        let cache = HeaderValue::from_static("public, max-age=1");
        let document = Document::new(Bytes::from_static(b"{}"), "application/json", cache);
        let answer = |tags: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(tags) = tags {
                headers.insert(IF_NONE_MATCH, tags.parse().unwrap());
            }
            document.answer(&headers).status().as_u16()
        };
        let tag = document.etag.to_str().unwrap().to_owned();
        assert_eq!(answer(None), 200);
        assert_eq!(answer(Some(&tag)), 304);
        assert_eq!(answer(Some(&format!("\"other\", W/{tag}"))), 304);
        assert_eq!(answer(Some("*")), 304);
        assert_eq!(answer(Some("\"other\"")), 200);
    }
}
