//! Token introspection (RFC 7662).
//!
//! Who may know what: a client may know of its own tokens. A resource server (a client that may introspect) knows of
//! access tokens addressed to one of its audiences, or of every access token if it is registered for none. Nobody
//! learns of another client's refresh token. All the rest is exactly `{"active":false}` (RFC 7662 §2.2).

use std::sync::Arc;

use countersign_access::Confirmation;
use countersign_model::{Client, ClientId, ScopeSet, Timestamp, TokenHash, TokenId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::keys::Signed;
use crate::ports::{FoundAccessToken, Ports};
use crate::token::{text, token_type};
use crate::{AuthorizationDetails, ClientCall, ClientRefusal, Engine, Error};

const INACTIVE: &[u8] = br#"{"active":false}"#;

/// A JWT access token of ours whose signature was right. Whether it still counts is another question.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) id: TokenId,
    pub(crate) client: ClientId,
    audience: Vec<String>,
    expires_at: Timestamp,
    token_type: &'static str,
    payload: Vec<u8>,
    kid: Box<str>,
}

#[derive(Deserialize)]
struct Known {
    iss: String,
    aud: Value,
    client_id: ClientId,
    exp: i64,
    jti: TokenId,
    cnf: Option<Confirmation>,
}

/// A refresh token as its client may know it.
#[derive(Serialize)]
struct RefreshAnswer<'a> {
    active: bool,
    // RFC 6749 §3.3: a list has an entry at least.
    #[serde(skip_serializing_if = "ScopeSet::is_empty")]
    scope: &'a ScopeSet,
    #[serde(skip_serializing_if = "AuthorizationDetails::is_empty")]
    authorization_details: &'a AuthorizationDetails,
    client_id: &'a str,
    sub: &'a str,
    iss: &'a str,
    iat: i64,
    exp: i64,
}

impl<P: Ports> Engine<P> {
    /// A request at the introspection endpoint; the answer is a JSON object, `{"active":false}` for whatever the
    /// caller may know nothing of (RFC 7662 §2.2). A token says by its form what it is, so `token_type_hint` is not
    /// needed (§2.1 allows that).
    ///
    /// # Errors
    /// The caller is no authenticated confidential client, or `token` is missing.
    pub async fn introspect(&self, call: &ClientCall<'_>) -> Result<Vec<u8>, Error> {
        let (caller, answer) = self.introspected(call).await?;
        // A choice where RFC 9701 leaves one: whoever registered for encryption is not sent the same in the clear.
        if caller.introspection_encrypted_response_alg.is_some() {
            return Err(Error::Invalid("Accept"));
        }
        Ok(answer)
    }

    /// Who asks, and what they may know.
    pub(crate) async fn introspected(&self, call: &ClientCall<'_>) -> Result<(Arc<Client>, Vec<u8>), Error> {
        let form = call.form;
        form.refuse_duplicates()?;
        let authenticated = self.authenticate(call).await?;
        let caller = authenticated.client();
        // RFC 7662 §2.1: authorised callers only, else tokens could be tried out here.
        if !caller.is_confidential() {
            return Err(Error::InvalidClient { reason: ClientRefusal::Public });
        }
        let token = form.one("token").ok_or(Error::Missing("token"))?;
        let now = self.now();
        let answer = if text::is_looked_up(token) {
            self.reference(caller, token, now).await?
        } else if text::is_refresh_token(token) {
            self.refresh(caller, token, now).await?
        } else {
            self.jwt(caller, token, now).await?
        };
        Ok((Arc::clone(caller), answer.unwrap_or_else(|| INACTIVE.to_vec())))
    }

