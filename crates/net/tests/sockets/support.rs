//! Throw-away certificates and listeners.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use countersign_model::{Clock, SecretBytes, SystemClock};
use countersign_net::{
    Accepted, CancellationToken, ClientTls, ClientTlsSettings, Drained, Listener, ListenerSettings, Load,
    Roots, ServerTls, ServerTlsSettings, TlsMaterial, TrustBundle,
};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio::task::JoinHandle;

pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// An authority for one test.
pub(crate) struct Ca {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

impl Ca {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate and its key, PEM.
    pub(crate) fn issue(
        &self,
        key: &KeyPair,
        host: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> String {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        change(&mut params);
        params.signed_by(key, &self.issuer).unwrap().pem()
    }

    pub(crate) fn material(&self, host: &str) -> TlsMaterial {
        let key = KeyPair::generate().unwrap();
        let pem = self.issue(&key, host, |_| {});
        TlsMaterial::from_pem(("chain", pem.as_bytes()), ("key", key.serialize_pem().as_bytes())).unwrap()
    }

    pub(crate) fn server(&self, host: &str) -> ServerTls {
        ServerTls::new(ServerTlsSettings::new(self.material(host)), clock()).unwrap()
    }

    pub(crate) fn bundle(&self) -> TrustBundle {
        TrustBundle::from_pem("test", "ca.pem", self.pem.as_bytes()).unwrap()
    }

    pub(crate) fn client(&self) -> ClientTls {
        let roots = Roots::Bundles(vec![self.bundle()]);
        ClientTls::new(ClientTlsSettings { roots, ..ClientTlsSettings::default() }, clock()).unwrap()
    }
}

pub(crate) fn secret_der(key: &KeyPair) -> SecretBytes {
    SecretBytes::new(key.serialize_der())
}

/// A listener on loopback that serves in the background.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) load: Load,
    pub(crate) shutdown: CancellationToken,
    pub(crate) serving: JoinHandle<Drained>,
}

impl Running {
    pub(crate) async fn stop(self) -> Drained {
        self.shutdown.cancel();
        self.serving.await.unwrap()
    }
}

pub(crate) fn loopback() -> ListenerSettings {
    ListenerSettings::new("127.0.0.1:0".parse().unwrap())
}

pub(crate) fn start<H, F>(settings: ListenerSettings, tls: Option<ServerTls>, handler: H) -> Running
where
    H: Fn(Accepted) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = Listener::bind(settings, tls).unwrap();
    let (address, load, shutdown) = (listener.local_addr(), listener.load(), CancellationToken::new());
    let serving = tokio::spawn(listener.serve(shutdown.clone(), handler));
    Running { address, load, shutdown, serving }
}
