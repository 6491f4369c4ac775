//! The authorization server: engine, handlers, listener.

use std::net::SocketAddr;
use std::sync::Arc;

use countersign_access::Access;
use countersign_model::AddressList;
use countersign_net::{Listener, ListenerSettings, ServerTls};
use countersign_oauth::{AcrClass, Engine, Lifetimes, Resource, Settings};
use countersign_server::{
    AppState, Check, ClientKeys, Readiness, RegistrationsPerHour, ServerLimits, ServerSettings, Services,
};
use countersign_store::Store;

use super::listen::listen;
use super::tls::{self, Own};
use super::{Parts, fetch, grants, keys, live, registration, resources};
use crate::config::{Config, checked};
use crate::output::Failure;

/// A bound authorization server that does not serve yet.
pub(super) struct ControlPlane {
    pub(super) listener: Listener,
    pub(super) state: AppState,
    pub(super) address: SocketAddr,
    pub(super) tls: Option<(ServerTls, Own)>,
    /// The address for clients with certificates, when there is one.
    pub(super) mtls: Option<(Listener, (ServerTls, Own))>,
    pub(super) limits: ServerLimits,
}

/// The engine over the store, as the configuration wants it.
///
/// # Errors
/// When the settings contradict a specification.
pub(crate) fn engine(config: &Config, parts: &Parts) -> Result<Engine<Store>, Failure> {
    let mut settings = Settings::new(&parts.issuer)?;
    let tokens = &config.tokens;
    settings.lifetimes = Lifetimes {
        authorization_code: tokens.authorization_code,
        access_token: tokens.access_token,
        refresh_token: tokens.refresh_token,
        id_token: tokens.id_token,
        device_code: tokens.device_code,
        session: tokens.session,
        ..Lifetimes::default()
    };
    settings.backchannel.lifetime = tokens.backchannel_request;
    settings.exchange_rules.clone_from(&config.grants.token_exchange);
    settings.jwt_bearer_rules.clone_from(&config.grants.jwt_bearer);
    settings.trusted_issuers = grants::trusted_issuers(config)?;
    settings.master_key = Some(parts.master.clone());
    if let Some(server) = &config.server {
        settings.dpop_nonce = server.dpop_nonce;
        settings.mtls_url = server.mtls.as_ref().map(|mtls| mtls.url.clone());
    }
    settings.longest_signed_token = keys::longest_signed_token(config);
    settings.refresh_grace = tokens.refresh_grace;
    settings.several_audiences = tokens.several_audiences;
    settings.sign_out_revokes = tokens.sign_out_revokes;
    settings.default_audience = live::default_audience(config, &parts.issuer);
    // A route's audience is a resource that any client may ask a token for; its rule decides who passes.
    let routes = config.gateway.iter().flat_map(|gateway| &gateway.routes);
    for audience in routes.filter_map(|route| route.audience.clone()) {
        settings.resources.insert(audience, Resource::default());
    }
    for resource in &config.resources {
        let registered = Resource {
            scopes: resource.scopes.clone(),
            access_token_format: resource.access_token_format,
            signature: resources::signature(resource)?,
        };
        settings.resources.insert(resource.identifier.clone(), registered);
    }
    let authorization = &config.authorization;
    settings.require_pushed_authorization_requests = authorization.require_pushed_requests;
    settings.require_signed_request_object = authorization.require_signed_requests;
    settings.lifetimes.pushed_request = authorization.pushed_request;
    settings.authorization_details_types.clone_from(&authorization.details);
    settings.acr_classes = config.acr_classes.iter().map(acr_class).collect();
    registration::decide(&mut settings, &config.registration)?;
    let clients = Arc::new(ClientKeys::new(fetch::client_fetcher(config, &parts.env)?, parts.env.clone()));
    let keys = Arc::clone(parts.keys.ring());
    let engine = Engine::new(Arc::new(parts.store.clone()), parts.env.clone(), keys, clients, settings)?;
    Ok(engine.with_client_documents(registration::documents(config, parts)?))
}

fn acr_class(class: &checked::AcrClass) -> AcrClass {
    AcrClass { acr: class.acr.clone(), amr: class.amr.clone(), within: class.within }
}

