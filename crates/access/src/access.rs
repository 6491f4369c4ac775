//! The pipeline itself.

use std::collections::HashSet;
use std::sync::Arc;

use arc_swap::ArcSwap;
use countersign_model::{CertificateSerial, Method, SecretBytes, Timestamp, TokenHash};

use crate::certificate::KnownCertificates;
use crate::dpop::{Nonces, ProofMemory};
use crate::extract::{Credential, PresentedJwt, TokenScheme, extract, says_dpop};
use crate::outcome::{Outcome, Rejection};
use crate::policy::decide::{Case, decide};
use crate::ports::{Change, Unavailable};
use crate::request::Question;
use crate::revocation::{RevocationSet, Standing};
use crate::state::State;
use crate::verify::api_key::{KeySources, KnownKey};
use crate::verify::basic::BasicSources;
use crate::verify::introspection::Asked;
use crate::verify::issuer::IssuerState;
use crate::verify::tokens::{Recall, Remembered};
use crate::verify::{introspection, jwt, mtls};
use crate::{
    Decision, Identity, InvalidCertificate, InvalidSettings, Peer, PeerCertificate, Placement, Reason,
    RequestParts, Rule, Settings, Sources,
};

/// Who is calling, and may they? Shared by every surface of a process as `Arc<Access>`.
pub struct Access {
    state: ArcSwap<State>,
    revocations: RevocationSet,
    pub(crate) revoked_certificates: ArcSwap<HashSet<CertificateSerial>>,
    certificates: KnownCertificates,
    pub(crate) proofs: ProofMemory,
    pub(crate) nonces: Nonces,
}

/// A verifier's answer, and the API key it came from.
type Answer = (Outcome, Option<Arc<KnownKey>>);

impl Access {
    /// A pipeline over these sources.
    ///
    /// # Errors
    /// What in the settings can't be used.
    pub fn new(settings: Settings, sources: Sources) -> Result<Self, InvalidSettings> {
        Ok(Self {
            proofs: ProofMemory::new(settings.limits.dpop_proofs),
            nonces: Nonces::new(&SecretBytes::new(sources.env.rng.bytes::<32>().to_vec())),
            state: ArcSwap::from_pointee(State::new(settings, sources, None)?),
            revocations: RevocationSet::default(),
            revoked_certificates: ArcSwap::default(),
            certificates: KnownCertificates::default(),
        })
    }

    /// The same with nonces that other nodes know too.
    #[must_use]
    pub fn with_nonces(self, nonces: Nonces) -> Self {
        Self { nonces, ..self }
    }

    /// Checks one request. On a credential seen before this neither waits nor allocates more than a password's text.
    pub async fn check(
        &self,
        request: &RequestParts<'_>,
        peer: &Peer,
        rule: &Rule,
        now: Timestamp,
    ) -> Decision {
        self.ask(Question { request, rule, now, is_first: true }, peer).await
    }

    /// Checks once more a request that was allowed and still goes on, such as a WebSocket: whether its credential and
    /// the rule of now still allow it. It is no new use of an API key and counts towards no limit.
    pub async fn check_again(
        &self,
        request: &RequestParts<'_>,
        peer: &Peer,
        rule: &Rule,
        now: Timestamp,
    ) -> Decision {
        self.ask(Question { request, rule, now, is_first: false }, peer).await
    }

