//! Sender constraint at every use: a token that is bound to a key counts only together with a proof of it, and one that
//! is not bound does not pass for one that is.

use countersign_model::{Method, TokenHash};
use http::HeaderValue;

use crate::dpop::{self, DpopRefusal, Seen, Wanted};
use crate::extract::{Credential, Presented, TokenScheme};
use crate::outcome::{Outcome, Rejection};
use crate::request::Question;
use crate::verify::mtls;
use crate::{Access, Confirmation, Peer, Reason};

impl Access {
    /// Holds a verified identity against the key it is bound to; and the nonce that the answer shall bring.
    pub(crate) fn bound(
        &self,
        outcome: Outcome,
        presented: &Presented<'_>,
        peer: &Peer,
        question: Question<'_>,
    ) -> (Outcome, Option<HeaderValue>) {
        let Outcome::Verified(identity) = &outcome else { return (outcome, None) };
        if identity.method == Method::Mtls {
            return (outcome, None);
        }
        let mut nonce = None;
        let confirmed = match (identity.confirmation, presented.scheme) {
            (None, TokenScheme::Bearer) => Ok(()),
            (Some(Confirmation::Certificate(thumbprint)), TokenScheme::Bearer) => {
                self.shows(peer, &thumbprint, question)
            }
            (Some(Confirmation::Key(key)), TokenScheme::Dpop(proof)) => {
                let checked = self.proves(&key, proof, presented, question);
                if checked == Ok(true) || checked == Err(Reason::ProofNonce) {
                    nonce = HeaderValue::try_from(self.nonces.current(question.now)).ok();
                }
                checked.map(|_| ())
            }
            // RFC 9449 §7.2: a bound token is no bearer token. §7.1: one that is not bound to a proof's key gains
            // nothing by coming with one.
            (Some(Confirmation::Key(_)), TokenScheme::Bearer)
            | (None | Some(Confirmation::Certificate(_)), TokenScheme::Dpop(_)) => Err(Reason::TokenBinding),
        };
        match confirmed {
            Ok(()) => (outcome, nonce),
            Err(reason) => (Outcome::Rejected(Rejection::from(reason).about(identity)), nonce),
        }
    }

    /// RFC 8705 §3: the connection must have proved to hold the certificate's key.
    fn shows(
        &self,
        peer: &Peer,
        thumbprint: &[u8; 32],
        Question { now, .. }: Question<'_>,
    ) -> Result<(), Reason> {
        let revoked = self.revoked_certificates.load();
        // Possession is all that is asked for, so a certificate nobody vouches for will do. One that was vouched for
        // and is so no more, because it was revoked or has ended, will not.
        match (peer.certificate(), peer.unvouched()) {
            (Some(shown), _) if shown.facts().thumbprint == *thumbprint => {
                mtls::is_current(shown, &revoked, now)
            }
            (None, Some(shown)) if shown.thumbprint() == thumbprint => {
                mtls::holds_now((shown.not_before, shown.not_after), &shown.serial, &revoked, now)
            }
            (_, _) => Err(Reason::TokenBinding),
        }
    }

    /// RFC 9449 §4.3 and §7.1: a fresh proof for this request and this token, by the token's key; whether the answer
    /// should bring the next nonce.
    fn proves(
        &self,
        key: &[u8; 32],
        proof: Option<&str>,
        presented: &Presented<'_>,
        Question { request, rule, now, is_first }: Question<'_>,
    ) -> Result<bool, Reason> {
        let proof = proof.ok_or(Reason::ProofMissing)?;
        // A request that goes on, such as a WebSocket, proved its key when it began: its proof is used up.
        if !is_first {
            return Ok(false);
        }
        let token = match &presented.credential {
            Some(Credential::Jwt(jwt)) => jwt.text,
            Some(Credential::Reference(text)) => *text,
            Some(Credential::Basic(_) | Credential::ApiKey(_) | Credential::Certificate(_)) | None => {
                return Err(Reason::TokenBinding);
            }
        };
        let checked = rule.checked();
        let as_asked = format!(
            "{}://{}{}",
            if request.secure { "https" } else { "http" },
            request.authority,
            request.path
        );
        let elsewhere: Vec<String> =
            checked.dpop_origins.iter().map(|origin| format!("{origin}{}", request.path)).collect();
        let targets: Vec<&str> = match elsewhere.as_slice() {
            [] => vec![&as_asked],
            known => known.iter().map(String::as_str).collect(),
        };
        let wanted = Wanted {
            method: request.method.as_str(),
            targets: &targets,
            access_token: Some(token),
            nonces: checked.dpop_nonce.then_some(&self.nonces),
            now,
        };
        let proof = dpop::check(proof, &wanted).map_err(|refusal| {
            tracing::debug!(%refusal, "a DPoP proof was refused");
            if refusal == DpopRefusal::Nonce { Reason::ProofNonce } else { Reason::ProofInvalid }
        })?;
        // RFC 9449 §4.3, point 12.
        if !TokenHash::from_bytes(proof.key).ct_eq(&TokenHash::from_bytes(*key)) {
            return Err(Reason::ProofInvalid);
        }
        match self.proofs.take(&proof.id, now) {
            Seen::New => Ok(proof.needs_nonce),
            Seen::Before => Err(Reason::ProofReplayed),
            Seen::Full => Err(Reason::ProofsFull),
        }
    }
}
