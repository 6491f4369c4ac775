//! The device flow (RFC 8628): a device without a keyboard asks, a person agrees in a browser elsewhere.
//!
//! ```text
//! device:  device_authorization ──▶ device_code, user_code ──▶ polls the token endpoint ──▶ tokens
//! person:             types user_code ──▶ device_request ──▶ device_allowed / device_denied
//! ```

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use countersign_model::{
    Client, GrantId, GrantType, ScopeSet, SecretString, Session, SessionId, Timestamp, UserId,
};
use serde::Serialize;

use crate::acr::class_of;
use crate::authorize::{resource, scope};
use crate::ports::{
    Approval, AuthenticationEvent, Basis, DecoupledKind, DecoupledRequest, Grant, Ports, Unavailable,
};
use crate::{ClientCall, Consent, Engine, Error, UserCode};

/// A code is shown to so many browsers at most; whoever types it first needs one or two.
const MOST_LOOKS: u32 = 10;
/// How often a fresh user code may turn out to be taken.
const MOST_DRAWS: usize = 5;
/// How much sooner than announced a poll may come: the network hurries and delays.
pub(crate) const SLACK: Duration = Duration::from_millis(500);
/// RFC 8628 §3.5: how much slower a client that polls too fast must go.
pub(crate) const SLOWER: Duration = Duration::from_secs(5);

/// The answer of the device authorization endpoint (RFC 8628 §3.2).
#[derive(Serialize)]
pub struct DeviceAuthorizationResponse {
    /// What the device polls with.
    pub device_code: String,
    /// What the person types.
    pub user_code: String,
    /// Where.
    pub verification_uri: String,
    /// Where, with the code in it, for a QR code.
    pub verification_uri_complete: String,
    /// The codes' life in seconds.
    pub expires_in: u64,
    /// Seconds between two polls.
    pub interval: u64,
}

impl DeviceAuthorizationResponse {
    /// The answer's body. Send it with `Cache-Control: no-store`.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl std::fmt::Debug for DeviceAuthorizationResponse {
    /// Without the codes.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeviceAuthorizationResponse").finish_non_exhaustive()
    }
}

/// What the page needs that asks the person.
#[derive(Debug)]
pub struct DeviceRequest {
    /// Who asks.
    pub client: Arc<Client>,
    /// For what.
    pub scopes: ScopeSet,
    /// From where.
    pub address: Option<IpAddr>,
    /// Since when.
    pub created_at: Timestamp,
}

/// Who decided, and how they had signed in.
pub(crate) struct Decided<'a> {
    pub(crate) user: &'a UserId,
    pub(crate) session: Option<&'a SessionId>,
    pub(crate) basis: Basis,
    pub(crate) authentication: AuthenticationEvent,
}

impl<'a> Decided<'a> {
    /// By a person at a page.
    pub(crate) fn in_session(session: &'a Session, authentication: AuthenticationEvent) -> Self {
        Self { user: &session.user, session: Some(&session.id), basis: Basis::Session, authentication }
    }
}

impl<P: Ports> Engine<P> {
    /// A request at the device authorization endpoint, from this address.
    ///
    /// # Errors
    /// As RFC 8628 §3.2 and RFC 6749 §5.2 have them.
    pub async fn device_authorization(
        &self,
        call: &ClientCall<'_>,
        address: Option<IpAddr>,
    ) -> Result<DeviceAuthorizationResponse, Error> {
        let form = call.form;
        form.refuse_duplicates()?;
        // RFC 8628 §3.1: clients authenticate here as they do at the token endpoint.
        let caller = self.authenticate(call).await?;
        let client = caller.client();
        if !client.grant_types.contains(&GrantType::DeviceCode) {
            return Err(Error::UnauthorizedClient);
        }
        let scopes = scope::within_the_clients(client, form)?;
        let resources = resource::allowed(client, &self.settings, form)?;
        // RFC 9396 §4: the small page of this flow does not show them, so nobody shall agree to any here.
        if form.one("authorization_details").is_some() {
            return Err(Error::InvalidAuthorizationDetails);
        }
        let now = self.now();
        let life = self.settings.lifetimes.device_code;
        let device_code = self.env.rng.token();
        for _ in 0..MOST_DRAWS {
            let user_code = UserCode::generate(&*self.env.rng);
            let request = DecoupledRequest {
                hash: device_code.hash(),
                handle: user_code.hash(),
                kind: DecoupledKind::Device,
                client: client.client_id.clone(),
                scopes: scopes.clone(),
                resources: resources.clone(),
                address,
                backchannel: None,
                created_at: now,
                expires_at: now.plus(life),
            };
            let pace = self.settings.poll_interval.saturating_sub(SLACK);
            if self.ports.begin_decoupled(&request, pace).await? {
                return Ok(self.device_response(&device_code, user_code));
            }
        }
        Err(Unavailable("no user code is free".into()).into())
    }

