//! The pushed authorization request endpoint (RFC 9126 §2).

use countersign_access::dpop::CheckedProof;
use serde::Serialize;

use crate::authorize::request::{Settled, URN, signed};
use crate::authorize::{Refused, checks};
use crate::ports::{Ports, PushedRequest};
use crate::{ClientCall, Engine, Error};

/// The successful answer (RFC 9126 §2.2).
#[derive(Serialize)]
pub struct PushedResponse {
    /// What the authorization request names it by, once.
    pub request_uri: String,
    /// How long that may take, in seconds.
    pub expires_in: u64,
    /// The nonce for the next DPoP proof, for the field `DPoP-Nonce` (RFC 9449 §8.2).
    #[serde(skip)]
    pub dpop_nonce: Option<String>,
}

impl PushedResponse {
    /// The answer's body. Send it as 201, with `Cache-Control: no-store`.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl std::fmt::Debug for PushedResponse {
    /// Without the URI, which is a secret until it is used.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PushedResponse").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

impl<P: Ports> Engine<P> {
    /// A client pushes an authorization request: it is checked as it would be at the authorization endpoint, and kept.
    ///
    /// # Errors
    /// As the token endpoint's (RFC 9126 §2.3), or what the authorization endpoint would say.
    pub async fn push(&self, call: &ClientCall<'_>) -> Result<PushedResponse, Error> {
        let form = call.form;
        form.refuse_duplicates()?;
        // RFC 9126 §2.1, point 1: as at the token endpoint.
        let caller = self.authenticate(call).await?;
        // RFC 9126 §2.1, point 2.
        if form.one("request_uri").is_some() {
            return Err(Error::Invalid("request_uri"));
        }
        let client = caller.client();
        let settled = match form.one("request") {
            // RFC 9126 §3: nothing beside it counts.
            Some(object) => signed(self, client.clone(), object).await?,
            None => Settled::of(client.clone(), form.clone()),
        };
        let proof =
            self.dpop_proof(call, client, &self.settings.endpoints.pushed_authorization_request).await?;
        let settled = bound(settled, proof.as_ref())?;
        let name = self.env.rng.token();
        let settled = settled.pushed_as(name.hash());
        // RFC 9126 §2.1, point 3: everything that can be wrong is told now, and to the client alone.
        checks(self, &settled).map_err(|refused| match refused {
            Refused::Here(error) | Refused::Back(_, error) => error,
        })?;
        let now = self.now();
        let lives = &self.settings.lifetimes;
        let expires_at = now.plus(lives.pushed_request);
        let request = PushedRequest {
            hash: name.hash(),
            client: client.client_id.clone(),
            parameters: settled.kept(),
            signed: settled.is_signed(),
            created_at: now,
            expires_at,
            kept_until: expires_at.plus(lives.interaction),
        };
        self.ports.keep_pushed_request(&request).await?;
        Ok(PushedResponse {
            request_uri: format!("{URN}{}", name.expose()),
            expires_in: lives.pushed_request.as_secs(),
            dpop_nonce: proof.filter(|proof| proof.needs_nonce).map(|_| self.nonces.current(now)),
        })
    }
}

/// RFC 9449 §10.1: the code will be bound to the key that the client proves now, as if the request had named it.
fn bound<'a>(settled: Settled<'a>, proof: Option<&CheckedProof>) -> Result<Settled<'a>, Error> {
    let Some(proof) = proof else { return Ok(settled) };
    // RFC 8705 §3: its tokens will be bound to a certificate; a code for another key could never be used.
    if settled.client().tls_client_certificate_bound_access_tokens {
        return Err(Error::TwoKeys);
    }
    settled.for_key(proof.key)
}
