//! What a reload replaces, and how: everything is built first, and swapped only when all of it could be.

use std::path::PathBuf;
use std::sync::Arc;

use countersign_access::Access;
use countersign_gateway::Gateway;
use countersign_model::Timestamp;
use countersign_net::{ServerTls, ServerTlsSettings};

use super::tls::Own;
use super::{Parts, checker, routes, tls};
use crate::config::Config;
use crate::output::Failure;

/// The parts of a running system that change in place.
pub(crate) struct Live {
    parts: Parts,
    config: Config,
    access: Arc<Access>,
    /// The gateway, when there is one.
    pub(super) gateway: Option<Arc<Gateway>>,
    /// TLS of the authorization server's listener.
    pub(super) server_tls: Option<(ServerTls, Own)>,
    /// TLS of the authorization server's listener for clients with certificates.
    pub(super) server_mtls: Option<(ServerTls, Own)>,
    /// TLS of the gateway's listener.
    pub(super) gateway_tls: Option<(ServerTls, Own)>,
}

impl Live {
    /// A pipeline and its configuration; surfaces are added as they start.
    pub(super) fn new(parts: Parts, config: Config, access: Arc<Access>) -> Self {
        Self { parts, config, access, gateway: None, server_tls: None, server_mtls: None, gateway_tls: None }
    }

    /// The pipeline.
    pub(super) fn access(&self) -> &Arc<Access> {
        &self.access
    }

    /// Puts a new configuration in force. On an error nothing has changed.
    ///
    /// # Errors
    /// When the new configuration can't be used, or changes what only a restart can change.
    pub(super) async fn reload(&mut self, config: Config) -> Result<(), Failure> {
        self.refuse_restarts(&config)?;
        let (settings, sources) = checker::build(&config, &self.parts)?;
        let routes = match &config.gateway {
            Some(gateway) => {
                Some(routes::build(&config, gateway, &self.parts.issuer, &self.parts.env.clock)?)
            }
            None => None,
        };
        let server = self.fresh_server(&config).await?;
        let mtls = self.fresh_mtls(&config).await?;
        let gateway = self.fresh_gateway(&config).await?;
        // From here on nothing may fail half-way: routes are checked as a whole, TLS settings were built above.
        if let (Some(gateway), Some(routes)) = (&self.gateway, routes) {
            gateway.replace_routes(routes).map_err(|errors| joined(&errors))?;
        }
        self.access.replace_config(settings, sources)?;
        replace(&mut self.server_tls, server)?;
        replace(&mut self.server_mtls, mtls)?;
        replace(&mut self.gateway_tls, gateway)?;
        self.access.load_revocations(self.parts.env.now()).await?;
        self.say_what_waits(&config);
        self.config = config;
        Ok(())
    }

    /// Forgets everything remembered of callers: announcements were missed.
    ///
    /// # Errors
    /// When revocations can't be read again; the next announcement tries once more.
    pub(super) async fn forget_callers(&self) -> Result<(), Failure> {
        let (settings, sources) = checker::build(&self.config, &self.parts)?;
        self.access.replace_config(settings, sources)?;
        Ok(self.access.load_revocations(self.parts.env.now()).await?)
    }

    /// Renews certificates of our own that are near their end.
    ///
    /// # Errors
    /// When the authority can't issue; the old certificate stays.
    pub(super) async fn renew_certificates(&mut self, now: Timestamp) -> Result<(), Failure> {
        let due = |tls: &Option<(ServerTls, Own)>| {
            tls.as_ref().and_then(|(_, own)| own.renew_at).is_some_and(|renew_at| renew_at <= now)
        };
        let config = self.config.clone();
        if due(&self.server_tls) {
            let fresh = self.fresh_server(&config).await?;
            replace(&mut self.server_tls, fresh)?;
        }
        if due(&self.server_mtls) {
            let fresh = self.fresh_mtls(&config).await?;
            replace(&mut self.server_mtls, fresh)?;
        }
        if due(&self.gateway_tls) {
            let fresh = self.fresh_gateway(&config).await?;
            replace(&mut self.gateway_tls, fresh)?;
        }
        Ok(())
    }

