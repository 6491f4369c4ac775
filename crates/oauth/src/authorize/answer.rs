//! Answering: what the parameters are (RFC 6749 §4.1.2, §4.1.2.1), and how they are protected on their way (JARM).

use std::time::Duration;

use countersign_jose::jwe::{self, ContentEncryption, KeyManagement};
use serde_json::{Map, Value};

use super::{AuthorizationResponse, Refused, Reply};
use crate::ports::Ports;
use crate::{Engine, Error, SigningFailed};

/// JARM §2.1: ten minutes at most.
const LIFETIME: Duration = Duration::from_secs(300);

impl<P: Ports> Engine<P> {
    /// An answer with these parameters, and with `state` and `iss`.
    pub(super) async fn answer(
        &self,
        reply: Reply,
        mut parameters: Vec<(&'static str, String)>,
    ) -> Result<AuthorizationResponse, Error> {
        // RFC 6749 §4.1.2: `state` exactly as it came.
        parameters.extend(reply.state.clone().map(|state| ("state", state)));
        if reply.mode.is_signed() {
            parameters = vec![("response", self.signed_response(&reply, parameters).await?)];
        } else {
            // RFC 9207 §2: in errors too. §2.4: with JARM the JWT says it.
            parameters.push(("iss", self.settings.issuer.clone()));
        }
        Ok(AuthorizationResponse {
            redirect_uri: reply.redirect_uri,
            mode: reply.mode,
            parameters,
            error: None,
        })
    }

    /// Sends an error back where somebody may be trusted with it; else it is for this browser's eyes.
    pub(super) async fn refuse(&self, refused: Refused) -> Result<AuthorizationResponse, Error> {
        let (reply, error) = match refused {
            Refused::Back(reply, error) if !error.is_ours() => (*reply, error),
            Refused::Here(error) | Refused::Back(_, error) => return Err(error),
        };
        self.spend(&reply).await?;
        let code = error.code();
        let parameters = vec![("error", code.to_owned()), ("error_description", error.description())];
        let response = self.answer(reply, parameters).await?;
        Ok(AuthorizationResponse { error: Some(code), ..response })
    }

    /// RFC 9126 §4: a pushed request is answered once. Whoever takes it answers; the request that was begun a second
    /// time, in another tab or by another person, finds nothing.
    pub(super) async fn spend(&self, reply: &Reply) -> Result<(), Error> {
        let Some(pushed) = &reply.origin.pushed else { return Ok(()) };
        let taken = self.ports.consume_pushed_request(pushed).await?;
        if taken { Ok(()) } else { Err(Error::InvalidRequestUri) }
    }

    /// JARM §2.1, §2.2: the parameters as claims of a JWT, signed, and then encrypted where the client wants that.
    async fn signed_response(
        &self,
        reply: &Reply,
        parameters: Vec<(&'static str, String)>,
    ) -> Result<String, Error> {
        let client = &reply.client;
        let now = self.now();
        let mut claims = Map::new();
        claims.insert("iss".to_owned(), Value::from(self.settings.issuer.as_str()));
        claims.insert("aud".to_owned(), Value::from(client.client_id.as_str()));
        claims.insert("exp".to_owned(), Value::from(now.plus(LIFETIME).seconds()));
        claims.extend(parameters.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value))));
        let payload = serde_json::to_vec(&claims).map_err(|_| SigningFailed)?;
        let wanted = client.authorization.authorization_signed_response_alg.as_deref();
        let algorithm = self.signing_algorithm(client, wanted)?;
        let signed = self.keys.sign("JWT", &payload, Some(algorithm), now)?;
        let Some(management) = &client.authorization.authorization_encrypted_response_alg else {
            return Ok(signed);
        };
        let unusable = || Error::ResponseKeyUnavailable;
        let management: KeyManagement = management.parse().map_err(|_| unusable())?;
        // JARM §3: the default.
        let encryption = client.authorization.authorization_encrypted_response_enc.as_deref();
        let encryption = encryption.map_or(Ok(ContentEncryption::A128CbcHs256), str::parse);
        let encryption = encryption.map_err(|_| unusable())?;
        let key = self.encryption_key_of(client, management).await.map_err(|_| unusable())?;
        // RFC 7519 §5.2: signed first, then encrypted.
        jwe::encrypt_compact(Some("JWT"), signed.as_bytes(), &key, encryption, &*self.env.rng)
            .map_err(|_| unusable())
    }
}
