//! A subject or actor token (RFC 8693 §2.1), verified and read in one way, whoever issued it.

use countersign_model::{ClientId, GrantId, ScopeSet, SessionId, Subject, Timestamp, TokenHash, UserId};
use serde_json::{Map, Value};

use super::ExchangeRefusal;
use crate::grant_rules::OWN_ISSUER;
use crate::ports::{AuthenticationEvent, Ports};
use crate::token::text;
use crate::trusted_issuer::Who;
use crate::{Engine, Error};

/// What a token is said to be (RFC 8693 §3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TokenType {
    AccessToken,
    Jwt,
    IdToken,
}

impl TokenType {
    /// By its identifier; refresh tokens and SAML assertions are not taken.
    pub(super) fn read(identifier: &str) -> Option<Self> {
        match identifier {
            "urn:ietf:params:oauth:token-type:access_token" => Some(Self::AccessToken),
            "urn:ietf:params:oauth:token-type:jwt" => Some(Self::Jwt),
            "urn:ietf:params:oauth:token-type:id_token" => Some(Self::IdToken),
            _ => None,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::AccessToken => "urn:ietf:params:oauth:token-type:access_token",
            Self::Jwt => "urn:ietf:params:oauth:token-type:jwt",
            Self::IdToken => "urn:ietf:params:oauth:token-type:id_token",
        }
    }

    /// The `typ` it may have where another issuer made it.
    const fn types(self) -> &'static [&'static str] {
        match self {
            Self::AccessToken | Self::Jwt => &["at+jwt", "JWT", ""],
            Self::IdToken => &["JWT", ""],
        }
    }
}

/// A token that counts at this moment. Whether it may be used here is for the rules.
pub(super) struct Presented {
    pub(super) who: Who,
    /// As rules call it.
    pub(super) issuer_name: String,
    /// The `iss` of another issuer.
    pub(super) foreign_issuer: Option<String>,
    /// To whom it was given.
    pub(super) client: Option<ClientId>,
    /// For whom it was made.
    pub(super) audience: Vec<String>,
    pub(super) is_id_token: bool,
    /// What it allows; `None` where it allows nothing and only says who somebody is.
    pub(super) scopes: Option<ScopeSet>,
    pub(super) grant: Option<GrantId>,
    pub(super) session: Option<SessionId>,
    pub(super) authentication: Option<AuthenticationEvent>,
    /// The actors so far (RFC 8693 §4.1).
    pub(super) act: Option<Value>,
    /// Who may act (RFC 8693 §4.4).
    pub(super) may_act: Option<Value>,
    pub(super) expires_at: Timestamp,
}

type Answer<T> = Result<Result<T, ExchangeRefusal>, Error>;

/// Verifies a token of this type.
pub(super) async fn verify<P: Ports>(engine: &Engine<P>, token: &str, kind: TokenType) -> Answer<Presented> {
    let own = match kind {
        TokenType::IdToken => id_token(engine, token),
        TokenType::AccessToken | TokenType::Jwt if text::is_access_token(token) => {
            match kind {
                TokenType::AccessToken => reference(engine, token).await?,
                // RFC 8693 §3: said to be a JWT, and it is none.
                TokenType::Jwt | TokenType::IdToken => None,
            }
        }
        TokenType::AccessToken | TokenType::Jwt if text::is_looked_up(token) => {
            reference(engine, token).await?
        }
        TokenType::AccessToken | TokenType::Jwt => access_token(engine, token).await?,
    };
    match own {
        Some(claims) => ours(engine, &claims, kind).await,
        None => foreign(engine, token, kind).await,
    }
}

/// The claims of a reference token of ours that counts.
async fn reference<P: Ports>(engine: &Engine<P>, token: &str) -> Result<Option<Map<String, Value>>, Error> {
    let found = engine.ports.reference_token(&TokenHash::of(token.as_bytes())).await?;
    let live = found.filter(|found| found.is_live && engine.now() < found.token.expires_at);
    Ok(live.and_then(|found| found.token.claims))
}

/// The claims of a JWT access token of ours that counts: signed, not over, not revoked.
async fn access_token<P: Ports>(
    engine: &Engine<P>,
    token: &str,
) -> Result<Option<Map<String, Value>>, Error> {
    let now = engine.now();
    let Some(verified) = engine.verified(token, now) else { return Ok(None) };
    let found = engine.ports.access_token(&verified.id).await?;
    let is_live = found.is_some_and(|found| found.is_live && now < found.token.expires_at);
    Ok(if is_live { serde_json::from_slice(verified.payload()).ok() } else { None })
}

