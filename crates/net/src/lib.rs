//! Sockets: TLS listeners that reload and drain, and guarded fetches of URLs that somebody else supplied.
//!
//! Nothing here knows what a request means. [`Listener`] turns a port into connections whose peer is known,
//! [`ServerTls`] and [`ClientTls`] hold certificates that can be replaced while connections are open, and
//! [`Fetcher`] asks a URL from a token or a client's registration without becoming that caller's tool.

mod address;
mod anchors;
mod bundle;
mod client_tls;
mod fetch;
mod fetcher;
mod good_chains;
#[cfg(test)]
mod limbo;
mod limit;
mod listener;
mod material;
mod meters;
mod port_holder;
mod server_tls;
mod stream;
mod verifier;

pub use address::{AddressPolicy, AddressRefused};
pub use bundle::{ClientAuth, ClientTrust, Crl, TrustBundle};
pub use client_tls::{ClientTls, ClientTlsSettings, Roots};
pub use fetch::{FetchError, FetchRequest, FetchSettings, Fetched};
pub use fetcher::Fetcher;
pub use limit::{ConnectionLimits, Guard, Load};
pub use listener::{Accepted, BindError, Drained, Listener, ListenerSettings};
pub use material::{TlsError, TlsMaterial};
pub use server_tls::{ServerTls, ServerTlsSettings};
pub use stream::{Alpn, ConnectionInfo, HttpVersion, Stream, TlsInfo, UnvouchedLeaf};
pub use tokio_util::sync::CancellationToken;

use std::sync::Arc;

/// The one crypto library, named here so that no process-wide default can decide.
fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    static PROVIDER: std::sync::OnceLock<Arc<rustls::crypto::CryptoProvider>> = std::sync::OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider())))
}
