//! A listener's TLS configuration, replaceable while it serves.

use std::sync::Arc;

use arc_swap::ArcSwap;
use countersign_model::Clock;

use crate::bundle::ClientAuth;
use crate::material::{TlsError, TlsMaterial};
use crate::stream::Alpn;

/// What a TLS listener shows and asks for.
#[derive(Clone)]
pub struct ServerTlsSettings {
    /// Certificates; chosen by the server name the client asks for, the first one when none fits.
    pub certificates: Vec<TlsMaterial>,
    /// Whether clients show certificates, and who vouches for them.
    pub client_auth: ClientAuth,
    /// Protocols offered, in order of preference.
    pub alpn: Vec<Alpn>,
}

impl ServerTlsSettings {
    /// One certificate, no client certificates, HTTP/2 and HTTP/1.1.
    #[must_use]
    pub fn new(certificate: TlsMaterial) -> Self {
        Self {
            certificates: vec![certificate],
            client_auth: ClientAuth::Off,
            alpn: vec![Alpn::Http2, Alpn::Http1],
        }
    }
}

/// A handle on a listener's TLS configuration. Clones share it.
#[derive(Clone)]
pub struct ServerTls {
    _current: Arc<ArcSwap<()>>,
}

impl ServerTls {
    /// Builds the configuration.
    ///
    /// # Errors
    /// [`TlsError`] when there is no certificate, a certificate has expired, or a bundle is empty.
    pub fn new(_settings: ServerTlsSettings, _clock: Arc<dyn Clock>) -> Result<Self, TlsError> {
        todo!()
    }

    /// Replaces the configuration for every handshake from now on; open connections live on. Sessions made under
    /// the old one can't be resumed, so that no client chain outlives the bundles and lists it was checked against.
    ///
    /// # Errors
    /// [`TlsError`] as for [`ServerTls::new`]; the old configuration then stays.
    pub fn replace(&self, _settings: ServerTlsSettings) -> Result<(), TlsError> {
        todo!()
    }
}
