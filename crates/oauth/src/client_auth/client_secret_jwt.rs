//! `client_secret_jwt` (OpenID Connect Core §9): a secret that both know signs. It is needed as it is, so a hash would
//! not do: it is kept sealed under the master key, for clients that are registered for this method and no other.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_jose::jwt::ValidClaims;
use countersign_jose::{Algorithm, ParsedJws, VerifyingKey};
use countersign_keys::MasterKey;
use countersign_model::{
    Client, ClientAuthentication, ClientId, Rng, SecretBytes, SecretString, Timestamp, TokenHash,
};

use super::assertion_signature::{Answer, Signers, signed};
use crate::ports::Ports;
use crate::profile::Rules;
use crate::{ClientRefusal, Engine};

/// RFC 7518 §3.2: as long as the hash, in bytes.
pub(crate) const SHORTEST: usize = 32;

/// A secret can't be kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum UnfitSecret {
    /// RFC 7518 §3.2.
    #[error("a secret that signs must have 32 bytes or more (RFC 7518 §3.2)")]
    Short,
    /// The cryptography library refused.
    #[error("the secret could not be sealed under the master key")]
    Seal,
}

/// Seals the secret of a client, for [`Client::sealed_secrets`].
///
/// # Errors
/// It is shorter than 32 bytes.
pub fn seal(
    master: &MasterKey,
    client: &ClientId,
    secret: &SecretString,
    rng: &dyn Rng,
) -> Result<String, UnfitSecret> {
    let secret = secret.expose().as_bytes();
    if secret.len() < SHORTEST {
        return Err(UnfitSecret::Short);
    }
    let sealed = master.seal(&name(client), secret, rng).map_err(|_| UnfitSecret::Seal)?;
    Ok(STANDARD.encode(sealed))
}

impl<P: Ports> Engine<P> {
    /// Whether this is one of the secrets that the client signs with.
    pub(crate) fn has_sealed_secret(&self, client: &Client, secret: &str) -> bool {
        let secret = SecretString::from(secret).hash();
        opened(self, client).iter().any(|known| TokenHash::of(known.expose()).ct_eq(&secret))
    }
}

/// The secrets of a client that signs with them.
fn opened<P: Ports>(engine: &Engine<P>, client: &Client) -> Vec<SecretBytes> {
    let open = |sealed: &String| {
        let master = engine.settings.master_key.as_ref()?;
        let opened = master.open(&name(&client.client_id), &STANDARD.decode(sealed).ok()?);
        opened.inspect_err(|error| tracing::error!(%error, "a client's secret can't be used")).ok()
    };
    client.sealed_secrets.iter().filter_map(open).collect()
}

/// The name is authenticated: one client's secret put in another's place does not open.
fn name(client: &ClientId) -> String {
    format!("client-secret/{client}")
}

/// The client and the claims, if its secret signed them.
pub(super) async fn signed_by<P: Ports>(
    engine: &Engine<P>,
    named: &str,
    token: &ParsedJws<'_>,
    now: Timestamp,
) -> Answer<(Arc<Client>, ValidClaims)> {
    let client = match engine.registered_for(named, ClientAuthentication::ClientSecretJwt).await? {
        Ok(client) => client,
        Err(refusal) => return Ok(Err(refusal)),
    };
    // A profile may want a key that the client alone has.
    if Rules::of(client.profile).asymmetric_authentication {
        return Ok(Err(ClientRefusal::AssertionAlgorithm));
    }
    let secrets = opened(engine, &client);
    if secrets.is_empty() {
        return Ok(Err(ClientRefusal::KeysUnavailable));
    }
    let keys =
        secrets.iter().filter_map(|secret| VerifyingKey::from_secret(secret, Algorithm::HS256, None).ok());
    let outcome = signed(engine, &client, token, Signers::Secrets(keys.collect()), now).await;
    Ok(outcome.map(|claims| (client, claims)))
}
