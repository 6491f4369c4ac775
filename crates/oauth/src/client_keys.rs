//! The keys of a client: registered as they are, or published at its URL (RFC 7591 §2, `jwks` and `jwks_uri`).

use countersign_jose::jwe::{EncryptionKey, KeyManagement};
use countersign_jose::jwt::{self, Rejection, ValidClaims, Validation};
use countersign_jose::{Jwk, JwkSet, ParsedJws, VerifyingKey};
use countersign_model::{Client, KeyId};

use crate::ports::Ports;
use crate::{Engine, RequestObjectRefusal};

/// Most keys that are tried where the signature names none.
const MOST_TRIED: usize = 8;

/// There are none that could be had, or none that fits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum NoKey {
    /// They could not be had.
    Unavailable,
    /// None of them signed it.
    Unfit,
    /// One did, but what was signed may not be taken.
    Rejected(Rejection),
}

impl NoKey {
    /// What is told to a client whose request object it was. Which claim was wrong is for the log.
    pub(crate) fn refusal(self, client: &Client) -> RequestObjectRefusal {
        match self {
            Self::Unavailable => RequestObjectRefusal::KeysUnavailable,
            Self::Unfit => RequestObjectRefusal::Signature,
            Self::Rejected(rejection) => {
                tracing::debug!(client = %client.client_id, reason = rejection.as_str(), "a request object is refused");
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
        for fresh in [false, true] {
            let set = self.keys_of(client, fresh).await?;
            match tried(&set, token, validation) {
                Some(Err(Rejection::Signature)) => return Err(NoKey::Unfit),
                Some(outcome) => return outcome.map_err(NoKey::Rejected),
                // What was registered is all there is; what was fetched may be old.
                None if client.jwks.is_some() => break,
                None => {}
            }
        }
        Err(NoKey::Unfit)
    }

    /// The client's key to encrypt to in this way (RFC 7517 §4.2).
    pub(crate) async fn encryption_key_of(
        &self,
        client: &Client,
        management: KeyManagement,
    ) -> Result<EncryptionKey, NoKey> {
        let set = self.keys_of(client, false).await?;
        let for_it = |jwk: &&Jwk| !jwk.has_private_members;
        let mut keys =
            set.keys.iter().filter(for_it).filter_map(|jwk| EncryptionKey::from_jwk(jwk, management).ok());
        keys.next().ok_or(NoKey::Unfit)
    }

    async fn keys_of(&self, client: &Client, fresh: bool) -> Result<JwkSet, NoKey> {
        if let Some(jwks) = &client.jwks {
            return jwks.as_object().and_then(|map| JwkSet::from_map(map).ok()).ok_or(NoKey::Unavailable);
        }
        let url = client.jwks_uri.as_deref().ok_or(NoKey::Unavailable)?;
        let document = self.fetch.fetch(url, fresh).await.map_err(|error| {
            tracing::warn!(client = %client.client_id, url, %error, "the client's keys could not be fetched");
            NoKey::Unavailable
        })?;
        JwkSet::from_json(&document).map_err(|_| NoKey::Unavailable)
    }
}

/// Tries the keys that fit the header; `None` when there is none, so that a fresher set may be worth a look.
fn tried(
    set: &JwkSet,
    token: &ParsedJws<'_>,
    validation: &Validation<'_>,
) -> Option<Result<ValidClaims, Rejection>> {
    let wanted = token.header.kid.as_deref();
    let fits = |kid: Option<&str>| wanted.is_none() || kid.is_none() || kid == wanted;
    let keys = set
        .keys
        .iter()
        .filter(|jwk| fits(jwk.kid.as_ref().map(KeyId::as_str)))
        // A key whose private half was published beside it proves nothing.
        .filter(|jwk| !jwk.has_private_members)
        .filter_map(|jwk| VerifyingKey::from_jwk(jwk, token.header.algorithm).ok())
        .take(MOST_TRIED);
    let mut outcome = None;
    for key in keys {
        match jwt::validate(token, &key, validation) {
            Err(Rejection::Signature) => outcome = Some(Err(Rejection::Signature)),
            other => return Some(other),
        }
    }
    outcome
}