    async fn reference(
        &self,
        caller: &Client,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<Vec<u8>>, Error> {
        let found = self.ports.reference_token(&TokenHash::of(token.as_bytes())).await?;
        let Some(token) = live(found, now) else { return Ok(None) };
        let Some(claims) = &token.token.claims else { return Ok(None) };
        let audience = audiences(claims.get("aud").unwrap_or(&Value::Null));
        if !may_know(caller, &token.token.client, &audience) {
            return Ok(None);
        }
        let cnf = claims.get("cnf").and_then(|cnf| Confirmation::deserialize(cnf).ok());
        Ok(serde_json::to_vec(claims).ok().map(|payload| active(token_type(cnf), &payload)))
    }

    async fn jwt(&self, caller: &Client, token: &str, now: Timestamp) -> Result<Option<Vec<u8>>, Error> {
        let Some(verified) = self.verified(token, now) else { return Ok(None) };
        if now >= verified.expires_at || !may_know(caller, &verified.client, &verified.audience) {
            return Ok(None);
        }
        let found = self.ports.access_token(&verified.id).await?;
        Ok(live(found, now).map(|_| active(verified.token_type, &verified.payload)))
    }

    async fn refresh(&self, caller: &Client, token: &str, now: Timestamp) -> Result<Option<Vec<u8>>, Error> {
        let found = self.ports.refresh_token(&text::refresh_token_hash(token)).await?;
        let Some(found) = found else { return Ok(None) };
        let token = &found.token;
        let counts = found.rotated_at.is_none() && found.grant_is_live && now < token.expires_at;
        if !counts || token.client != caller.client_id {
            return Ok(None);
        }
        let answer = RefreshAnswer {
            active: true,
            scope: &token.scopes,
            authorization_details: &token.authorization_details,
            client_id: token.client.as_str(),
            sub: token.user.as_str(),
            iss: &self.settings.issuer,
            iat: token.issued_at.seconds(),
            exp: token.expires_at.seconds(),
        };
        Ok(serde_json::to_vec(&answer).ok())
    }

    /// The JWT access token behind this text, if one of our keys signed it; a secret that somebody shares is none. Remembered, because a signature takes
    /// longer to verify than all the rest takes; believed for as long as the key is.
    pub(crate) fn verified(&self, token: &str, now: Timestamp) -> Option<Arc<Verified>> {
        let hash = TokenHash::of(token.as_bytes());
        if let Some(known) = self.verified.get(&hash) {
            return self.keys.is_trusted(&known.kid, now).then_some(known);
        }
        // RFC 9068 §2.1: its own type, so that no ID token passes for an access token.
        let Signed { payload, kid } = self.keys.verify("at+jwt", token, now)?;
        let known: Known = serde_json::from_slice(&payload).ok()?;
        if known.iss != self.settings.issuer {
            return None;
        }
        let verified = Arc::new(Verified {
            id: known.jti,
            client: known.client_id,
            audience: audiences(&known.aud),
            expires_at: Timestamp::from_seconds(known.exp),
            token_type: token_type(known.cnf),
            payload,
            kid,
        });
        self.verified.insert(hash, Arc::clone(&verified));
        Some(verified)
    }
}

impl Verified {
    /// The claims as they were signed.
    pub(crate) fn payload(&self) -> &[u8] {
        &self.payload
    }
}

fn live(found: Option<FoundAccessToken>, now: Timestamp) -> Option<FoundAccessToken> {
    found.filter(|found| found.is_live && now < found.token.expires_at)
}

fn may_know(caller: &Client, owner: &ClientId, audience: &[String]) -> bool {
    let is_addressed = || {
        caller.audiences.is_empty()
            || caller.audiences.iter().any(|own| audience.iter().any(|aud| aud == own))
    };
    *owner == caller.client_id || caller.may_introspect && is_addressed()
}

/// RFC 7519 §4.1.3: one text, or a list.
fn audiences(aud: &Value) -> Vec<String> {
    match aud {
        Value::String(one) => vec![one.clone()],
        Value::Array(several) => several.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}

/// The claims, a JSON object as it was signed, with `active` and the type put first (RFC 9449 §6.2).
fn active(token_type: &str, payload: &[u8]) -> Vec<u8> {
    let claims = payload.strip_prefix(b"{").unwrap_or(b"}");
    debug_assert!(
        serde_json::from_slice::<Map<String, Value>>(payload).is_ok_and(|claims| !claims.is_empty())
    );
    let first = format!(r#"{{"active":true,"token_type":"{token_type}","#);
    [first.as_bytes(), claims].concat()
}
