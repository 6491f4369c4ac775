//! What the upstream learns about the caller: the identity token and its plain siblings.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use countersign_access::{Identity, Permit, Placement};
use countersign_model::{Env, Issuer, Timestamp, TokenId};
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use quick_cache::sync::Cache;
use serde::Serialize;

use crate::route::Route;

/// The signed identity token.
pub(crate) const IDENTITY: HeaderName = HeaderName::from_static("countersign-identity");
const SUBJECT: HeaderName = HeaderName::from_static("countersign-subject");
const ISSUER: HeaderName = HeaderName::from_static("countersign-issuer");
const METHOD: HeaderName = HeaderName::from_static("countersign-method");
const SCOPES: HeaderName = HeaderName::from_static("countersign-scopes");
const CLIENT: HeaderName = HeaderName::from_static("countersign-client");

/// The media type of the identity token (RFC 7519 §5.1, RFC 8725 §3.11).
const TYP: &str = "identity+jwt";

/// Longest life of an identity token.
const LIFETIME: Duration = Duration::from_secs(60);

/// How many identities' headers are remembered: as many as the pipeline remembers tokens and API keys, else those who call
/// in turn would have their tokens signed anew each time.
const REMEMBERED: usize = 196_608;

/// Signs identity tokens: the key ring, seen from here.
pub trait SignIdentity: Send + Sync {
    /// The compact JWS (RFC 7515 §7.1) of this payload with the given `typ`, under the key that signs now.
    ///
    /// # Errors
    /// When there is no key to sign with.
    fn sign(&self, typ: &str, payload: &[u8], now: Timestamp) -> Result<String, SigningUnavailable>;
}

/// No key to sign with: the request is refused with 503.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the identity token could not be signed: {0}")]
pub struct SigningUnavailable(pub String);

/// Who vouches for the caller towards upstreams, and for how long.
#[derive(Clone)]
pub struct IdentityIssuer {
    issuer: Issuer,
    lifetime: Duration,
    keys: Arc<dyn SignIdentity>,
}

impl IdentityIssuer {
    /// An issuer of identity tokens that live `lifetime`, at most 60 seconds.
    #[must_use]
    pub fn new(issuer: Issuer, lifetime: Duration, keys: Arc<dyn SignIdentity>) -> Self {
        Self { issuer, lifetime: lifetime.min(LIFETIME), keys }
    }
}

/// Makes the headers and remembers them.
pub(crate) struct IdentityHeaders {
    issuer: Option<IdentityIssuer>,
    env: Env,
    /// By the identity's and the route's number.
    made: Cache<(u64, u64), Arc<Made>>,
}

/// The headers of one identity on one route.
struct Made {
    token: Option<HeaderValue>,
    plain: Option<Plain>,
    /// Made anew from then on.
    fresh_until: Timestamp,
}

/// Parts of one text, so that copying them for a request touches one counter in memory.
struct Plain {
    subject: HeaderValue,
    issuer: HeaderValue,
    method: HeaderValue,
    scopes: HeaderValue,
    client: Option<HeaderValue>,
}

/// The claims of the identity token. `iss` is who vouches towards the upstream; who vouched towards us is `idp`.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    jti: &'a str,
    idp: &'a str,
    method: &'a str,
    assurance: &'a str,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    amr: &'a [Box<str>],
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<serde_json::Value>,
}

impl IdentityHeaders {
    pub(crate) fn new(issuer: Option<IdentityIssuer>, env: Env) -> Self {
        Self { issuer, env, made: Cache::new(REMEMBERED) }
    }

    /// Whether identity tokens can be made.
    pub(crate) fn can_sign(&self) -> bool {
        self.issuer.is_some()
    }