    /// Takes up revoked certificates: new handshakes see the new list, open connections the set of serial numbers.
    ///
    /// # Errors
    /// When the store can't be read; what was known stays in force.
    pub(super) async fn refresh_revoked_certificates(&mut self) -> Result<(), Failure> {
        use countersign_ca::ports::Certificates as _;
        let revoked = self.parts.store.revoked_certificates(self.parts.env.now()).await?;
        self.access.replace_revoked_certificates(revoked.into_iter().map(|(serial, ..)| serial).collect());
        let mtls = self.config.server.as_ref().and_then(|server| server.mtls.as_ref());
        if let (Some((handle, own)), Some(mtls)) = (&self.server_mtls, mtls) {
            handle.replace(tls::server_mtls(mtls, own, &self.parts.authority).await?)?;
        }
        if let (Some((handle, own)), Some(gateway)) = (&self.gateway_tls, &self.config.gateway) {
            handle.replace(tls::gateway(gateway, own, &self.parts.authority).await?)?;
        }
        Ok(())
    }

    async fn fresh_server(&self, config: &Config) -> Result<Option<(Own, ServerTlsSettings)>, Failure> {
        let Some(wanted) = config.server.as_ref().and_then(|server| server.tls.as_ref()) else {
            return Ok(None);
        };
        let own = tls::own(wanted, &self.parts.authority).await?;
        let settings = tls::server(&own);
        Ok(Some((own, settings)))
    }

    async fn fresh_mtls(&self, config: &Config) -> Result<Option<(Own, ServerTlsSettings)>, Failure> {
        let Some(mtls) = config.server.as_ref().and_then(|server| server.mtls.as_ref()) else {
            return Ok(None);
        };
        let own = tls::own(&mtls.tls, &self.parts.authority).await?;
        let settings = tls::server_mtls(mtls, &own, &self.parts.authority).await?;
        Ok(Some((own, settings)))
    }

    async fn fresh_gateway(&self, config: &Config) -> Result<Option<(Own, ServerTlsSettings)>, Failure> {
        let Some(gateway) = &config.gateway else { return Ok(None) };
        let Some(wanted) = &gateway.tls else { return Ok(None) };
        let own = tls::own(wanted, &self.parts.authority).await?;
        let settings = tls::gateway(gateway, &own, &self.parts.authority).await?;
        Ok(Some((own, settings)))
    }

    /// Listeners, the store and the issuer are chosen once.
    fn refuse_restarts(&self, new: &Config) -> Result<(), Failure> {
        let old = &self.config;
        let listeners = |config: &Config| {
            (
                config
                    .server
                    .as_ref()
                    .map(|server| (server.listen, server.issuer.clone(), server.tls.is_some())),
                config.server.as_ref().and_then(|server| {
                    let mtls = server.mtls.as_ref()?;
                    Some((mtls.listen, mtls.url.clone()))
                }),
                config.gateway.as_ref().map(|gateway| (gateway.listen, gateway.tls.is_some())),
                config.management,
            )
        };
        if listeners(old) != listeners(new) {
            return Err(
                "addresses, the issuer and whether there is TLS can't change while running: restart".into()
            );
        }
        if old.data_dir != new.data_dir || !old.store.is(&new.store) {
            return Err("data_dir and [store] can't change while running: restart".into());
        }
        Ok(())
    }

    /// Changes that are right but must wait: which keys a running process goes on reading as they were.
    fn say_what_waits(&self, new: &Config) {
        let waiting = self.config.waiting_for_a_start(new);
        if !waiting.is_empty() {
            tracing::warn!(keys = waiting.join(", "), "these changes take effect with the next start");
        }
    }

    /// The files that the configuration in force names.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        self.config.files().into_iter().map(|(_, file)| file.to_owned()).collect()
    }
}

/// What tokens are for when neither route nor request says otherwise.
pub(super) fn default_audience(config: &Config, issuer: &str) -> String {
    config.tokens.default_audience.clone().unwrap_or_else(|| issuer.to_owned())
}

fn replace(
    current: &mut Option<(ServerTls, Own)>,
    fresh: Option<(Own, ServerTlsSettings)>,
) -> Result<(), Failure> {
    if let (Some((handle, own)), Some((new, settings))) = (current.as_mut(), fresh) {
        handle.replace(settings)?;
        *own = new;
    }
    Ok(())
}

/// Several faults as one.
pub(super) fn joined<E: std::fmt::Display>(errors: &[E]) -> Failure {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n").into()
}
