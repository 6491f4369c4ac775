//! One caller's connection, as its requests see it.

use std::sync::{Arc, Mutex, PoisonError};

use countersign_access::{Access, InvalidCertificate, Peer, UnvouchedCertificate};
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
        let peer = peer(&gateway.access, info)?;
        let address = peer.address();
        let secure = info.tls.is_some();
        let settings = &gateway.settings;
        let trusted = settings.trusted_proxies.contains(address);
        Some(Self {
            peer,
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

/// The other end with its certificate; `None` when that can't be read.
fn peer(access: &Access, info: &ConnectionInfo) -> Option<Peer> {
    let address = info.remote.ip().to_canonical();
    let Some(tls) = &info.tls else { return Some(Peer::new(address, None)) };
    let refused = |error: &InvalidCertificate| log::unreadable_certificate(error, address);
    if let Some(leaf) = &tls.unvouched {
        let certificate = UnvouchedCertificate::from_der(leaf.dangerous_unverified_der());
        return certificate
            .map(|shown| Peer::with_unvouched(address, Arc::new(shown)))
            .inspect_err(refused)
            .ok();
    }
    let Some(leaf) = tls.client_certificates.first() else { return Some(Peer::new(address, None)) };
    let bundles = tls.vouched_by.iter().map(|name| &**name);
    let certificate = access.peer_certificate(leaf, bundles).inspect_err(refused).ok()?;
    Some(Peer::new(address, Some(certificate)))
}
