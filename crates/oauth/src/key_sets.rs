//! Key sets of others (RFC 7517 §5), and which of their keys signed something.

use std::sync::Arc;

use countersign_jose::jwt::{self, Rejection, ValidClaims, Validation};
use countersign_jose::{JwkSet, ParsedJws, VerifyingKey};
use countersign_model::KeyId;

use crate::Engine;
use crate::ports::Ports;

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

impl<P: Ports> Engine<P> {
    /// The claims, if one of the keys at this URL signed them and they hold. What was fetched before may be old, also
    /// where a new key took the name of the one before it or has none: a fresher set is worth a look, and the fetcher
    /// sees to it that looks are few.
    pub(crate) async fn signed_by_one_at(
        &self,
        url: &str,
        token: &ParsedJws<'_>,
        validation: &Validation<'_>,
    ) -> Result<ValidClaims, NoKey> {
        let remembered = self.key_document(url, false).await?;
        let signed = read(&remembered).and_then(|set| signed_by_one_of(&set, token, validation));
        if !matches!(signed, Err(NoKey::Unfit | NoKey::Unavailable)) {
            return signed;
        }
        let fresh = self.key_document(url, true).await?;
        // The same, because it was looked at a moment ago.
        if Arc::ptr_eq(&fresh, &remembered) {
            return signed;
        }
        signed_by_one_of(&read(&fresh)?, token, validation)
    }

    /// The keys at this URL.
    pub(crate) async fn keys_at(&self, url: &str, fresh: bool) -> Result<JwkSet, NoKey> {
        read(&self.key_document(url, fresh).await?)
    }

    /// The key set at this URL as it is.
    pub(crate) async fn key_document(&self, url: &str, fresh: bool) -> Result<Arc<[u8]>, NoKey> {
        self.fetch.fetch(url, fresh).await.map_err(|error| {
            tracing::debug!(url, %error, "there are no keys");
            NoKey::Unavailable
        })
    }
}

fn read(document: &[u8]) -> Result<JwkSet, NoKey> {
    JwkSet::from_json(document).map_err(|_| NoKey::Unavailable)
}

/// The claims, if one of these keys signed them and they hold.
pub(crate) fn signed_by_one_of(
    set: &JwkSet,
    token: &ParsedJws<'_>,
    validation: &Validation<'_>,
) -> Result<ValidClaims, NoKey> {
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
    signed_by(keys, token, validation)
}

/// The same for keys at hand.
pub(crate) fn signed_by(
    keys: impl Iterator<Item = VerifyingKey>,
    token: &ParsedJws<'_>,
    validation: &Validation<'_>,
) -> Result<ValidClaims, NoKey> {
    for key in keys {
        match jwt::validate(token, &key, validation) {
            Err(Rejection::Signature) => {}
            settled => return settled.map_err(NoKey::Rejected),
        }
    }
    Err(NoKey::Unfit)
}