    async fn ask(&self, question: Question<'_>, peer: &Peer) -> Decision {
        let Question { request, rule, now, is_first } = question;
        let mut case = Case {
            peer: peer.certificate(),
            method: None,
            placement: Placement::Nowhere,
            outcome: Outcome::Absent,
            is_secure: request.secure,
            now,
            is_dpop: false,
            nonce: None,
        };
        let presented = match extract(request, peer, rule) {
            Ok(presented) => presented,
            Err(reason) => {
                if matches!(reason, Reason::TokenTooLarge | Reason::TokenMalformed) {
                    case.method = Some(Method::Jwt);
                    case.is_dpop = says_dpop(request.headers);
                }
                case.outcome = reason.into();
                return decide(rule, case);
            }
        };
        let Some(credential) = &presented.credential else { return decide(rule, case) };
        case.method = Some(credential.method());
        case.is_dpop = matches!(presented.scheme, TokenScheme::Dpop(_));
        let remembered = self.remembered(&self.state.load(), credential, question);
        let (outcome, key) = match remembered {
            Some(answer) => answer,
            None => Box::pin(self.first_sight(credential, question)).await,
        };
        (case.outcome, case.nonce) = self.bound(outcome, &presented, peer, question);
        case.placement = presented.placement;
        let decision = decide(rule, case);
        if let (Some(known), Decision::Allow(_)) = (key, &decision)
            && is_first
            && known.is_news(request.client_address, now)
            && let Some(key_use) = &self.state.load().sources.key_use
        {
            key_use.used(&known.key, request.client_address, now);
        }
        decision
    }

    /// The answer from memory. `None`: there is none, look.
    fn remembered(
        &self,
        state: &State,
        credential: &Credential<'_>,
        question: Question<'_>,
    ) -> Option<Answer> {
        let now = question.now;
        let token = |key: &TokenHash| match state.tokens.recall(
            key,
            &self.revocations,
            state.settings.limits.leeway,
            now,
        ) {
            Recall::Good(identity) => Some(Outcome::Verified(identity)),
            Recall::Rejected(rejection) => Some(Outcome::Rejected(rejection)),
            Recall::Unsettled(_) | Recall::Nothing => None,
        };
        match credential {
            Credential::Jwt(jwt) => token(&jwt.hash).map(|outcome| (outcome, None)),
            Credential::Reference(text) => {
                let mut issuers = introspection::candidates(&state.issuers, question.rule, text);
                let first = issuers.next()?;
                // With several issuers the memory of the first says nothing about the others.
                let outcome = token(&introspection::memory_key(first, text))?;
                let is_final = matches!(outcome, Outcome::Verified(_)) || issuers.next().is_none();
                is_final.then_some((outcome, None))
            }
            Credential::Basic(credentials) => {
                state.basic.remembered(credentials, now).map(|outcome| (outcome, None))
            }
            Credential::ApiKey(text) => {
                state.keys.remembered(text, &self.revocations, question).map(from_key)
            }
            Credential::Certificate(certificate) => {
                let revoked = self.revoked_certificates.load();
                let result = mtls::verify(certificate, &state.certificates, &revoked, now);
                Some((result.into(), None))
            }
        }
    }

    async fn first_sight(&self, credential: &Credential<'_>, question: Question<'_>) -> Answer {
        let now = question.now;
        let state = self.state.load_full();
        match credential {
            Credential::Jwt(jwt) => (self.jwt(&state, jwt, now).await.into(), None),
            Credential::Reference(text) => (self.reference(&state, text, question).await.into(), None),
            Credential::Basic(credentials) => {
                let sources = BasicSources {
                    accounts: &state.sources.accounts,
                    hasher: &state.sources.hasher,
                    limits: &state.settings.limits,
                    issuer: &state.settings.local_issuer,
                };
                (state.basic.verify(sources, credentials, question.request.client_address, now).await, None)
            }
            Credential::ApiKey(text) => {
                let Some(source) = &state.sources.api_keys else {
                    return (Reason::ApiKeyUnknown.into(), None);
                };
                let sources = KeySources {
                    keys: &**source,
                    limits: &state.settings.limits,
                    issuer: &state.settings.local_issuer,
                };
                let mut result = state.keys.verify(sources, text, question).await;
                if let Ok(known) = &result
                    && let Err(rejection) = self.standing(&state, &known.identity).await
                {
                    result = Err(rejection);
                }
                from_key(result)
            }
            Credential::Certificate(_) => (Reason::CertificateNameless.into(), None),
        }
    }