/// The claims of an ID token of ours that is not over.
fn id_token<P: Ports>(engine: &Engine<P>, token: &str) -> Option<Map<String, Value>> {
    let now = engine.now();
    let signed = engine.keys.verify("JWT", token, now)?;
    let claims: Map<String, Value> = serde_json::from_slice(&signed.payload).ok()?;
    let exp = claims.get("exp").and_then(Value::as_i64)?;
    // at_hash: of all that we sign under this type, an ID token alone has it.
    let is_ours = claims.get("iss").and_then(Value::as_str) == Some(&engine.settings.issuer);
    (is_ours && claims.contains_key("at_hash") && now < Timestamp::from_seconds(exp)).then_some(claims)
}

async fn ours<P: Ports>(
    engine: &Engine<P>,
    claims: &Map<String, Value>,
    kind: TokenType,
) -> Answer<Presented> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let Some(sub) = text("sub") else { return Ok(Err(ExchangeRefusal::Claims)) };
    let is_id_token = kind == TokenType::IdToken;
    // An ID token's audience is the client it was given to (OpenID Connect Core §2).
    let client = if is_id_token { text("aud") } else { text("client_id") };
    let who = match engine.ports.user(&UserId::from(sub)).await? {
        _ if client == Some(sub) => Who::Other(Subject::from(sub)),
        Some(user) if user.is_enabled() => Who::User(user.id),
        Some(_) => return Ok(Err(ExchangeRefusal::Subject)),
        // The account was deleted, unless it never was one.
        None if is_id_token || !sub.contains('|') => return Ok(Err(ExchangeRefusal::Subject)),
        None => Who::Other(Subject::from(sub)),
    };
    let scopes = if is_id_token { None } else { Some(scopes(claims)) };
    Ok(Ok(Presented {
        who,
        issuer_name: OWN_ISSUER.to_owned(),
        foreign_issuer: None,
        client: client.map(ClientId::from),
        audience: audiences(claims.get("aud")),
        is_id_token,
        scopes,
        grant: text("grant_id").map(GrantId::from),
        session: text("sid").map(SessionId::from),
        authentication: authentication(claims),
        act: claims.get("act").cloned(),
        may_act: claims.get("may_act").cloned(),
        // A token of ours that counts and names no end has none.
        expires_at: claims.get("exp").and_then(Value::as_i64).map_or(Timestamp::MAX, Timestamp::from_seconds),
    }))
}

async fn foreign<P: Ports>(engine: &Engine<P>, token: &str, kind: TokenType) -> Answer<Presented> {
    let token = match engine.foreign_token(token, kind.types()).await {
        Ok(token) => token,
        Err(refusal) => return Ok(Err(ExchangeRefusal::Token(refusal))),
    };
    let who = match engine.foreign_subject(&token).await? {
        Ok(who) => who,
        Err(refusal) => return Ok(Err(ExchangeRefusal::Token(refusal))),
    };
    let claims = &token.claims.all;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let is_id_token = kind == TokenType::IdToken;
    let has_scopes = !is_id_token && claims.contains_key("scope");
    Ok(Ok(Presented {
        who,
        issuer_name: token.name,
        foreign_issuer: Some(token.issuer.issuer.clone()),
        client: text("client_id").or(text("azp")).map(ClientId::from),
        audience: token.claims.audience.clone(),
        is_id_token,
        scopes: has_scopes.then(|| scopes(claims)),
        grant: None,
        session: None,
        authentication: authentication(claims),
        act: claims.get("act").cloned(),
        may_act: claims.get("may_act").cloned(),
        expires_at: token.claims.expires_at,
    }))
}

/// What of its scopes is one (RFC 6749 §3.3); the rest allows nothing.
pub(crate) fn scopes(claims: &Map<String, Value>) -> ScopeSet {
    let text = claims.get("scope").and_then(Value::as_str).unwrap_or_default();
    text.split(' ').filter_map(|scope| scope.parse().ok()).take(64).collect()
}

/// The sign-in that a token tells of.
pub(crate) fn authentication(claims: &Map<String, Value>) -> Option<AuthenticationEvent> {
    let auth_time = Timestamp::from_seconds(claims.get("auth_time").and_then(Value::as_i64)?);
    let amr = claims.get("amr").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let amr = amr.iter().filter_map(Value::as_str).take(16).map(str::to_owned).collect();
    let acr = claims.get("acr").and_then(Value::as_str).map(str::to_owned);
    Some(AuthenticationEvent { auth_time, amr, acr })
}

/// RFC 7519 §4.1.3: one text, or a list.
fn audiences(aud: Option<&Value>) -> Vec<String> {
    match aud {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => Vec::new(),
    }
}

impl Presented {
    /// Its subject, as `act` names it.
    pub(super) fn subject(&self) -> &str {
        match &self.who {
            Who::User(user) => user.as_str(),
            Who::Other(subject) => subject.as_str(),
        }
    }
}