    fn device_response(
        &self,
        device_code: &SecretString,
        user_code: UserCode,
    ) -> DeviceAuthorizationResponse {
        let verification_uri = self.settings.endpoints.verification.clone();
        DeviceAuthorizationResponse {
            device_code: device_code.expose().clone(),
            user_code: user_code.to_string(),
            verification_uri_complete: self.verification_uri_complete(user_code),
            verification_uri,
            expires_in: self.settings.lifetimes.device_code.as_secs(),
            interval: self.settings.poll_interval.as_secs(),
        }
    }

    /// RFC 8628 §3.3.1: the address of the page with the code in it, for a QR code. The person is asked all the same.
    #[must_use]
    pub fn verification_uri_complete(&self, user_code: UserCode) -> String {
        format!("{}?user_code={user_code}", self.settings.endpoints.verification)
    }

    /// What waits under a code that a person typed. Count the tries: [`Error::UnknownUserCode`] may be a guess
    /// (RFC 8628 §5.1).
    ///
    /// # Errors
    /// Nothing waits under it, any more or for so many people.
    pub async fn device_request(&self, user_code: UserCode) -> Result<DeviceRequest, Error> {
        let found = self.ports.look_up_decoupled(&user_code.hash(), MOST_LOOKS, self.now()).await?;
        self.of_a_device(found).await.map(|(request, client)| DeviceRequest {
            client,
            scopes: request.scopes,
            address: request.address,
            created_at: request.created_at,
        })
    }

    /// The person agreed to these scopes: all that were asked for, or all but some that can be left out. `openid` never
    /// is.
    ///
    /// # Errors
    /// As [`Engine::device_request`]; something was left out that can't be, or nothing is left of what was asked for.
    pub async fn device_allowed(
        &self,
        user_code: UserCode,
        session: &Session,
        agreed: &ScopeSet,
    ) -> Result<Arc<Client>, Error> {
        let now = self.now();
        let found = self.ports.waiting_decoupled(&user_code.hash(), now).await?;
        let (request, client) = self.of_a_device(found).await?;
        let class = class_of(&self.settings.acr_classes, &[], session, false, now);
        let authentication = AuthenticationEvent {
            auth_time: session.auth_time,
            amr: session.amr.clone(),
            acr: class.map(str::to_owned).or_else(|| session.acr.clone()),
        };
        let decided = Decided::in_session(session, authentication);
        if self.approve(&request, &client, decided, agreed).await? {
            Ok(client)
        } else {
            Err(Error::UnknownUserCode)
        }
    }

    /// The person said no.
    ///
    /// # Errors
    /// As [`Engine::device_request`].
    pub async fn device_denied(&self, user_code: UserCode) -> Result<(), Error> {
        let found = self.ports.waiting_decoupled(&user_code.hash(), self.now()).await?;
        let (request, _) = self.of_a_device(found).await?;
        let denied = self.ports.deny_decoupled(&request.handle, self.now()).await?;
        if denied { Ok(()) } else { Err(Error::UnknownUserCode) }
    }

    /// The request with its client, which may have been disabled meanwhile.
    async fn of_a_device(
        &self,
        found: Option<DecoupledRequest>,
    ) -> Result<(DecoupledRequest, Arc<Client>), Error> {
        let request = found.filter(|request| request.kind == DecoupledKind::Device);
        let request = request.ok_or(Error::UnknownUserCode)?;
        let client = self.ports.client(&request.client).await?.filter(|client| client.is_enabled());
        Ok((request, client.ok_or(Error::UnknownUserCode)?))
    }

    /// Begins the grant of a decoupled request for what the person agreed to, if the client can do without the rest;
    /// `false` when it no longer waits, or when the person was signed out or the client removed at that instant.
    pub(crate) async fn approve(
        &self,
        request: &DecoupledRequest,
        client: &Client,
        decided: Decided<'_>,
        agreed: &ScopeSet,
    ) -> Result<bool, Error> {
        let now = self.now();
        let answer = Consent::answer(client, &request.scopes, agreed).ok_or(Error::Invalid("scope"))?;
        let scopes = answer.granted;
        if scopes.is_empty() && !request.scopes.is_empty() {
            return Err(Error::AccessDenied);
        }
        let grant = Grant {
            id: GrantId::generate(now, &*self.env.rng),
            client: request.client.clone(),
            user: decided.user.clone(),
            session: decided.session.cloned(),
            scopes: scopes.clone(),
            created_at: now,
            revoked_at: None,
        };
        let approval = Approval {
            grant: grant.id.clone(),
            user: decided.user.clone(),
            session: decided.session.cloned(),
            authentication: decided.authentication,
            scopes,
        };
        let given = (&grant, decided.basis);
        Ok(self.ports.approve_decoupled(&request.handle, given, &approval, now).await?)
    }
}