    async fn jwt(
        &self,
        state: &State,
        presented: &PresentedJwt<'_>,
        now: Timestamp,
    ) -> Result<Arc<Identity>, Rejection> {
        let limits = &state.settings.limits;
        let PresentedJwt { text, hash: key } = *presented;
        if let Recall::Unsettled(remembered) =
            state.tokens.recall(&key, &self.revocations, limits.leeway, now)
        {
            return self.settle(state, &remembered).await;
        }
        let token = jwt::read(text)?;
        if let Some(issuer) = jwt::looked_up(&state.issuers, &token) {
            let asked = Asked { token: text, key, method: Method::Jwt };
            return self.look_up(state, issuer, asked, now).await;
        }
        let epoch = self.revocations.epoch();
        let verified = jwt::verify(&state.issuers, limits, token, now).await?;
        let identity = Arc::new(verified.identity);
        self.standing(state, &identity).await?;
        let generations = (verified.keys_generation, epoch);
        state.tokens.remember(key, Remembered::new(&identity, verified.issuer, generations, Timestamp::MAX));
        Ok(identity)
    }

    async fn reference(
        &self,
        state: &State,
        text: &str,
        Question { rule, now, .. }: Question<'_>,
    ) -> Result<Arc<Identity>, Rejection> {
        let limits = &state.settings.limits;
        let mut answer = Err(Reason::TokenUnknown.into());
        for issuer in introspection::candidates(&state.issuers, rule, text) {
            let key = introspection::memory_key(issuer, text);
            match state.tokens.recall(&key, &self.revocations, limits.leeway, now) {
                Recall::Good(identity) => return Ok(identity),
                Recall::Rejected(rejection) if rejection.reason == Reason::TokenUnknown => continue,
                Recall::Rejected(rejection) => return Err(rejection),
                Recall::Unsettled(remembered) => return self.settle(state, &remembered).await,
                Recall::Nothing => {}
            }
            let asked = Asked { token: text, key, method: Method::Oauth };
            match self.look_up(state, issuer, asked, now).await {
                Ok(identity) => return Ok(identity),
                Err(rejection) if rejection.reason == Reason::TokenUnknown => {}
                // Another issuer may still know it; if none does, this is the answer.
                Err(rejection) => answer = Err(rejection),
            }
        }
        answer
    }

    /// Asks an issuer about a token, and remembers what it says.
    async fn look_up(
        &self,
        state: &State,
        issuer: &Arc<IssuerState>,
        asked: Asked<'_>,
        now: Timestamp,
    ) -> Result<Arc<Identity>, Rejection> {
        let generations = (issuer.generation(), self.revocations.epoch());
        let limits = &state.settings.limits;
        let (identity, fresh_until) = introspection::ask(issuer, &state.tokens, limits, asked, now).await?;
        self.standing(state, &identity).await?;
        let token = Remembered::new(&identity, issuer, generations, fresh_until);
        state.tokens.remember(asked.key, token);
        Ok(identity)
    }

    /// A remembered token whose client or subject changed: asks, once.
    async fn settle(&self, state: &State, remembered: &Remembered) -> Result<Arc<Identity>, Rejection> {
        self.standing(state, &remembered.identity).await?;
        Ok(Arc::clone(&remembered.identity))
    }

    /// Whether a verified token or key still counts; asks about its client and its subject when they changed.
    async fn standing(&self, state: &State, identity: &Identity) -> Result<(), Rejection> {
        let revoked = || Err(Rejection::from(Reason::TokenRevoked).about(identity));
        let asked_in = self.revocations.epoch();
        let (client, user) = match self.revocations.standing(identity) {
            Standing::Good => return Ok(()),
            Standing::Revoked => return revoked(),
            Standing::Unknown(client, user) => (client, user),
        };
        let failed = |error: Unavailable| {
            tracing::error!(%error, "whether a client or an account still counts could not be looked up");
            Rejection::from(Reason::LookupFailed)
        };
        // What can't be known is refused.
        let Some(source) = &state.sources.revocations else { return Err(Reason::LookupFailed.into()) };
        let mut counts = true;
        if let Some(client) = client {
            let enabled = source.client_is_enabled(&client).await.map_err(failed)?;
            self.revocations.client_is(&client, enabled, asked_in);
            counts &= enabled;
        }
        if let Some(user) = user {
            let enabled = source.user_is_enabled(&user).await.map_err(failed)?;
            self.revocations.user_is(&user, enabled, asked_in);
            counts &= enabled;
        }
        if counts { Ok(()) } else { revoked() }
    }

