//! The news to a client in ping mode that its request was decided (CIBA §10.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_model::{Client, SecretString, TokenDeliveryMode, TokenHash};
use serde::{Deserialize, Serialize};

use crate::ports::{DecoupledRequest, Ports, Unavailable};
use crate::{Engine, Error, Parameters};

/// CIBA §7.1: the longest `client_notification_token`.
const LONGEST_TOKEN: usize = 1_024;
/// CIBA §7.1: 128 bits at least, which no shorter text of these characters holds.
const SHORTEST_TOKEN: usize = 22;
/// How often it is tried. With waits that grow with the square of the tries, the last comes after some nine minutes.
const MOST_TRIES: u32 = 6;
/// How long after the first try the second comes.
const PACE: std::time::Duration = std::time::Duration::from_secs(10);

/// What must be sent later, and can't be kept as a hash.
#[derive(Serialize, Deserialize)]
struct Secrets {
    auth_req_id: SecretText,
    client_notification_token: SecretText,
}

/// A secret on its way into what is sealed, or out of it.
struct SecretText(SecretString);

impl Serialize for SecretText {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        SecretString::deserialize(deserializer).map(Self)
    }
}

/// A ping to be sent now. Say what became of it with [`Engine::pinged`], or it comes again.
pub struct Ping {
    request: TokenHash,
    /// Where to: an `https` URL that the client registered. Somebody else's, so guard the connection.
    pub endpoint: String,
    /// The bearer token of the request (CIBA §10.2).
    pub client_notification_token: SecretString,
    auth_req_id: SecretString,
}

impl Ping {
    /// The request's body, in JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::json!({ "auth_req_id": self.auth_req_id.expose() }).to_string().into_bytes()
    }
}

impl std::fmt::Debug for Ping {
    /// Without the secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ping").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// `client_notification_token` (CIBA §7.1), for a client in ping mode; to another one it means nothing.
pub(super) fn notification_token(
    client: &Client,
    sent: &Parameters<'_>,
) -> Result<Option<SecretString>, Error> {
    if client.backchannel.token_delivery_mode == TokenDeliveryMode::Poll {
        return Ok(None);
    }
    let token = sent.one("client_notification_token").ok_or(Error::Missing("client_notification_token"))?;
    // RFC 6750 §2.1: what may follow `Bearer`.
    let body = token.trim_end_matches('=');
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    if !(SHORTEST_TOKEN..=LONGEST_TOKEN).contains(&token.len()) || !body.bytes().all(fits) {
        return Err(Error::Invalid("client_notification_token"));
    }
    Ok(Some(SecretString::from(token)))
}

impl<P: Ports> Engine<P> {
    /// Seals what a ping will need.
    pub(super) fn sealed_ping(
        &self,
        auth_req_id: &SecretString,
        client_notification_token: SecretString,
    ) -> Result<String, Error> {
        let secrets = Secrets {
            auth_req_id: SecretText(auth_req_id.clone()),
            client_notification_token: SecretText(client_notification_token),
        };
        let master = self.settings.master_key.as_ref();
        let master =
            master.ok_or_else(|| Unavailable("without a master key nothing can be sealed".into()))?;
        let text =
            SecretString::new(serde_json::to_string(&secrets).map_err(|error| Unavailable(error.into()))?);
        let sealed = master.seal(&name(&auth_req_id.hash()), text.expose().as_bytes(), &*self.env.rng);
        Ok(STANDARD.encode(sealed.map_err(|error| Unavailable(error.into()))?))
    }

    /// Pings that are due, taken so that no other node sends them meanwhile.
    ///
    /// # Errors
    /// The store failed.
    pub async fn due_pings(&self, most: u32) -> Result<Vec<Ping>, Error> {
        let mut due = Vec::new();
        for request in self.ports.take_pings(self.now(), PACE, MOST_TRIES, most).await? {
            let hash = request.hash;
            match self.opened_ping(request).await? {
                Some(ping) => due.push(ping),
                // Its client is gone, or no longer pinged: there is nobody to tell.
                None => self.ports.forget_ping(&hash).await?,
            }
        }
        Ok(due)
    }

    /// It arrived, or it never will: it is not sent again.
    ///
    /// # Errors
    /// The store failed.
    pub async fn pinged(&self, ping: &Ping) -> Result<(), Error> {
        Ok(self.ports.forget_ping(&ping.request).await?)
    }

    async fn opened_ping(&self, request: DecoupledRequest) -> Result<Option<Ping>, Error> {
        let client = self.ports.client(&request.client).await?.filter(|client| client.is_enabled());
        let endpoint = client.and_then(|client| client.backchannel.client_notification_endpoint.clone());
        let sealed = request.backchannel.and_then(|asked| asked.ping);
        let (Some(endpoint), Some(sealed)) = (endpoint, sealed) else { return Ok(None) };
        let Some(master) = self.settings.master_key.as_ref() else { return Ok(None) };
        let Ok(sealed) = STANDARD.decode(sealed) else { return Ok(None) };
        let opened = master.open(&name(&request.hash), &sealed);
        let opened = opened.inspect_err(|error| tracing::error!(%error, "a ping can't be opened")).ok();
        let secrets = opened.and_then(|text| serde_json::from_slice::<Secrets>(text.expose()).ok());
        Ok(secrets.map(|secrets| Ping {
            request: request.hash,
            endpoint,
            client_notification_token: secrets.client_notification_token.0,
            auth_req_id: secrets.auth_req_id.0,
        }))
    }
}

/// The name is authenticated: what belongs to one request, put into another one's place, does not open.
fn name(request: &TokenHash) -> String {
    format!("backchannel-ping/{}", request.to_base64url())
}
