//! What a surface hands to the pipeline: the request and the connection it came on.

use std::net::IpAddr;
use std::sync::Arc;

use countersign_model::Timestamp;
use http::{HeaderMap, Method};

use crate::{PeerCertificate, Rule, UnvouchedCertificate};

/// The parts of a request that the pipeline reads. Borrowed: a check copies nothing of it.
#[derive(Clone, Copy, Debug)]
pub struct RequestParts<'a> {
    /// The request method.
    pub method: &'a Method,
    /// The host that was asked, with its port when it was written, as the caller wrote it.
    pub authority: &'a str,
    /// The path as it was matched and will be forwarded.
    pub path: &'a str,
    /// The query without its question mark.
    pub query: Option<&'a str>,
    /// The header fields as they arrived.
    pub headers: &'a HeaderMap,
    /// Where the caller is: the peer, or what a trusted proxy says.
    pub client_address: IpAddr,
    /// Whether the caller's own connection was encrypted.
    pub secure: bool,
}

/// What a verifier is asked: this request, under this rule, now.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) request: &'a RequestParts<'a>,
    pub(crate) rule: &'a Rule,
    pub(crate) now: Timestamp,
    /// Not one more look at a request that was allowed and still goes on.
    pub(crate) is_first: bool,
}

/// The other end of the connection. Made once per connection.
#[derive(Clone, Debug)]
pub struct Peer {
    address: IpAddr,
    certificate: Option<Arc<PeerCertificate>>,
    unvouched: Option<Arc<UnvouchedCertificate>>,
}

impl Peer {
    /// A peer at this address, with the certificate it proved to hold, when it did. TLS has validated the chain.
    #[must_use]
    pub fn new(address: IpAddr, certificate: Option<Arc<PeerCertificate>>) -> Self {
        Self { address: address.to_canonical(), certificate, unvouched: None }
    }

    /// A peer that showed a certificate nobody vouches for. It is no credential: it can only confirm a token that is
    /// bound to it (RFC 8705 §3).
    #[must_use]
    pub fn with_unvouched(address: IpAddr, certificate: Arc<UnvouchedCertificate>) -> Self {
        Self { unvouched: Some(certificate), ..Self::new(address, None) }
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// The certificate nobody vouches for, when it showed such a one.
    #[must_use]
    pub fn unvouched(&self) -> Option<&Arc<UnvouchedCertificate>> {
        self.unvouched.as_ref()
    }

    /// Its certificate.
    #[must_use]
    pub fn certificate(&self) -> Option<&Arc<PeerCertificate>> {
        self.certificate.as_ref()
    }
}
