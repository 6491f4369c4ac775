//! ID tokens (OpenID Connect Core §2, §3.1.3.6).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_jose::Algorithm;
use countersign_model::{Client, ScopeSet, SessionId, Timestamp, digest};
use serde::Serialize;

use super::issue::Person;
use crate::ports::Ports;
use crate::{Engine, Error, SigningFailed};

/// Whom an ID token is for and of whom it speaks.
pub(super) struct IdTokenOrder<'a> {
    pub(super) client: &'a Client,
    pub(super) person: Person<'a>,
    pub(super) nonce: Option<&'a str>,
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
    at_hash: String,
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
        let algorithm = self.keys.algorithms().first().copied().ok_or(SigningFailed)?;
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
            at_hash: at_hash(algorithm, access_token),
        };
        let payload = serde_json::to_vec(&claims).map_err(|_| SigningFailed)?;
        Ok(Some(self.keys.sign("JWT", &payload, None, now)?))
    }
}

/// OpenID Connect Core §3.1.3.6: the left half of the hash that belongs to the signature's algorithm. For EdDSA with
/// Ed25519 that is SHA-512, the hash inside it.
fn at_hash(algorithm: Algorithm, access_token: &str) -> String {
    let token = access_token.as_bytes();
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
        assert_eq!(at_hash(Algorithm::RS256, token), "77QmUPtjPfzWtF2AnpK9RQ");
    }

    #[test]
    fn at_hash_is_half_as_long_as_the_hash() {
        for (algorithm, bytes) in [(Algorithm::ES256, 16), (Algorithm::ES384, 24), (Algorithm::EdDSA, 32)] {
            assert_eq!(URL_SAFE_NO_PAD.decode(at_hash(algorithm, "x")).unwrap().len(), bytes);
        }
    }
}
