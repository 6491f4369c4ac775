//! The token endpoint (RFC 6749 §3.2).

pub mod text;

use std::time::Duration;

use countersign_model::{Client, ScopeSet, User};
use serde::Serialize;

use crate::ports::Ports;
use crate::{Authorization, Engine, Error, Parameters};

/// The successful answer (RFC 6749 §5.1).
#[derive(Serialize)]
pub struct TokenResponse {
    /// The access token.
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: &'static str,
    /// The access token's life in seconds.
    pub expires_in: u64,
    /// The refresh token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// The ID token (OpenID Connect Core §3.1.3.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    /// What was given.
    #[serde(skip_serializing_if = "ScopeSet::is_empty")]
    pub scope: ScopeSet,
}

impl TokenResponse {
    /// The answer's body. Send it with `Cache-Control: no-store`.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl std::fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenResponse").field("scope", &self.scope).finish_non_exhaustive()
    }
}

impl<P: Ports> Engine<P> {
    /// A request at the token endpoint.
    ///
    /// # Errors
    /// As RFC 6749 §5.2 has them.
    pub async fn token(
        &self,
        authorization: Authorization<'_>,
        form: &Parameters<'_>,
    ) -> Result<TokenResponse, Error> {
        let _ = (authorization, form);
        todo!()
    }

    /// Makes an access token for the operator, in the name of a client or of a person by way of a client.
    ///
    /// # Errors
    /// The store or the keys failed.
    pub async fn mint(&self, order: Mint<'_>) -> Result<TokenResponse, Error> {
        let _ = order;
        todo!()
    }
}

/// What the operator wants minted.
#[derive(Clone, Copy, Debug)]
pub struct Mint<'a> {
    /// In whose name, or by whose way.
    pub client: &'a Client,
    /// The person it speaks of; `None`: the client itself.
    pub user: Option<&'a User>,
    /// What it may do.
    pub scopes: &'a ScopeSet,
    /// For which resource; `None`: the client's or the server's default.
    pub audience: Option<&'a str>,
    /// Its life; `None`: the client's or the server's default.
    pub lifetime: Option<Duration>,
}
