//! One caller's connection, as its requests see it.

use std::sync::{Arc, Mutex, PoisonError};

use countersign_access::Peer;
use countersign_net::ConnectionInfo;
use http::HeaderMap;

use super::forwarded::Forwarded;
use super::request_id::RequestIds;
use super::watch::Watch;
use super::{Gateway, log};
use crate::proxy::Tunnel;

/// What all requests of a connection share.
pub(crate) struct Caller {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) peer: Peer,
    pub(crate) forwarded: Forwarded,
    secure: bool,
    /// HTTP/1: the connection's own tick polls whatever waits in it.
    pub(crate) ticked: bool,
    pub(crate) watch: Arc<Watch>,
    pub(crate) ids: RequestIds,
    tunnel: Mutex<Option<Tunnel>>,
}

impl Caller {
    /// `None` when its certificate can't be read: such a connection is not served.
    pub(crate) fn new(
        gateway: Arc<Gateway>,
        info: &ConnectionInfo,
        http2: bool,
        watch: Arc<Watch>,
    ) -> Option<Self> {
        let certificate =
            match info.tls.as_ref().and_then(|tls| Some((tls, tls.client_certificates.first()?))) {
                Some((tls, leaf)) => {
                    let bundles = tls.vouched_by.iter().map(|name| &**name);
                    match gateway.access.peer_certificate(leaf, bundles) {
                        Ok(certificate) => Some(certificate),
                        Err(error) => {
                            log::unreadable_certificate(&error, info.remote.ip());
                            return None;
                        }
                    }
                }
                None => None,
            };
        let address = info.remote.ip().to_canonical();
        let secure = info.tls.is_some();
        let settings = &gateway.settings;
        let trusted = settings.trusted_proxies.contains(address);
        Some(Self {
            peer: Peer::new(address, certificate),
            forwarded: Forwarded::new(address, secure, http2, trusted, settings.forwarded),
            secure,
            ticked: !http2,
            watch,
            ids: RequestIds::new(&*gateway.env.rng),
            tunnel: Mutex::new(None),
            gateway,
        })
    }

    /// Whether its own connection is encrypted, as far as we see or a trusted proxy says.
    pub(crate) fn is_secure(&self, headers: &HeaderMap) -> bool {
        self.secure || (self.gateway.settings.trust_forwarded_proto && self.forwarded.says_secure(headers))
    }

    /// Leaves a tunnel to be run when HTTP has ended on this connection.
    pub(crate) fn leave_tunnel(&self, tunnel: Tunnel) {
        *self.tunnel.lock().unwrap_or_else(PoisonError::into_inner) = Some(tunnel);
    }

    pub(crate) fn take_tunnel(&self) -> Option<Tunnel> {
        self.tunnel.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
