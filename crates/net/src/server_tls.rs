//! A listener's TLS configuration, replaceable while it serves.

use std::fmt;
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use countersign_model::{Clock, Timestamp};
use rustls::crypto::CryptoProvider;
use rustls::server::{
    ClientHello, NoClientAuth, ResolvesServerCert, ServerConnection, ServerSessionMemoryCache,
};
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use rustls::{CipherSuite, HandshakeKind, ServerConfig};
use rustls_pki_types::UnixTime;

use crate::bundle::ClientAuth;
use crate::material::{TlsError, TlsMaterial};
use crate::provider;
use crate::stream::{Alpn, TlsInfo, UnvouchedLeaf};
use crate::verifier::{ClientVerifier, Policy};

/// Sessions kept for resumption under one configuration.
const SESSIONS: usize = 1024;

/// What a TLS listener shows and asks for.
#[derive(Clone, Debug)]
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
    current: Arc<ArcSwap<Current>>,
    clock: Arc<dyn Clock>,
}

/// One configuration. A connection keeps the one it began with.
pub(crate) struct Current {
    pub(crate) config: Arc<ServerConfig>,
    verifier: Option<Arc<ClientVerifier>>,
}

impl ServerTls {
    /// Builds the configuration.
    ///
    /// # Errors
    /// [`TlsError`] when there is no certificate, a certificate is not in force, or no bundle is given for clients.
    pub fn new(settings: ServerTlsSettings, clock: Arc<dyn Clock>) -> Result<Self, TlsError> {
        let current = Arc::new(ArcSwap::from_pointee(build(settings, &clock)?));
        Ok(Self { current, clock })
    }

    /// Replaces the configuration for every handshake from now on; open connections live on. Sessions made under
    /// the old one can't be resumed, so that no client chain outlives the bundles and lists it was checked against.
    ///
    /// # Errors
    /// [`TlsError`] as for [`ServerTls::new`]; the old configuration then stays.
    pub fn replace(&self, settings: ServerTlsSettings) -> Result<(), TlsError> {
        let next = build(settings, &self.clock)?;
        self.current.store(Arc::new(next));
        Ok(())
    }

    pub(crate) fn current(&self) -> Arc<Current> {
        self.current.load_full()
    }

    pub(crate) fn now(&self) -> UnixTime {
        unix_time(self.clock.now())
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerTls")
    }
}

impl Current {
    /// What a finished handshake established.
    ///
    /// rustls gives a resumed session the chain it was made with, unchecked: it is checked again here, as time may
    /// have passed. So is a chain that several bundles could vouch for, to learn which does.
    pub(crate) fn describe(
        &self,
        connection: &ServerConnection,
        now: UnixTime,
    ) -> Result<TlsInfo, rustls::Error> {
        let mut client_certificates: Vec<_> = connection
            .peer_certificates()
            .unwrap_or_default()
            .iter()
            .map(|der| der.clone().into_owned())
            .collect();
        let resumed = connection.handshake_kind() == Some(HandshakeKind::Resumed);
        let mut unvouched = None;
        let vouched_by = match &self.verifier {
            // Fail closed: whatever is wrong with the chain, it is a chain no more.
            Some(verifier) if verifier.lets_unvouched_in() => {
                verifier.vouchers(&client_certificates, now).unwrap_or_else(|error| {
                    tracing::debug!(%error, "nobody vouches for a client's certificate");
                    unvouched = client_certificates.drain(..).next().map(UnvouchedLeaf);
                    Vec::new()
                })
            }
            Some(verifier) if !client_certificates.is_empty() => match verifier.only_bundle() {
                Some(name) if !resumed => vec![name],
                _ => verifier.vouchers(&client_certificates, now)?,
            },
            _ => Vec::new(),
        };
        Ok(TlsInfo {
            client_certificates,
            unvouched,
            vouched_by,
            server_name: connection.server_name().map(Into::into),
            alpn: connection.alpn_protocol().and_then(Alpn::from_wire),
        })
    }
}

fn build(settings: ServerTlsSettings, clock: &Arc<dyn Clock>) -> Result<Current, TlsError> {
    let now = clock.now();
    for certificate in &settings.certificates {
        certificate.in_force(now)?;
    }
    let Some(default) = settings.certificates.first() else {
        return Err(TlsError::new("listener", "TLS needs at least one certificate"));
    };
    let resolver = ByName { default: Arc::clone(&default.certified), all: settings.certificates.clone() };
    let verifier = match &settings.client_auth {
        ClientAuth::Off => None,
        ClientAuth::Optional(trust) => Some(Arc::new(ClientVerifier::new(trust, Policy::Optional)?)),
        ClientAuth::Required(trust) => Some(Arc::new(ClientVerifier::new(trust, Policy::Required)?)),
        ClientAuth::OptionalUnvouched(trust) => {
            Some(Arc::new(ClientVerifier::new(trust, Policy::OptionalUnvouched)?))
        }
    };
    let asked: Arc<dyn rustls::server::danger::ClientCertVerifier> = match &verifier {
        Some(verifier) => Arc::<ClientVerifier>::clone(verifier),
        None => Arc::new(NoClientAuth),
    };
    let mut config =
        ServerConfig::builder_with_details(recommended(), Arc::new(InjectedTime(Arc::clone(clock))))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|error| TlsError::new("listener", error.to_string()))?
            .with_client_cert_verifier(asked)
            .with_cert_resolver(Arc::new(resolver));
    config.alpn_protocols = settings.alpn.iter().map(|protocol| protocol.wire().to_vec()).collect();
    config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
    Ok(Current { config: Arc::new(config), verifier })
}

/// RFC 9325 §4.2, which FAPI 2.0 Security Profile §5.2.2 holds servers to: with TLS 1.2 the four suites that are
/// recommended. All of TLS 1.3 are.
fn recommended() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    let made = || {
        let mut own = CryptoProvider::clone(&provider());
        own.cipher_suites.retain(|suite| suite.tls13().is_some() || RECOMMENDED.contains(&suite.suite()));
        Arc::new(own)
    };
    Arc::clone(PROVIDER.get_or_init(made))
}

const RECOMMENDED: [CipherSuite; 4] = [
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
];

/// Chooses the certificate by the name the client asks for (RFC 6066 §3).
struct ByName {
    default: Arc<CertifiedKey>,
    all: Vec<TlsMaterial>,
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let fitting = hello
            .server_name()
            .and_then(|host| self.all.iter().find(|material| material.is_for(host)))
            .map(|material| &material.certified);
        Some(Arc::clone(fitting.unwrap_or(&self.default)))
    }
}

impl fmt::Debug for ByName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.all).finish()
    }
}

/// The injected clock, as rustls wants it.
pub(crate) struct InjectedTime(pub(crate) Arc<dyn Clock>);

impl TimeProvider for InjectedTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(unix_time(self.0.now()))
    }
}

impl fmt::Debug for InjectedTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InjectedTime")
    }
}

fn unix_time(now: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(now.since(Timestamp::EPOCH))
}