    /// Takes the credential off a permitted request and says who is calling. Copies of these headers that the caller
    /// sent are gone already.
    pub(crate) fn apply(
        &self,
        permit: &Permit,
        route: &Route,
        headers: &mut HeaderMap,
        now: Timestamp,
    ) -> Result<(), SigningUnavailable> {
        if !route.identity.keep_credential {
            // It has been used up, and would tell the upstream what it could replay elsewhere.
            if permit.is_by_dpop() {
                headers.remove("dpop");
            }
            match permit.placement() {
                Placement::Authorization => drop(headers.remove(AUTHORIZATION)),
                Placement::Header(name) => drop(headers.remove(name)),
                // A parameter is taken off with the target; a certificate stays with the connection.
                Placement::Nowhere | Placement::Query | Placement::Certificate => {}
            }
        }
        let Some(identity) = permit.identity().filter(|_| route.identity.token || route.identity.plain)
        else {
            return Ok(());
        };
        let key = (identity.cache_key(), route.number);
        let made = match self.made.get(&key).filter(|made| now < made.fresh_until) {
            Some(made) => made,
            None => {
                let made = Arc::new(self.make(identity, route, now)?);
                self.made.insert(key, Arc::clone(&made));
                made
            }
        };
        if let Some(token) = &made.token {
            headers.insert(IDENTITY, token.clone());
        }
        if let Some(plain) = &made.plain {
            headers.insert(SUBJECT, plain.subject.clone());
            headers.insert(ISSUER, plain.issuer.clone());
            headers.insert(METHOD, plain.method.clone());
            headers.insert(SCOPES, plain.scopes.clone());
            if let Some(client) = &plain.client {
                headers.insert(CLIENT, client.clone());
            }
        }
        Ok(())
    }

    fn make(&self, identity: &Identity, route: &Route, now: Timestamp) -> Result<Made, SigningUnavailable> {
        let (token, fresh_until) = match (&self.issuer, route.identity.token) {
            (Some(issuer), true) => {
                let (token, fresh_until) = self.token(issuer, identity, &route.identity.audience, now)?;
                (Some(token), fresh_until)
            }
            (None, true) => return Err(SigningUnavailable("no issuer is configured".to_owned())),
            (_, false) => (None, Timestamp::MAX),
        };
        let plain = if route.identity.plain { Some(plain(identity)?) } else { None };
        Ok(Made { token, plain, fresh_until })
    }

    fn token(
        &self,
        issuer: &IdentityIssuer,
        identity: &Identity,
        audience: &str,
        now: Timestamp,
    ) -> Result<(HeaderValue, Timestamp), SigningUnavailable> {
        // No identity token outlives the credential behind it.
        let expires = now.plus(issuer.lifetime).min(identity.expires_at);
        let jti = TokenId::generate(now, &*self.env.rng);
        let claims = Claims {
            iss: issuer.issuer.as_str(),
            sub: identity.subject.as_str(),
            aud: audience,
            iat: now.seconds(),
            exp: expires.seconds(),
            jti: jti.as_str(),
            idp: identity.issuer.as_str(),
            method: identity.method.as_str(),
            assurance: identity.assurance.as_str(),
            scope: identity.scopes.to_string(),
            client_id: identity.client.as_ref().map(|client| client.as_str()),
            auth_time: identity.auth_time.map(Timestamp::seconds),
            acr: identity.acr.as_deref(),
            amr: &identity.amr,
            act: actors(identity),
        };
        let payload = serde_json::to_vec(&claims).map_err(|error| SigningUnavailable(error.to_string()))?;
        let token = issuer.keys.sign(TYP, &payload, now)?;
        let value = HeaderValue::try_from(token).map_err(|error| SigningUnavailable(error.to_string()))?;
        Ok((value, now.plus(expires.since(now) / 2)))
    }
}

/// RFC 8693 §4.1: the nearest actor outside, those before it nested inside.
fn actors(identity: &Identity) -> Option<serde_json::Value> {
    identity.actor.iter().rev().fold(None, |inner, actor| {
        let mut act = serde_json::Map::new();
        act.insert("sub".to_owned(), actor.subject.as_str().into());
        if let Some(issuer) = &actor.issuer {
            act.insert("iss".to_owned(), issuer.as_str().into());
        }
        if let Some(inner) = inner {
            act.insert("act".to_owned(), inner);
        }
        Some(serde_json::Value::Object(act))
    })
}

fn plain(identity: &Identity) -> Result<Plain, SigningUnavailable> {
    let scopes = identity.scopes.to_string();
    let client = identity.client.as_ref().map_or("", |client| client.as_str());
    let parts = [identity.subject.as_str(), identity.issuer.as_str(), &scopes, client];
    let mut text = Bytes::from(parts.concat());
    let [subject, issuer, scopes, client_value] = parts.map(|part| text.split_to(part.len()));
    // Control characters can't be said in a header field: better nothing passes than somebody else's name.
    let value = |part: Bytes| {
        HeaderValue::from_maybe_shared(part)
            .map_err(|_| SigningUnavailable("a name can't be said in a header field".to_owned()))
    };
    Ok(Plain {
        subject: value(subject)?,
        issuer: value(issuer)?,
        method: HeaderValue::from_static(identity.method.as_str()),
        scopes: value(scopes)?,
        client: identity.client.is_some().then(|| value(client_value)).transpose()?,
    })
}
