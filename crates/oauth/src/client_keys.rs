//! The keys of a client: registered as they are, or published at its URL (RFC 7591 §2, `jwks` and `jwks_uri`).

use countersign_jose::jwe::{EncryptionKey, KeyManagement};
use countersign_jose::jwt::{ValidClaims, Validation};
use countersign_jose::{Jwk, JwkSet, ParsedJws};
use countersign_model::Client;

use crate::key_sets::{NoKey, signed_by_one_of};
use crate::ports::Ports;
use crate::{Engine, RequestObjectRefusal};

impl NoKey {
    /// What is told to a client whose signed request it was (RFC 9101, CIBA §7.1.1). Which claim was wrong is for the log.
    pub(crate) fn refusal(self, client: &Client) -> RequestObjectRefusal {
        match self {
            Self::Unavailable => RequestObjectRefusal::KeysUnavailable,
            Self::Unfit => RequestObjectRefusal::Signature,
            Self::Rejected(rejection) => {
                tracing::debug!(client = %client.client_id, reason = rejection.as_str(), "a signed request is refused");
                RequestObjectRefusal::Claims
            }
        }
    }
}

impl<P: Ports> Engine<P> {
    /// The claims, if a key of the client signed them and they hold.
    pub(crate) async fn signed_by_client(
        &self,
        client: &Client,
        token: &ParsedJws<'_>,
        validation: &Validation<'_>,
    ) -> Result<ValidClaims, NoKey> {
        if client.jwks.is_some() {
            return signed_by_one_of(&registered(client)?, token, validation);
        }
        let url = client.jwks_uri.as_deref().ok_or(NoKey::Unavailable)?;
        self.signed_by_one_at(url, token, validation).await
    }

    /// The client's key to encrypt to in this way (RFC 7517 §4.2).
    pub(crate) async fn encryption_key_of(
        &self,
        client: &Client,
        management: KeyManagement,
    ) -> Result<EncryptionKey, NoKey> {
        let set = match client.jwks_uri.as_deref().filter(|_| client.jwks.is_none()) {
            Some(url) => self.keys_at(url, false).await?,
            None => registered(client)?,
        };
        let for_it = |jwk: &&Jwk| !jwk.has_private_members;
        let mut keys =
            set.keys.iter().filter(for_it).filter_map(|jwk| EncryptionKey::from_jwk(jwk, management).ok());
        keys.next().ok_or(NoKey::Unfit)
    }
}

/// The keys that a client registered.
fn registered(client: &Client) -> Result<JwkSet, NoKey> {
    let jwks = client.jwks.as_ref().and_then(serde_json::Value::as_object);
    jwks.and_then(|map| JwkSet::from_map(map).ok()).ok_or(NoKey::Unavailable)
}
