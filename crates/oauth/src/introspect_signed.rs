//! Introspection answers as signed JWTs (RFC 9701).

use countersign_jose::jwe::{self, ContentEncryption, KeyManagement};
use countersign_model::Client;
use serde_json::value::RawValue;

use crate::ports::Ports;
use crate::{ClientCall, Engine, Error, SigningFailed};

/// The media type by which a resource server asks for it, and the type of the JWT (RFC 9701 §4, §5).
pub const SIGNED_INTROSPECTION: &str = "application/token-introspection+jwt";
const TYPE: &str = "token-introspection+jwt";

/// What is signed: the answer stays below its own claim, so that the JWT is no token of the kind it speaks of (RFC 9701
/// §5, §8.1).
#[derive(serde::Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    iat: i64,
    token_introspection: &'a RawValue,
}

impl<P: Ports> Engine<P> {
    /// A request at the introspection endpoint that asks for a signed answer: the same answer, signed for its caller
    /// alone, and encrypted if that is what the caller registered.
    ///
    /// # Errors
    /// As [`Engine::introspect`], and [`Error::ResponseKeyUnavailable`].
    pub async fn introspect_signed(&self, call: &ClientCall<'_>) -> Result<String, Error> {
        let (caller, answer) = self.introspected(call).await?;
        let answer: &RawValue = serde_json::from_slice(&answer).map_err(|_| SigningFailed)?;
        let now = self.now();
        let claims = Claims {
            iss: &self.settings.issuer,
            aud: caller.client_id.as_str(),
            iat: now.seconds(),
            token_introspection: answer,
        };
        let payload = serde_json::to_vec(&claims).map_err(|_| SigningFailed)?;
        // RFC 9701 §6: the algorithm that is registered; by default the first of ours that the profile takes (FAPI 2.0
        // Security Profile §5.4.1), which the registration tells.
        let wanted = caller.introspection_signed_response_alg.as_deref();
        let algorithm = self.signing_algorithm(&caller, wanted)?;
        let signed = self.keys.sign(TYPE, &payload, Some(algorithm), now)?;
        self.encrypted_for(&caller, signed).await
    }

    /// RFC 9701 §5: signed first, then encrypted. Whoever registered for encryption gets nothing in the clear.
    async fn encrypted_for(&self, caller: &Client, signed: String) -> Result<String, Error> {
        let Some(management) = caller.introspection_encrypted_response_alg.as_deref() else {
            return Ok(signed);
        };
        let unusable = || Error::ResponseKeyUnavailable;
        let management: KeyManagement = management.parse().map_err(|_| unusable())?;
        let encryption = caller.introspection_encrypted_response_enc.as_deref();
        let encryption = encryption.map_or(Ok(ContentEncryption::A128CbcHs256), str::parse);
        let encryption = encryption.map_err(|_| unusable())?;
        let key = self.encryption_key_of(caller, management).await.map_err(|_| unusable())?;
        jwe::encrypt_compact(Some("JWT"), signed.as_bytes(), &key, encryption, &*self.env.rng)
            .map_err(|_| unusable())
    }
}