    /// Reads the leaf of a chain that TLS has validated against the trust bundles of these names; one seen before is not
    /// read again.
    ///
    /// # Errors
    /// As [`PeerCertificate::from_der`].
    pub fn peer_certificate<'b>(
        &self,
        leaf: &[u8],
        bundles: impl Iterator<Item = &'b str> + Clone,
    ) -> Result<Arc<PeerCertificate>, InvalidCertificate> {
        self.certificates.read(leaf, bundles)
    }

    /// Forgets what a change made untrue. Call it for every announced change, in order.
    pub fn apply(&self, change: &Change, now: Timestamp) {
        self.revocations.apply(change, now);
        let state = self.state.load();
        match change {
            Change::ApiKey(hash) => state.keys.forget(hash),
            Change::User(user, name) => state.basic.forget(user, name),
            // The list has them; remembered tokens are compared with it again.
            Change::Client(_) | Change::TokenRevoked(..) | Change::GrantRevoked(..) => {}
            // The key source's generation moves on; the certificates come in by `replace_revoked_certificates`.
            Change::SigningKeys | Change::Certificates => {}
        }
    }

    /// Swaps the configuration: everything remembered is forgotten, except the keys of external issuers that stay and
    /// the back-off after wrong passwords.
    ///
    /// # Errors
    /// What in the settings can't be used; the old ones stay in force.
    pub fn replace_config(&self, settings: Settings, sources: Sources) -> Result<(), InvalidSettings> {
        let before = self.state.load_full();
        self.state.store(Arc::new(State::new(settings, sources, Some(&before))?));
        Ok(())
    }

    /// Swaps the set of revoked certificates.
    pub fn replace_revoked_certificates(&self, serials: HashSet<CertificateSerial>) {
        self.revoked_certificates.store(Arc::new(serials));
    }

    /// Learns every revocation that still matters: at start, and whenever announcements may have been missed. API keys
    /// and passwords are looked up anew afterwards.
    ///
    /// # Errors
    /// The list can't be had: don't serve before it can.
    pub async fn load_revocations(&self, now: Timestamp) -> Result<(), Unavailable> {
        let state = self.state.load_full();
        if let Some(source) = &state.sources.revocations {
            let asked_in = self.revocations.epoch();
            self.revocations.load(source.revocations(now).await?, asked_in);
        }
        state.keys.forget_all();
        state.basic.forget_all();
        Ok(())
    }

    /// Fetches the keys of external issuers that are due. Call it every few seconds from a background task.
    pub async fn refresh_issuers(&self, now: Timestamp) {
        for keys in self.state.load_full().remote_keys() {
            keys.refresh(now).await;
        }
    }

    /// Whether a certificate that TLS has validated still counts: a connection may be older than a revocation and may
    /// outlive its certificate. For surfaces that take it as a client's authentication (RFC 8705 §2.1).
    #[must_use]
    pub fn certificate_is_current(&self, certificate: &PeerCertificate, now: Timestamp) -> bool {
        mtls::is_current(certificate, &self.revoked_certificates.load(), now).is_ok()
    }

    /// Whether every external issuer's keys are there, for readiness.
    #[must_use]
    pub fn issuers_ready(&self, now: Timestamp) -> bool {
        self.state.load().remote_keys().all(|keys| keys.usable_until() > now)
    }
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Access")
    }
}

fn from_key(result: Result<Arc<KnownKey>, Rejection>) -> Answer {
    match result {
        Ok(known) => (Outcome::Verified(Arc::clone(&known.identity)), Some(known)),
        Err(rejection) => (Outcome::Rejected(rejection), None),
    }
}
