//! TLS towards others: upstreams and fetched URLs.

use std::fmt;
use std::io;
use std::sync::Arc;

use countersign_model::Clock;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::bundle::TrustBundle;
use crate::material::{TlsError, TlsMaterial};
use crate::provider;
use crate::server_tls::InjectedTime;
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
#[derive(Clone, Debug, Default)]
pub struct ClientTlsSettings {
    /// Whom to believe.
    pub roots: Roots,
    /// What to show when asked.
    pub certificate: Option<TlsMaterial>,
    /// Protocols offered, in order of preference; empty: none.
    pub alpn: Vec<Alpn>,
}

/// A TLS client configuration. Clones share it and its sessions.
#[derive(Clone)]
pub struct ClientTls {
    config: Arc<ClientConfig>,
}

impl ClientTls {
    /// Builds the configuration.
    ///
    /// # Errors
    /// [`TlsError`] when no bundle is given, or the platform has no authorities to offer.
    pub fn new(settings: ClientTlsSettings, clock: Arc<dyn Clock>) -> Result<Self, TlsError> {
        let verifier = server_verifier(&settings.roots)?;
        let builder = ClientConfig::builder_with_details(provider(), Arc::new(InjectedTime(clock)))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|error| TlsError::new("TLS client", error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match settings.certificate {
            Some(material) => builder.with_client_cert_resolver(Arc::new(
                rustls::sign::SingleCertAndKey::from(material.certified),
            )),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = settings.alpn.iter().map(|protocol| protocol.wire().to_vec()).collect();
        Ok(Self { config: Arc::new(config) })
    }

    /// The same with other protocols offered.
    #[must_use]
    pub fn with_alpn(&self, alpn: &[Alpn]) -> Self {
        let mut config = (*self.config).clone();
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.wire().to_vec()).collect();
        Self { config: Arc::new(config) }
    }

    /// Does the handshake on a connected socket, expecting a certificate for `server_name` (a DNS name or address).
    ///
    /// # Errors
    /// When the name is none, or the handshake fails. No time-out: the caller sets it.
    pub async fn connect(&self, server_name: &str, socket: TcpStream) -> io::Result<Stream> {
        let bare =
            server_name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(server_name);
        let name = ServerName::try_from(bare.to_owned())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "no valid server name for TLS"))?;
        let stream = TlsConnector::from(Arc::clone(&self.config)).connect(name, socket).await?;
        Ok(Stream::tls(stream.into()))
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientTls")
    }
}

fn server_verifier(roots: &Roots) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
    match roots {
        Roots::Platform => {
            let verifier = Verifier::new(provider()).map_err(|error| {
                TlsError::new(
                    "the system's certificate authorities",
                    format!("can't be read ({error}): install ca-certificates or give a bundle"),
                )
            })?;
            Ok(Arc::new(verifier))
        }
        Roots::Bundles(bundles) => {
            let mut store = RootCertStore::empty();
            for bundle in bundles {
                for anchor in &bundle.anchors {
                    store
                        .add(anchor.clone())
                        .map_err(|error| TlsError::new(&bundle.name, error.to_string()))?;
                }
            }
            let verifier =
                WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider()).build().map_err(
                    |_| TlsError::new("TLS client", "no trust bundle is given: nobody could be believed"),
                )?;
            Ok(verifier)
        }
    }
}
