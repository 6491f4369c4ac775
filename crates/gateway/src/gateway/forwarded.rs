//! What we say about the caller's connection: `X-Forwarded-*`, `Forwarded` (RFC 7239), `Via`.

use std::net::IpAddr;

use countersign_model::AddressList;
use http::header::{FORWARDED, HOST, HeaderMap, HeaderName, HeaderValue, VIA};

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The words about one connection, made once.
#[derive(Debug)]
pub(crate) struct Forwarded {
    address: IpAddr,
    client: HeaderValue,
    proto: HeaderValue,
    element: Option<HeaderValue>,
    via: HeaderValue,
    trusted: bool,
}

impl Forwarded {
    pub(crate) fn new(address: IpAddr, secure: bool, http2: bool, trusted: bool, forwarded: bool) -> Self {
        let text = address.to_string();
        let proto = if secure { "https" } else { "http" };
        let element = forwarded.then(|| match address {
            IpAddr::V4(_) => format!("for={text};proto={proto}"),
            // RFC 7239 §6: an IPv6 address is bracketed and quoted.
            IpAddr::V6(_) => format!("for=\"[{text}]\";proto={proto}"),
        });
        let value = |text: String| HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("unknown"));
        Self {
            address,
            client: value(text),
            proto: HeaderValue::from_static(proto),
            element: element.map(value),
            // RFC 9110 §7.6.3: a gateway says so in what it sends inwards.
            via: HeaderValue::from_static(if http2 { "2.0 countersign" } else { "1.1 countersign" }),
            trusted,
        }
    }

    /// Whether the peer is a trusted proxy.
    pub(crate) fn is_trusted(&self) -> bool {
        self.trusted
    }

    /// Where the caller is: the peer, or the last address in `X-Forwarded-For` that is no trusted proxy.
    pub(crate) fn client_address(&self, headers: &HeaderMap, proxies: &AddressList) -> IpAddr {
        if !self.trusted {
            return self.address;
        }
        let mut client = self.address;
        for value in headers.get_all(FOR).iter().rev() {
            let Ok(text) = value.to_str() else { return client };
            for part in text.rsplit(',') {
                let part = part.trim();
                let bare = part.strip_prefix('[').and_then(|part| part.strip_suffix(']')).unwrap_or(part);
                let Ok(address) = bare.parse::<IpAddr>() else { return client };
                client = address.to_canonical();
                if !proxies.contains(client) {
                    return client;
                }
            }
        }
        client
    }

    /// Whether a trusted proxy says that the caller's own connection was encrypted.
    pub(crate) fn says_secure(&self, headers: &HeaderMap) -> bool {
        let mut hops = headers.get_all(PROTO).iter().flat_map(|value| value.as_bytes().split(|b| *b == b','));
        // Several proxies may have said something, and the caller before them: all of it must be https.
        self.trusted
            && headers.contains_key(PROTO)
            && hops.all(|proto| proto.trim_ascii().eq_ignore_ascii_case(b"https"))
    }

    /// Says it. What a trusted proxy said is kept and added to; what others said is gone already.
    pub(crate) fn apply(&self, headers: &mut HeaderMap) {
        if self.trusted {
            self.append(headers, FOR, &self.client);
            if !headers.contains_key(PROTO) {
                headers.insert(PROTO, self.proto.clone());
            }
            if let Some(host) = headers.get(HOST).filter(|_| !headers.contains_key(FORWARDED_HOST)).cloned() {
                headers.insert(FORWARDED_HOST, host);
            }
        } else {
            headers.insert(FOR, self.client.clone());
            headers.insert(PROTO, self.proto.clone());
            if let Some(host) = headers.get(HOST).cloned() {
                headers.insert(FORWARDED_HOST, host);
            }
        }
        if let Some(element) = &self.element {
            self.append(headers, FORWARDED, element);
        }
        headers.append(VIA, self.via.clone());
    }

    /// One list in one field.
    fn append(&self, headers: &mut HeaderMap, name: HeaderName, value: &HeaderValue) {
        let mut joined = Vec::new();
        for earlier in headers.get_all(&name) {
            joined.extend_from_slice(earlier.as_bytes());
            joined.extend_from_slice(b", ");
        }
        joined.extend_from_slice(value.as_bytes());
        headers.insert(name, HeaderValue::from_bytes(&joined).unwrap_or_else(|_| value.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_are_believed() {
        let proxies = AddressList::new(vec!["10.0.0.0/8".parse().unwrap()]);
        let mut headers = HeaderMap::new();
        headers.append(FOR, "6.6.6.6, 9.9.9.9, 10.0.0.2".parse().unwrap());
        let peer: IpAddr = "10.0.0.1".parse().unwrap();
        let trusted = Forwarded::new(peer, false, false, true, true);
        assert_eq!(trusted.client_address(&headers, &proxies).to_string(), "9.9.9.9");
        let other = Forwarded::new(peer, false, false, false, false);
        assert_eq!(other.client_address(&headers, &proxies), peer);
        trusted.apply(&mut headers);
        assert_eq!(headers[FOR], "6.6.6.6, 9.9.9.9, 10.0.0.2, 10.0.0.1");
        assert_eq!(headers[FORWARDED], "for=10.0.0.1;proto=http");
        for (said, is_secure) in [
            (&["https"][..], true),
            (&["HTTPS, https"], true),
            (&["https", "https"], true),
            (&["https", "http"], false),
            (&["https, http"], false),
            (&["http"], false),
            (&[], false),
        ] {
            headers.remove(PROTO);
            for proto in said {
                headers.append(PROTO, proto.parse().unwrap());
            }
            assert_eq!(trusted.says_secure(&headers), is_secure, "{said:?}");
            assert!(!other.says_secure(&headers));
        }
        headers.insert(FOR, "nonsense".parse().unwrap());
        assert_eq!(trusted.client_address(&headers, &proxies), peer);
    }
}
