//! TLS towards others: upstreams and fetched URLs.

use std::io;
use std::sync::Arc;

use countersign_model::Clock;
use tokio::net::TcpStream;

use crate::bundle::TrustBundle;
use crate::material::{TlsError, TlsMaterial};
use crate::stream::{Alpn, Stream};

/// Whom to believe about servers.
#[derive(Clone, Debug, Default)]
pub enum Roots {
    /// The authorities the operating system believes.
    #[default]
    Platform,
    /// These and no others.
    Bundles(Vec<TrustBundle>),
}

/// How to speak TLS as a client.
#[derive(Clone, Default)]
pub struct ClientTlsSettings {
    /// Whom to believe.
    pub roots: Roots,
    /// What to show when asked.
    pub certificate: Option<TlsMaterial>,
    /// Protocols offered, in order of preference; empty: none.
    pub alpn: Vec<Alpn>,
}

/// A TLS client configuration. Clones share it.
#[derive(Clone)]
pub struct ClientTls {
    _config: Arc<rustls::ClientConfig>,
}

impl ClientTls {
    /// Builds the configuration.
    ///
    /// # Errors
    /// [`TlsError`] when a bundle is empty, or the platform has no authorities to offer.
    pub fn new(_settings: ClientTlsSettings, _clock: Arc<dyn Clock>) -> Result<Self, TlsError> {
        todo!()
    }

    /// Does the handshake on a connected socket, expecting a certificate for `server_name` (a DNS name or address).
    ///
    /// # Errors
    /// When the name is none, or the handshake fails. No time-out: the caller sets it.
    pub async fn connect(&self, _server_name: &str, _socket: TcpStream) -> io::Result<Stream> {
        todo!()
    }
}
