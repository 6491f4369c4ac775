//! The token endpoint (RFC 6749 §3.2): who calls, which grant, what it gives.

mod claims;
mod family;
pub(crate) mod grants;
mod id_token;
mod issue;
mod mint;
mod sender;
pub mod text;

use countersign_model::{GrantType, ScopeSet};
use serde::Serialize;

use crate::ports::Ports;
use crate::profile::Rules;
use crate::{AuthenticatedClient, AuthorizationDetails, ClientCall, Engine, Error, Parameters};

pub(crate) use id_token::FrontChannel;
pub(crate) use issue::{Made, Order, Person, Speaker, token_type};
pub use mint::Mint;

/// The successful answer (RFC 6749 §5.1).
#[derive(Serialize)]
pub struct TokenResponse {
    /// The access token.
    pub access_token: String,
    /// What the access token may also be called, where one was exchanged for another (RFC 8693 §2.2.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issued_token_type: Option<&'static str>,
    /// `Bearer`, or `DPoP` when it must be presented with proofs (RFC 9449 §5).
    pub token_type: &'static str,
    /// The access token's life in seconds (RFC 6749 §5.1: not there when it has no end).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u64>,
    /// The refresh token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// The refresh token's life in seconds, which RFC 6749 §5.1 has no member for.
    #[serde(skip)]
    pub refresh_expires_in: Option<u64>,
    /// The ID token (OpenID Connect Core §3.1.3.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    /// What was given.
    #[serde(skip_serializing_if = "ScopeSet::is_empty")]
    pub scope: ScopeSet,
    /// What was given in more words (RFC 9396 §7).
    #[serde(skip_serializing_if = "AuthorizationDetails::is_empty")]
    pub authorization_details: AuthorizationDetails,
    /// The nonce for the next DPoP proof, for the field `DPoP-Nonce` (RFC 9449 §8.2).
    #[serde(skip)]
    pub dpop_nonce: Option<String>,
}

impl TokenResponse {
    /// The answer's body. Send it with `Cache-Control: no-store`.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl std::fmt::Debug for TokenResponse {
    /// Without the tokens.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenResponse").field("scope", &self.scope).finish_non_exhaustive()
    }
}

impl<P: Ports> Engine<P> {
    /// A request at the token endpoint.
    ///
    /// # Errors
    /// As RFC 6749 §5.2 has them.
    pub async fn token(&self, call: &ClientCall<'_>) -> Result<TokenResponse, Error> {
        let form = call.form;
        form.refuse_duplicates()?;
        let client = self.authenticate(call).await?;
        let grant_type = grant_type(form)?;
        // RFC 6749 §5.2, unauthorized_client.
        if !client.client().grant_types.contains(&grant_type) {
            return Err(Error::UnauthorizedClient);
        }
        let (client, nonce) = self.with_its_key(client, call).await?;
        bound_where_it_must(&client)?;
        let response = self.granted(grant_type, &client, form).await?;
        Ok(TokenResponse { dpop_nonce: nonce, ..response })
    }

    async fn granted(
        &self,
        grant_type: GrantType,
        client: &AuthenticatedClient,
        form: &Parameters<'_>,
    ) -> Result<TokenResponse, Error> {
        match grant_type {
            GrantType::AuthorizationCode => grants::authorization_code::redeem(self, client, form).await,
            GrantType::ClientCredentials => grants::client_credentials::give(self, client, form).await,
            GrantType::RefreshToken => grants::refresh_token::rotate(self, client, form).await,
            GrantType::DeviceCode => grants::device_code::redeem(self, client, form).await,
            GrantType::TokenExchange => grants::token_exchange::exchange(self, client, form).await,
            GrantType::JwtBearer => grants::jwt_bearer::redeem(self, client, form).await,
            GrantType::Ciba => grants::ciba::redeem(self, client, form).await,
        }
    }
}

/// Some profiles want every token bound to a key that the client holds (RFC 8705 §3, RFC 9449 §5).
fn bound_where_it_must(caller: &AuthenticatedClient) -> Result<(), Error> {
    let must = Rules::of(caller.client().profile).sender_constrained;
    if must && caller.confirmation().is_none() { Err(Error::UnboundToken) } else { Ok(()) }
}

fn grant_type(form: &Parameters<'_>) -> Result<GrantType, Error> {
    let name = form.one("grant_type").ok_or(Error::Missing("grant_type"))?;
    let known = GrantType::ALL.into_iter().find(|known| known.as_str() == name);
    known.ok_or(Error::UnsupportedGrantType)
}

/// The scopes asked for, if any were.
fn asked_scopes(form: &Parameters<'_>) -> Result<Option<ScopeSet>, Error> {
    form.one("scope").map(|text| text.parse().map_err(|_| Error::InvalidScope)).transpose()
}

/// The resources asked for out of those that were given to the grant (RFC 8707 §2.2).
/// A grant for no resource in particular lets the client ask for any of its own.
fn narrowed_resources<P: Ports>(
    engine: &Engine<P>,
    client: &AuthenticatedClient,
    given: &[String],
    form: &Parameters<'_>,
) -> Result<Vec<String>, Error> {
    let asked = crate::authorize::resource::allowed(client.client(), &engine.settings, form)?;
    if asked.is_empty() {
        // One token for each: the first of them, until the client names another (RFC 8707 §2.2).
        let most = if engine.settings.several_audiences { given.len() } else { 1 };
        return Ok(given.iter().take(most).cloned().collect());
    }
    if given.is_empty() || asked.iter().all(|resource| given.contains(resource)) {
        one_audience(engine, asked)
    } else {
        Err(Error::InvalidTarget)
    }
}

/// RFC 8707 §3: a token for several resources could be used by each of them at the others. The operator may allow it.
fn one_audience<P: Ports>(engine: &Engine<P>, resources: Vec<String>) -> Result<Vec<String>, Error> {
    if resources.len() > 1 && !engine.settings.several_audiences {
        return Err(Error::InvalidTarget);
    }
    Ok(resources)
}
