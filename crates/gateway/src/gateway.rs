//! The gateway as the binary starts it.

mod again;
mod answer;
mod answer_body;
mod caller;
mod connection;
mod exchange;
mod forwarded;
mod log;
mod request_id;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use countersign_access::Access;
use countersign_model::Env;
use countersign_net::{Accepted, CancellationToken, Drained, Listener};

use crate::identity_headers::IdentityHeaders;
use crate::meters::Meters;
use crate::route::{RouteTable, build};
use crate::{GatewaySettings, IdentityIssuer, RouteConfig, RouteError};

/// How often resting upstream connections are looked at.
const SWEEP: Duration = Duration::from_secs(5);

/// The data plane. Share it by [`Arc`]; it may serve several listeners.
pub struct Gateway {
    settings: GatewaySettings,
    routes: ArcSwap<RouteTable>,
    access: Arc<Access>,
    identity: IdentityHeaders,
    env: Env,
    /// For requests that have no route.
    meters: Meters,
    sweeping: AtomicBool,
}

impl Gateway {
    /// Builds a gateway with its first routes. `issuer` may be missing where no route sends an identity token.
    /// Install the metrics recorder before: handles are made here, once.
    ///
    /// # Errors
    /// Every fault of the routes at once.
    pub fn new(
        settings: GatewaySettings,
        routes: Vec<RouteConfig>,
        access: Arc<Access>,
        issuer: Option<IdentityIssuer>,
        env: Env,
    ) -> Result<Arc<Self>, Vec<RouteError>> {
        let table = build(routes, None, issuer.is_some(), settings.pool_idle)?;
        Ok(Arc::new(Self {
            settings,
            routes: ArcSwap::from_pointee(table),
            access,
            identity: IdentityHeaders::new(issuer, env.clone()),
            env,
            meters: Meters::new("-"),
            sweeping: AtomicBool::new(false),
        }))
    }

    /// Replaces the routes. Requests under way finish on the old ones, the next request on any connection takes the
    /// new ones. Pooled plain connections to upstreams that stay are kept.
    ///
    /// # Errors
    /// Every fault of the routes at once; the old ones then stay.
    pub fn replace_routes(&self, routes: Vec<RouteConfig>) -> Result<(), Vec<RouteError>> {
        let previous = self.routes.load();
        let table = build(routes, Some(&previous), self.identity.can_sign(), self.settings.pool_idle)?;
        self.routes.store(Arc::new(table));
        Ok(())
    }

    /// Serves a listener until `shutdown` is cancelled and its connections have drained.
    pub async fn serve(self: Arc<Self>, listener: Listener, shutdown: CancellationToken) -> Drained {
        self.sweep_in_background();
        listener.serve(shutdown, move |accepted| Arc::clone(&self).connection(accepted)).await
    }

    /// Serves one connection to its end.
    pub async fn connection(self: Arc<Self>, accepted: Accepted) {
        connection::serve(self, accepted).await;
    }

    /// Closes resting upstream connections in time, as long as the gateway lives.
    fn sweep_in_background(self: &Arc<Self>) {
        if self.sweeping.swap(true, Ordering::Relaxed) {
            return;
        }
        let gateway = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(SWEEP).await;
                let Some(gateway) = gateway.upgrade() else { return };
                gateway.routes.load().sweep();
            }
        });
    }
}
