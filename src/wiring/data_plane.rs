//! The gateway: routes, identity, listener.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use countersign_access::Access;
use countersign_gateway::{Gateway, GatewaySettings, IdentityIssuer};
use countersign_model::{AddressList, Issuer};
use countersign_net::{ConnectionLimits, Listener, ListenerSettings, ServerTls};

use super::listen::listen;
use super::tls::{self, Own};
use super::{Parts, live, routes};
use crate::config::{Config, checked};
use crate::output::Failure;

/// How long an identity token lives: long enough for one request to arrive.
const IDENTITY_LIFETIME: Duration = Duration::from_secs(60);

/// A bound gateway that does not serve yet.
pub(super) struct DataPlane {
    pub(super) listener: Listener,
    pub(super) gateway: Arc<Gateway>,
    pub(super) address: SocketAddr,
    pub(super) tls: Option<(ServerTls, Own)>,
}

/// Binds the listener and builds the routes.
///
/// # Errors
/// When the address is taken, a route can't be meant, or a certificate can't be had.
pub(super) async fn bind(
    config: &Config,
    gateway: &checked::Gateway,
    parts: &Parts,
    access: &Arc<Access>,
) -> Result<DataPlane, Failure> {
    let tls = match &gateway.tls {
        None => None,
        Some(wanted) => {
            let own = tls::own(wanted, &parts.authority).await?;
            let settings = tls::gateway(gateway, &own, &parts.authority).await?;
            Some((ServerTls::new(settings, Arc::clone(&parts.env.clock))?, own))
        }
    };
    let mut settings = ListenerSettings::new(gateway.listen);
    settings.drain_timeout = config.network.drain;
    settings.surface = "gateway";
    settings.limits = ConnectionLimits {
        total: gateway.max_connections as usize,
        per_address: gateway.max_connections_per_address as usize,
    };
    settings.shared_addresses = AddressList::new(gateway.trusted_proxies.clone());
    let listener = listen("gateway.listen", settings, tls.as_ref().map(|(handle, _)| handle.clone()))?;
    let table = routes::build(config, gateway, &parts.issuer, &parts.env.clock)?;
    let issuer = IdentityIssuer::new(
        Issuer::from(parts.issuer.as_str()),
        IDENTITY_LIFETIME,
        Arc::new(parts.keys.clone()),
    );
    let gateway = Gateway::new(
        GatewaySettings {
            trusted_proxies: AddressList::new(gateway.trusted_proxies.clone()),
            ..GatewaySettings::default()
        },
        table,
        Arc::clone(access),
        Some(issuer),
        parts.env.clone(),
    )
    .map_err(|errors| live::joined(&errors))?;
    Ok(DataPlane { address: listener.local_addr(), listener, gateway, tls })
}
