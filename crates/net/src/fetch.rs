//! Fetches of URLs that somebody else supplied: key sets, discovery documents, introspection.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use crate::address::{AddressPolicy, AddressRefused};
use crate::client_tls::ClientTls;

/// How guarded fetches behave.
#[derive(Clone)]
pub struct FetchSettings {
    /// Where they may connect.
    pub policy: AddressPolicy,
    /// The largest body read, in bytes.
    pub max_body: usize,
    /// How long one fetch may take in all.
    pub timeout: Duration,
    /// TLS towards the servers.
    pub tls: ClientTls,
}

impl FetchSettings {
    /// 1 MiB, 10 s, public addresses over https only.
    #[must_use]
    pub fn new(tls: ClientTls) -> Self {
        Self { policy: AddressPolicy::default(), max_body: 1 << 20, timeout: Duration::from_secs(10), tls }
    }
}

/// One request.
#[derive(Clone, Debug)]
pub struct FetchRequest {
    /// GET or POST.
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// Headers beside `Host`, `User-Agent`, `Content-Length`.
    pub headers: HeaderMap,
    /// The body; empty for GET.
    pub body: Bytes,
    /// Media types the answer may have (without parameters); empty: any.
    pub content_types: Vec<&'static str>,
}

impl FetchRequest {
    /// A GET.
    #[must_use]
    pub fn get(url: Url) -> Self {
        Self {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            content_types: Vec::new(),
        }
    }

    /// A POST of a body with its media type.
    #[must_use]
    pub fn post(url: Url, content_type: &'static str, body: Bytes) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(content_type));
        Self { method: Method::POST, url, headers, body, content_types: Vec::new() }
    }
}

/// The answer, whatever its status, except redirects, which are refused.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, whole.
    pub body: Bytes,
}

/// Why a fetch failed. The texts name the host, never a body, a query or a header.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The URL's scheme is not allowed.
    #[error("{host}: only https is allowed here")]
    Scheme {
        /// The host.
        host: String,
    },
    /// The URL can't be fetched: no host, or user information in it.
    #[error("not a URL that can be fetched: {reason}")]
    Url {
        /// What is wrong.
        reason: &'static str,
    },
    /// The name has no address.
    #[error("{host}: the name could not be resolved")]
    Resolve {
        /// The host.
        host: String,
    },
    /// Every address is one we don't connect to.
    #[error("{host}: {refused}")]
    Address {
        /// The host.
        host: String,
        /// The first refused one.
        refused: AddressRefused,
    },
    /// No connection could be made.
    #[error("{host}: could not connect")]
    Connect {
        /// The host.
        host: String,
        /// The system's or TLS's answer.
        #[source]
        source: std::io::Error,
    },
    /// It took too long.
    #[error("{host}: no whole answer within {} ms", .limit.as_millis())]
    Timeout {
        /// The host.
        host: String,
        /// The limit.
        limit: Duration,
    },
    /// The server redirects; it is not followed.
    #[error("{host}: answered with a redirect ({status}), which is not followed: configure the final URL")]
    Redirect {
        /// The host.
        host: String,
        /// The status.
        status: StatusCode,
    },
    /// The body is too large.
    #[error("{host}: the answer is larger than {limit} bytes")]
    TooLarge {
        /// The host.
        host: String,
        /// The limit.
        limit: usize,
    },
    /// The body has another media type than expected.
    #[error("{host}: the answer has an unexpected media type")]
    ContentType {
        /// The host.
        host: String,
    },
    /// The connection broke or did not speak HTTP.
    #[error("{host}: the connection broke before the answer was complete")]
    Broken {
        /// The host.
        host: String,
        /// What hyper says.
        #[source]
        source: hyper::Error,
    },
}
