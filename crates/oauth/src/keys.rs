//! The seam to the key ring: what the engine needs of keys, and no more. A [`KeyRing`] over any store fits it.

use countersign_jose::jwe::{ContentEncryption, ParsedJwe};
use countersign_jose::{Algorithm, Algorithms, jws};
use countersign_keys::ports::SigningKeys;
use countersign_keys::{Jwks, KeyRing};
use countersign_model::{SecretBytes, Timestamp};

/// How content may be encrypted that is sent to this server.
pub(crate) const ENCRYPTIONS: [ContentEncryption; 3] =
    [ContentEncryption::A256Gcm, ContentEncryption::A128Gcm, ContentEncryption::A128CbcHs256];

/// The server's own keys.
pub trait TokenKeys: Send + Sync + 'static {
    /// The algorithms there are keys for, the one that signs first.
    fn algorithms(&self) -> Vec<Algorithm>;
    /// Signs `claims` (a JSON object) with the current key of this algorithm, `None` for the first, as a compact JWS whose
    /// header is `alg`, `kid` and `typ`.
    ///
    /// # Errors
    /// There is no key that may sign now.
    fn sign(
        &self,
        typ: &str,
        claims: &[u8],
        algorithm: Option<Algorithm>,
        now: Timestamp,
    ) -> Result<String, SigningFailed>;
    /// What was encrypted to this server (RFC 7516), if it was, in a way that is published.
    fn decrypt(&self, encrypted: &ParsedJwe<'_>) -> Option<SecretBytes>;
    /// What one of the published keys signed as a compact JWS of this `typ`. Nothing is known of its claims yet.
    fn verify(&self, typ: &str, token: &str, now: Timestamp) -> Option<Signed>;
    /// Whether the key of this `kid` is still one to verify with.
    fn is_trusted(&self, kid: &str, now: Timestamp) -> bool;
    /// The published keys as a JWK Set (RFC 7517 §5), and for how long it may be cached.
    fn jwks(&self, now: Timestamp) -> Jwks;
}

/// A payload whose signature was right.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signed {
    /// The payload as it was signed.
    pub payload: Vec<u8>,
    /// The key that signed it.
    pub kid: Box<str>,
}

/// No key may sign now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("there is no key that may sign")]
pub struct SigningFailed;

impl<S: SigningKeys + 'static> TokenKeys for KeyRing<S> {
    fn algorithms(&self) -> Vec<Algorithm> {
        self.policy().algorithms.clone()
    }

    fn sign(
        &self,
        typ: &str,
        claims: &[u8],
        algorithm: Option<Algorithm>,
        now: Timestamp,
    ) -> Result<String, SigningFailed> {
        let keys = self.snapshot();
        let algorithm = algorithm.or(self.policy().algorithms.first().copied()).ok_or(SigningFailed)?;
        let key = keys.signer(algorithm, now).ok_or(SigningFailed)?;
        jws::sign_compact(Some(typ), claims, key).map_err(|_| SigningFailed)
    }

    fn decrypt(&self, encrypted: &ParsedJwe<'_>) -> Option<SecretBytes> {
        Self::decrypt(self, encrypted, &ENCRYPTIONS)
    }

    fn verify(&self, typ: &str, token: &str, now: Timestamp) -> Option<Signed> {
        let token = jws::parse(token).ok()?;
        // RFC 8725 §3.10 and §3.11: no key of the token's own, and of the wanted kind only.
        if token.header.has_embedded_key || !token.header.is_type(typ) {
            return None;
        }
        let keys = self.snapshot();
        let kid = token.header.kid.clone()?;
        let key = keys.verifier(&kid, now)?;
        let payload = token.verify(key, Algorithms::of(&[key.algorithm()]))?;
        Some(Signed { payload, kid })
    }

    fn is_trusted(&self, kid: &str, now: Timestamp) -> bool {
        self.snapshot().verifier(kid, now).is_some()
    }

    fn jwks(&self, now: Timestamp) -> Jwks {
        self.snapshot().jwks(now)
    }
}