/// Binds the listener and puts the handlers together.
///
/// # Errors
/// When the address is taken or a certificate can't be had.
pub(super) async fn bind(
    config: &Config,
    server: &checked::Server,
    parts: &Parts,
    access: &Arc<Access>,
) -> Result<ControlPlane, Failure> {
    let tls = match &server.tls {
        None => None,
        Some(wanted) => {
            let own = tls::own(wanted, &parts.authority).await?;
            Some((ServerTls::new(tls::server(&own), Arc::clone(&parts.env.clock))?, own))
        }
    };
    let mut settings = ListenerSettings::new(server.listen);
    settings.surface = "server";
    settings.shared_addresses = AddressList::new(server.trusted_proxies.clone());
    settings.drain_timeout = config.network.drain;
    let listener = listen("server.listen", settings, tls.as_ref().map(|(handle, _)| handle.clone()))?;
    let mtls = match &server.mtls {
        None => None,
        Some(wanted) => Some(bind_mtls(config, server, wanted, parts).await?),
    };
    let limits = ServerLimits { drain_timeout: config.network.drain, ..ServerLimits::default() };
    let services = Services {
        engine: engine(config, parts)?,
        access: Arc::clone(access),
        hasher: Arc::clone(&parts.hasher),
        env: parts.env.clone(),
        authority: Some(Arc::clone(&parts.authority)),
        readiness: readiness(parts, access),
    };
    let state = AppState::new(
        ServerSettings {
            trusted_proxies: AddressList::new(server.trusted_proxies.clone()),
            limits,
            scope_words: config.resources.iter().flat_map(|resource| resource.words.clone()).collect(),
            rates: config.limits,
            github: config.compatibility.github,
            strict_transport_security: server.strict_transport_security,
            registrations_per_hour: RegistrationsPerHour(config.registration.max_per_address_and_hour),
        },
        services,
    );
    Ok(ControlPlane { address: listener.local_addr(), listener, state, tls, mtls, limits })
}

/// Binds the listener for clients with certificates (RFC 8705 §5).
async fn bind_mtls(
    config: &Config,
    server: &checked::Server,
    wanted: &checked::ServerMtls,
    parts: &Parts,
) -> Result<(Listener, (ServerTls, Own)), Failure> {
    let own = tls::own(&wanted.tls, &parts.authority).await?;
    let material = tls::server_mtls(wanted, &own, &parts.authority).await?;
    let handle = ServerTls::new(material, Arc::clone(&parts.env.clock))?;
    let mut settings = ListenerSettings::new(wanted.listen);
    settings.surface = "server_mtls";
    settings.shared_addresses = AddressList::new(server.trusted_proxies.clone());
    settings.drain_timeout = config.network.drain;
    let listener = listen("server.mtls.listen", settings, Some(handle.clone()))?;
    Ok((listener, (handle, own)))
}

/// What must work for `/readyz`.
pub(super) fn readiness(parts: &Parts, access: &Arc<Access>) -> Readiness {
    let (store, env) = (parts.store.clone(), parts.env.clone());
    let store: Check = Arc::new(move || {
        let (store, now) = (store.clone(), env.now());
        Box::pin(async move {
            store.ping().await.map_err(|error| error.to_string())?;
            store.is_writable(now).await.map_err(|error| error.to_string())
        })
    });
    let (keys, env) = (parts.keys.clone(), parts.env.clone());
    let keys: Check = Arc::new(move || {
        let answer = if keys.can_sign(env.now()) { Ok(()) } else { Err("no key signs now".to_owned()) };
        Box::pin(std::future::ready(answer))
    });
    let (access, env) = (Arc::clone(access), parts.env.clone());
    let issuers: Check = Arc::new(move || {
        let ready = access.issuers_ready(env.now());
        let answer =
            if ready { Ok(()) } else { Err("the keys of an external issuer are not there".to_owned()) };
        Box::pin(std::future::ready(answer))
    });
    Readiness::default().with("store", store).with("signing_keys", keys).with("issuers", issuers)
}
