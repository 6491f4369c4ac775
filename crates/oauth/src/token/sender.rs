//! Sender constraint: which key the tokens given in answer to a call are bound to (RFC 8705 §3, RFC 9449 §5).

use countersign_access::Confirmation;
use countersign_access::dpop::{self, CheckedProof, DpopRefusal, Wanted};
use countersign_model::Client;

use crate::ports::Ports;
use crate::profile::Rules;
use crate::{AuthenticatedClient, ClientCall, DpopField, Engine, Error};

impl<P: Ports> Engine<P> {
    /// The client, holding the key that this call proved; and the nonce for its next proof, when that is due.
    pub(super) async fn with_its_key(
        &self,
        caller: AuthenticatedClient,
        call: &ClientCall<'_>,
    ) -> Result<(AuthenticatedClient, Option<String>), Error> {
        let client = caller.client();
        let certificate = certificate(client, call)?;
        let proof = self.dpop_proof(call, client, &self.settings.endpoints.token).await?;
        // RFC 9449 §5.2: without a proof it would get less than what was registered.
        if proof.is_none() && client.dpop_bound_access_tokens {
            return Err(Error::ProofMissing);
        }
        let nonce = proof.filter(|proof| proof.needs_nonce).map(|_| self.nonces.current(self.now()));
        let confirmation = match (certificate, proof) {
            // A token has one `cnf` here: bound to both it would be accepted nowhere.
            (Some(_), Some(_)) => return Err(Error::TwoKeys),
            (certificate, None) => certificate,
            (None, Some(proof)) => Some(Confirmation::Key(proof.key)),
        };
        Ok((caller.holding(confirmation), nonce))
    }

    /// The DPoP proof of this client's call to this endpoint, checked and used up (RFC 9449 §4.3, §11.1).
    pub(crate) async fn dpop_proof(
        &self,
        call: &ClientCall<'_>,
        client: &Client,
        endpoint: &str,
    ) -> Result<Option<CheckedProof>, Error> {
        let proof = match call.dpop {
            DpopField::Absent => return Ok(None),
            DpopField::Proof(proof) => proof,
            DpopField::Unusable => return Err(Error::InvalidDpopProof(DpopRefusal::Field)),
        };
        let now = self.now();
        let alias = self.settings.mtls_alias(endpoint);
        let targets: Vec<&str> = std::iter::once(endpoint).chain(alias.as_deref()).collect();
        let nonces = self.settings.dpop_nonce.then_some(&self.nonces);
        let wanted = Wanted { method: "POST", targets: &targets, access_token: None, nonces, now };
        let proof = dpop::check(proof, &wanted).map_err(|refusal| match refusal {
            // RFC 9449 §8.
            DpopRefusal::Nonce => Error::UseDpopNonce(self.nonces.current(now)),
            other => Error::InvalidDpopProof(other),
        })?;
        // FAPI 2.0 Security Profile §5.4.1: a profile may take fewer algorithms.
        if !Rules::of(client.profile).algorithms.contains(&proof.algorithm) {
            return Err(Error::InvalidDpopProof(DpopRefusal::Algorithm));
        }
        if self.ports.remember_proof(&proof.id, proof.until).await? {
            Ok(Some(proof))
        } else {
            Err(Error::InvalidDpopProof(DpopRefusal::Replayed))
        }
    }
}

/// RFC 8705 §3: the certificate that the client's tokens are bound to, whatever it authenticated by.
fn certificate(client: &Client, call: &ClientCall<'_>) -> Result<Option<Confirmation>, Error> {
    if !client.tls_client_certificate_bound_access_tokens {
        // A profile asks for one key or another: the certificate will do where it is the one that was shown.
        let wanted = Rules::of(client.profile).sender_constrained && matches!(call.dpop, DpopField::Absent);
        let shown = call.certificate.filter(|_| wanted);
        return Ok(shown.map(|shown| Confirmation::Certificate(*shown.thumbprint())));
    }
    // RFC 8705 §3.4: a token that is not bound would be less than what was registered.
    let shown = call.certificate.ok_or(Error::CertificateMissing)?;
    Ok(Some(Confirmation::Certificate(*shown.thumbprint())))
}
