//! ID tokens (OpenID Connect Core §2, §3.1.3.6).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_jose::Algorithm;
use countersign_model::{Client, ScopeSet, Session, SessionId, Timestamp, digest};
use serde::Serialize;

use super::issue::Person;
use crate::ports::{AuthenticationEvent, Ports};
use crate::userinfo::ScopeClaims;
use crate::{Engine, Error, SigningFailed};

/// Whom an ID token is for and of whom it speaks.
pub(super) struct IdTokenOrder<'a> {
    pub(super) client: &'a Client,
    pub(super) person: Person<'a>,
    pub(super) nonce: Option<&'a str>,
    /// The backchannel request that it answers.
    pub(super) auth_req_id: Option<&'a str>,
}

#[derive(Serialize)]
struct IdClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: i64,
    iat: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    amr: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'a str>,
    /// The access token beside it (OpenID Connect Core §3.1.3.6).
    #[serde(skip_serializing_if = "Option::is_none")]
    at_hash: Option<String>,
    /// The code beside it (OpenID Connect Core §3.3.2.11).
    #[serde(skip_serializing_if = "Option::is_none")]
    c_hash: Option<String>,
    /// The state it answers (FAPI 1.0 part 2 §5.1.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    s_hash: Option<String>,
    /// The backchannel request that it answers (CIBA §10.3.1).
    #[serde(rename = "urn:openid:params:jwt:claim:auth_req_id", skip_serializing_if = "Option::is_none")]
    auth_req_id: Option<&'a str>,
    /// What else is told of the person (OpenID Connect Core §5.4).
    #[serde(flatten)]
    told: ScopeClaims<'a>,
}

/// What goes with an ID token: what it vouches for beside itself, and what it tells because nothing beside it can.
#[derive(Clone, Copy, Default)]
struct Beside<'a> {
    told: ScopeClaims<'a>,
    access_token: Option<&'a str>,
    code: Option<&'a str>,
    state: Option<&'a str>,
}

/// An ID token that reaches the client by way of the browser (OpenID Connect Core §3.2.2.10, §3.3.2.11).
pub(crate) struct FrontChannel<'a> {
    pub(crate) client: &'a Client,
    pub(crate) session: &'a Session,
    pub(crate) authentication: &'a AuthenticationEvent,
    pub(crate) nonce: Option<&'a str>,
    pub(crate) code: Option<&'a str>,
    pub(crate) state: Option<&'a str>,
    /// What it tells of the person where no access token leads to userinfo.
    pub(crate) told: ScopeClaims<'a>,
}

impl<P: Ports> Engine<P> {
    /// An ID token beside this access token, if the scopes ask for one.
    pub(super) fn make_id_token(
        &self,
        order: &IdTokenOrder<'_>,
        scopes: &ScopeSet,
        access_token: &str,
        now: Timestamp,
    ) -> Result<Option<String>, Error> {
        // OpenID Connect Core §3.1.2.1: without openid it is no OpenID request.
        if !scopes.contains("openid") {
            return Ok(None);
        }
        let beside = Beside { access_token: Some(access_token), ..Beside::default() };
        self.sign_id_token(order, beside, now).map(Some)
    }

    /// An ID token for the authorization response.
    pub(crate) fn front_channel_id_token(&self, order: &FrontChannel<'_>) -> Result<String, Error> {
        let person = Person {
            user: &order.session.user,
            grant: None,
            session: Some(&order.session.id),
            authentication: Some(order.authentication),
        };
        let beside = Beside { told: order.told, access_token: None, code: order.code, state: order.state };
        let order = IdTokenOrder { client: order.client, person, nonce: order.nonce, auth_req_id: None };
        self.sign_id_token(&order, beside, self.now())
    }

    fn sign_id_token(
        &self,
        order: &IdTokenOrder<'_>,
        beside: Beside<'_>,
        now: Timestamp,
    ) -> Result<String, Error> {
        let algorithm = self.signing_algorithm(order.client, None)?;
        let hash = |text: Option<&str>| text.map(|text| half_hash(algorithm, text));
        let person = order.person;
        let claims = IdClaims {
            iss: &self.settings.issuer,
            sub: person.user.as_str(),
            aud: order.client.client_id.as_str(),
            exp: now.plus(self.settings.lifetimes.id_token).seconds(),
            iat: now.seconds(),
            auth_time: person.authentication.map(|event| event.auth_time.seconds()),
            nonce: order.nonce,
            acr: person.authentication.and_then(|event| event.acr.as_deref()),
            amr: person.authentication.map_or(&[], |event| event.amr.as_slice()),
            sid: person.session.map(SessionId::as_str),
            at_hash: hash(beside.access_token),
            c_hash: hash(beside.code),
            s_hash: hash(beside.state),
            auth_req_id: order.auth_req_id,
            told: beside.told,
        };
        let payload = serde_json::to_vec(&claims).map_err(|_| SigningFailed)?;
        Ok(self.keys.sign("JWT", &payload, Some(algorithm), now)?)
    }
}

/// OpenID Connect Core §3.1.3.6: the left half of the hash that belongs to the signature's algorithm. For EdDSA with
/// Ed25519 that is SHA-512, the hash inside it.
fn half_hash(algorithm: Algorithm, text: &str) -> String {
    let token = text.as_bytes();
    let hash = match algorithm {
        Algorithm::ES256 | Algorithm::RS256 | Algorithm::PS256 | Algorithm::HS256 => digest::sha256(token),
        Algorithm::ES384 | Algorithm::RS384 | Algorithm::PS384 | Algorithm::HS384 => digest::sha384(token),
        Algorithm::ES512 | Algorithm::RS512 | Algorithm::PS512 | Algorithm::HS512 | Algorithm::EdDSA => {
            digest::sha512(token)
        }
    };
    URL_SAFE_NO_PAD.encode(hash.get(..hash.len() / 2).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_hash_is_that_of_the_specification() {
        // OpenID Connect Core, appendix A.4.
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        assert_eq!(half_hash(Algorithm::RS256, token), "77QmUPtjPfzWtF2AnpK9RQ");
    }

    #[test]
    fn at_hash_is_half_as_long_as_the_hash() {
        for (algorithm, bytes) in [(Algorithm::ES256, 16), (Algorithm::ES384, 24), (Algorithm::EdDSA, 32)] {
            assert_eq!(URL_SAFE_NO_PAD.decode(half_hash(algorithm, "x")).unwrap().len(), bytes);
        }
    }
}
