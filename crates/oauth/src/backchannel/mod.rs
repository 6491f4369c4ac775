//! Backchannel authentication (OpenID Connect CIBA Core 1.0): a client asks in the background, a person who is named
//! agrees on a device of theirs.
//!
//! ```text
//! client:  backchannel_authentication ──▶ auth_req_id ──▶ polls the token endpoint, or is pinged first ──▶ tokens
//! person:             approvals ──▶ approve_backchannel / deny_backchannel
//! ```

mod approval;
mod binding_message;
mod hint;
mod ping;
mod requested_expiry;
mod signed;

use std::net::IpAddr;
use std::time::Duration;

use countersign_model::{Client, GrantType, ScopeSet, SecretString, TokenHash};
use serde::Serialize;

use crate::authorize::{acr_values, resource, scope};
use crate::device::SLACK;
use crate::ports::{
    BackchannelLimits, BackchannelRequest, BegunBackchannel, DecoupledKind, DecoupledRequest, Ports,
};
use crate::{ClientCall, ClientRefusal, Engine, Error, Parameters, Settings};

pub use approval::{APPROVALS_SCOPE, Approver, PendingApproval};
pub use ping::Ping;

/// What the operator lets clients do in the background.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BackchannelPolicy {
    /// How long a request waits, unless it asks for less.
    pub lifetime: Duration,
    /// How many may wait.
    pub limits: BackchannelLimits,
}

impl Default for BackchannelPolicy {
    fn default() -> Self {
        Self {
            lifetime: Duration::from_secs(300),
            limits: BackchannelLimits { person: 10, strangers: 5, pair: 3, client: 5_000 },
        }
    }
}

/// The answer of the backchannel authentication endpoint (CIBA §7.3).
#[derive(Serialize)]
pub struct BackchannelResponse {
    /// What the client fetches its tokens with.
    pub auth_req_id: String,
    /// Its life in seconds.
    pub expires_in: u64,
    /// Seconds between two polls.
    pub interval: u64,
}

impl BackchannelResponse {
    /// The answer's body. Send it with `Cache-Control: no-store`.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl std::fmt::Debug for BackchannelResponse {
    /// Without the identifier, which is a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BackchannelResponse").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

/// What a request asks for, every check passed that needs no look at the store.
#[derive(Debug)]
struct Asked {
    scopes: ScopeSet,
    resources: Vec<String>,
    acr_values: Vec<String>,
    binding_message: Option<String>,
    lifetime: Duration,
    /// In ping mode.
    client_notification_token: Option<SecretString>,
}

impl<P: Ports> Engine<P> {
    /// A request at the backchannel authentication endpoint, from this address.
    ///
    /// # Errors
    /// As CIBA §13 and RFC 6749 §5.2 have them.
    pub async fn backchannel_authentication(
        &self,
        call: &ClientCall<'_>,
        address: Option<IpAddr>,
    ) -> Result<BackchannelResponse, Error> {
        let form = call.form;
        form.refuse_duplicates()?;
        // CIBA §7.1: by the method it is registered for. Whoever can't prove who it is must not be able to call people.
        let caller = self.authenticate(call).await?;
        let client = caller.client();
        if !client.is_confidential() {
            return Err(Error::InvalidClient { reason: ClientRefusal::Public });
        }
        if !client.grant_types.contains(&GrantType::Ciba) {
            return Err(Error::UnauthorizedClient);
        }
        let sent = signed::settled(self, client, form).await?;
        let asked = asked(client, &self.settings, &sent)?;
        let user = hint::person(self, client, &sent).await?;

        let now = self.now();
        let auth_req_id = self.env.rng.token();
        let id = self.env.rng.token().expose().clone();
        let token = asked.client_notification_token;
        let ping = token.map(|token| self.sealed_ping(&auth_req_id, token)).transpose()?;
        let backchannel = BackchannelRequest {
            user: user.id,
            binding_message: asked.binding_message,
            acr_values: asked.acr_values,
            by_stranger: !client.is_of_the_operator(),
            ping,
            id,
        };
        let request = DecoupledRequest {
            hash: auth_req_id.hash(),
            handle: TokenHash::of(backchannel.id.as_bytes()),
            kind: DecoupledKind::Backchannel,
            client: client.client_id.clone(),
            scopes: asked.scopes,
            resources: asked.resources,
            address,
            backchannel: Some(backchannel),
            created_at: now,
            expires_at: now.plus(asked.lifetime),
        };
        let pace = self.settings.poll_interval.saturating_sub(SLACK);
        let limits = self.settings.backchannel.limits;
        match self.ports.begin_backchannel(&request, pace, limits).await? {
            BegunBackchannel::Kept => Ok(BackchannelResponse {
                auth_req_id: auth_req_id.expose().clone(),
                expires_in: asked.lifetime.as_secs(),
                interval: self.settings.poll_interval.as_secs(),
            }),
            BegunBackchannel::TooMany => Err(Error::TooManyWaiting),
        }
    }
}

/// What the person would be shown as message, and for how long the request would wait, if its own parameters hold: for
/// those who have no engine at hand.
///
/// # Errors
/// The first check that fails.
pub fn check_backchannel_request(
    client: &Client,
    settings: &Settings,
    sent: &Parameters<'_>,
) -> Result<(Option<String>, Duration), Error> {
    sent.refuse_duplicates()?;
    asked(client, settings, sent).map(|asked| (asked.binding_message, asked.lifetime))
}

/// The table of checks (CIBA §7.2, point 3), one line a parameter.
fn asked(client: &Client, settings: &Settings, sent: &Parameters<'_>) -> Result<Asked, Error> {
    let scopes = openid(client, sent)?;
    let resources = resource::allowed(client, settings, sent)?;
    resource::named_where_it_must(client, &resources)?;
    // RFC 9396 §4: the small page of this flow does not show them, so nobody shall agree to any here.
    if sent.one("authorization_details").is_some() {
        return Err(Error::InvalidAuthorizationDetails);
    }
    hint::exactly_one(sent)?;
    Ok(Asked {
        scopes,
        resources,
        acr_values: acr_values::known(settings, sent)?,
        binding_message: binding_message::readable(sent)?,
        lifetime: requested_expiry::at_most(settings.backchannel.lifetime, sent)?,
        client_notification_token: ping::notification_token(client, sent)?,
    })
}

/// CIBA §7.1: `scope` is there, and `openid` is in it.
fn openid(client: &Client, sent: &Parameters<'_>) -> Result<ScopeSet, Error> {
    sent.one("scope").ok_or(Error::Missing("scope"))?;
    let scopes = scope::within_the_clients(client, sent)?;
    if scopes.contains("openid") { Ok(scopes) } else { Err(Error::InvalidScope) }
}
