//! `jwks` and `jwks_uri` (RFC 7591 §2).

use countersign_jose::JwkSet;
use countersign_model::ClientAuthentication;
use serde_json::Value;

use super::{Members, RegistrationRefusal, information};

/// Most keys of one client.
const MOST: usize = 16;

/// Where a client's keys are.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Keys {
    pub(super) jwks: Option<Value>,
    pub(super) jwks_uri: Option<String>,
}

/// One place for keys at most, and one at least where the client proves by them who it is.
pub(super) fn in_one_place(
    asked: &Members,
    method: ClientAuthentication,
) -> Result<Keys, RegistrationRefusal> {
    let jwks = asked.value("jwks");
    let jwks_uri = asked.text("jwks_uri")?;
    match (jwks, jwks_uri) {
        // RFC 7591 §2: never both.
        (Some(_), Some(_)) => Err(RegistrationRefusal::metadata("jwks", "give it or jwks_uri, not both")),
        (Some(jwks), None) => {
            readable(jwks)?;
            Ok(Keys { jwks: Some(jwks.clone()), jwks_uri: None })
        }
        (None, Some(uri)) => {
            information::is_https(uri).then_some(()).ok_or(RegistrationRefusal::metadata(
                "jwks_uri",
                "it must be an https URL without user name and fragment",
            ))?;
            Ok(Keys { jwks: None, jwks_uri: Some(uri.to_owned()) })
        }
        (None, None) => match method {
            ClientAuthentication::PrivateKeyJwt => {
                Err(RegistrationRefusal::metadata("jwks", "private_key_jwt needs it, or jwks_uri"))
            }
            // RFC 8705 §2.2.2.
            ClientAuthentication::SelfSignedTlsClientAuth => {
                let fault = "self_signed_tls_client_auth needs it, or jwks_uri";
                Err(RegistrationRefusal::metadata("jwks", fault))
            }
            ClientAuthentication::None
            | ClientAuthentication::ClientSecretBasic
            | ClientAuthentication::ClientSecretPost
            | ClientAuthentication::ClientSecretJwt
            | ClientAuthentication::TlsClientAuth => Ok(Keys::default()),
        },
    }
}

/// Public keys, each of which can be used.
fn readable(jwks: &Value) -> Result<(), RegistrationRefusal> {
    let refused = |fault| RegistrationRefusal::metadata("jwks", fault);
    let set = jwks.as_object().and_then(|map| JwkSet::from_map(map).ok());
    let set = set.ok_or(refused("it is no JWK Set"))?;
    if set.keys.is_empty() || set.passed_over > 0 {
        return Err(refused("it has no key, or one that can't be used"));
    }
    if set.keys.len() > MOST {
        return Err(refused("there are too many keys"));
    }
    // RFC 7517 §9.2: whoever sends a private key has lost it.
    if set.keys.iter().any(|key| key.has_private_members || key.to_public_value().is_none()) {
        return Err(refused("it has a private or a secret key: send public keys, and make new ones"));
    }
    Ok(())
}
