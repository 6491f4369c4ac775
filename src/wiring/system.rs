//! The running product: started in order, reloaded in place, stopped in reverse.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use countersign_access::Access;
use countersign_access::dpop::Nonces;
use countersign_ca::Authority;
use countersign_model::Env;
use countersign_net::{CancellationToken, ListenerSettings};
use countersign_passwords::Hasher;
use countersign_server::{MetricsText, ServerLimits, management_router, router, send_pings, serve};
use countersign_store::Store;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::keys::Keys;
use super::listen::listen;
use super::live::Live;
use super::{Parts, background, checker, control_plane, data_plane, fetch, watch};
use crate::config::Config;
use crate::output::Failure;
use crate::telemetry;

/// A running Countersign.
pub(crate) struct System {
    /// What it was started with.
    pub(crate) config: Config,
    pub(crate) env: Env,
    pub(crate) store: Store,
    pub(crate) hasher: Arc<Hasher>,
    pub(crate) authority: Arc<Authority<Store>>,
    pub(crate) keys: Keys,
    /// Where the authorization server listens.
    pub(crate) server_address: Option<SocketAddr>,
    /// Where the gateway listens.
    pub(crate) gateway_address: Option<SocketAddr>,
    /// Cancelled: take nothing new, finish what is under way.
    stopped: CancellationToken,
    /// Listeners, which drain.
    serving: JoinSet<()>,
    /// Everything beside requests.
    background: JoinSet<()>,
}

impl System {
    /// Starts everything the configuration names; with its file, watches that for changes.
    ///
    /// # Errors
    /// The first thing that can't be started; nothing is left running then.
    pub(crate) async fn start(config: Config, file: Option<PathBuf>, env: Env) -> Result<Self, Failure> {
        let metrics = telemetry::metrics::start()?;
        let parts = Parts::open(&config, env).await?;
        // Before anything is read, so that no change falls between reading and listening.
        let changes = parts.store.subscribe();
        let access = pipeline(&config, &parts).await?;
        let server = match &config.server {
            Some(server) => Some(control_plane::bind(&config, server, &parts, &access).await?),
            None => None,
        };
        let gateway = match &config.gateway {
            Some(gateway) => Some(data_plane::bind(&config, gateway, &parts, &access).await?),
            None => None,
        };
        let management = config.management.map(|address| {
            let text = metrics.clone();
            let text: MetricsText = Arc::new(move || text.render());
            let router = management_router(control_plane::readiness(&parts, &access), Some(text));
            let settings = ListenerSettings { surface: "management", ..ListenerSettings::new(address) };
            listen("management.listen", settings, None).map(|listener| (listener, router))
        });
        let management = management.transpose()?;

        let pings = fetch::document_fetcher(&config, &parts.env)?;
        let mut system = Self {
            env: parts.env.clone(),
            store: parts.store.clone(),
            hasher: Arc::clone(&parts.hasher),
            authority: Arc::clone(&parts.authority),
            keys: parts.keys.clone(),
            server_address: server.as_ref().map(|server| server.address),
            gateway_address: gateway.as_ref().map(|gateway| gateway.address),
            stopped: CancellationToken::new(),
            serving: JoinSet::new(),
            background: JoinSet::new(),
            config: config.clone(),
        };
        let mut live = Live::new(parts.clone(), config, Arc::clone(&access));
        if let Some(server) = server {
            let stopped = system.stopped.clone();
            system.background.spawn(send_pings(server.state.clone(), pings, stopped.clone()));
            let router = router(server.state);
            live.server_tls = server.tls;
            if let Some((listener, tls)) = server.mtls {
                let (router, stopped) = (router.clone(), stopped.clone());
                live.server_mtls = Some(tls);
                system.serving.spawn(async move {
                    serve(listener, router, server.limits, stopped).await;
                });
            }
            system.serving.spawn(async move {
                serve(server.listener, router, server.limits, stopped).await;
            });
        }
        if let Some(plane) = gateway {
            let stopped = system.stopped.clone();
            live.gateway_tls = plane.tls;
            live.gateway = Some(Arc::clone(&plane.gateway));
            system.serving.spawn(async move {
                plane.gateway.serve(plane.listener, stopped).await;
            });
        }
        live.refresh_revoked_certificates().await?;
        let live = Arc::new(Mutex::new(live));
        if let Some((listener, router)) = management {
            // It goes on answering while the others drain.
            let limits = ServerLimits::default();
            system.background.spawn(async move {
                serve(listener, router, limits, CancellationToken::new()).await;
            });
        }
        let stopped = &system.stopped;
        system.background.spawn(background::follow_changes(
            parts.clone(),
            Arc::clone(&live),
            changes,
            stopped.clone(),
        ));
        system.background.spawn(background::tick(parts.clone(), Arc::clone(&live), stopped.clone()));
        system.background.spawn(background::housekeeping(parts, stopped.clone()));
        system.background.spawn(telemetry::metrics::upkeep(metrics, stopped.clone()));
        if let Some(file) = file {
            system.background.spawn(watch::reload_on_change(file, live, stopped.clone()));
        }
        Ok(system)
    }

    /// The issuer's URL, with a slash at the end.
    pub(crate) fn issuer(&self) -> &str {
        self.config.server.as_ref().map_or("", |server| server.issuer.as_str())
    }

    /// Takes nothing new, lets requests in progress finish, closes the store.
    pub(crate) async fn stop(mut self) {
        self.stopped.cancel();
        while self.serving.join_next().await.is_some() {}
        self.background.shutdown().await;
        self.store.close().await;
    }
}

/// The pipeline, knowing every revocation before the first request.
///
/// # Errors
/// When a file it needs or the store can't be read.
pub(crate) async fn pipeline(config: &Config, parts: &Parts) -> Result<Arc<Access>, Failure> {
    let (settings, sources) = checker::build(config, parts)?;
    // The same nonces on every node, other ones than the token endpoint's.
    let nonces =
        Nonces::new(&parts.master.derive("dpop-nonce/resources").ok_or("no key for nonces can be derived")?);
    let access = Arc::new(Access::new(settings, sources)?.with_nonces(nonces));
    let now = parts.env.now();
    access.load_revocations(now).await?;
    Ok(access)
}
