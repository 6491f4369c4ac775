//! The endpoint itself: check, decide, and either wait for a person or answer.

use countersign_model::{GrantId, ScopeSet, SecretString, Session, TokenHash};

use super::decide::{Facts, Next, decide};
use super::{
    AuthorizationResponse, CheckedRequest, ConsentRequest, DetailRequest, Refused, SignInRequest, Step,
    checks,
};
use crate::acr::class_of;
use crate::ports::{AuthenticationEvent, AuthorizationCode, Grant, Interaction, Ports};
use crate::{Engine, Error, Parameters, Settings};

/// The parameters that are kept while a request waits; every other one was ignored.
const KEPT: [&str; 16] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "state",
    "scope",
    "resource",
    "authorization_details",
    "code_challenge",
    "code_challenge_method",
    "nonce",
    "prompt",
    "acr_values",
    "max_age",
    "id_token_hint",
    "login_hint",
];

impl<P: Ports> Engine<P> {
    /// An authorization request came. `browser` is the hash of the browser's cookie, to which a waiting request is
    /// tied.
    ///
    /// # Errors
    /// What must be shown here and never be sent to a redirect URI (RFC 6749 §4.1.2.1): the client is not known, or
    /// the redirect URI is not its own. Every other error is a [`Step::Respond`].
    pub async fn begin(
        &self,
        parameters: &Parameters<'_>,
        session: Option<&Session>,
        browser: &TokenHash,
    ) -> Result<Step, Error> {
        let request = match checks(self, parameters).await {
            Ok(request) => request,
            Err(refused) => return self.refuse(refused).map(Step::Respond),
        };
        let consented = self.consented(&request, session).await?;
        let now = self.now();
        let classes = &self.settings.acr_classes;
        let facts = Facts { session, consented: &consented, waiting: None, agreed_now: false, classes, now };
        match decide(&request, facts) {
            Next::Respond(session) => {
                let scopes = request.scopes.clone();
                let signed_in = self.authentication(&request, facts, session);
                self.respond(request, session, signed_in, scopes).await.map(Step::Respond)
            }
            Next::Refuse(error) => self.refuse(request.refused(error)).map(Step::Respond),
            Next::SignIn => Ok(request.sign_in_page(self.wait(parameters, session, browser).await?)),
            Next::Consent => {
                let interaction = self.wait(parameters, session, browser).await?;
                Ok(request.consent_page(interaction, &consented, &self.settings))
            }
        }
    }

    /// Looks again at a waiting request: after a sign-in, or when one of its pages is loaded.
    ///
    /// # Errors
    /// As [`Engine::begin`]; [`Error::UnknownInteraction`] when nothing waits under this name for this browser.
    pub async fn resume(
        &self,
        interaction: &str,
        session: Option<&Session>,
        browser: &TokenHash,
    ) -> Result<Step, Error> {
        let waiting = self.waiting(interaction, browser).await?;
        self.advance(interaction, &waiting, session, None).await
    }

    /// The person agreed to these scopes: all that were asked for, or some. `openid` is never taken back alone: it is
    /// the question itself.
    ///
    /// # Errors
    /// As [`Engine::resume`].
    pub async fn consent_given(
        &self,
        interaction: &str,
        session: &Session,
        browser: &TokenHash,
        scopes: &ScopeSet,
    ) -> Result<Step, Error> {
        let waiting = self.waiting(interaction, browser).await?;
        self.advance(interaction, &waiting, Some(session), Some(scopes)).await
    }

    /// The person said no, to the sign-in or to the consent.
    ///
    /// # Errors
    /// As [`Engine::resume`].
    pub async fn denied(
        &self,
        interaction: &str,
        browser: &TokenHash,
    ) -> Result<AuthorizationResponse, Error> {
        let waiting = self.waiting(interaction, browser).await?;
        let checked = checks(self, &kept(&waiting)).await;
        self.take(&waiting).await?;
        match checked {
            Ok(request) => self.refuse(request.refused(Error::AccessDenied)),
            Err(refused) => self.refuse(refused),
        }
    }

    /// Checks a waiting request again, because its client may have changed meanwhile, and goes on with it.
    async fn advance(
        &self,
        interaction: &str,
        waiting: &Interaction,
        session: Option<&Session>,
        agreed: Option<&ScopeSet>,
    ) -> Result<Step, Error> {
        let request = match checks(self, &kept(waiting)).await {
            Ok(request) => request,
            Err(refused) => {
                self.take(waiting).await?;
                return self.refuse(refused).map(Step::Respond);
            }
        };
        let consented = self.consented(&request, session).await?;
        let facts = Facts {
            session,
            consented: &consented,
            waiting: Some(waiting),
            agreed_now: agreed.is_some(),
            classes: &self.settings.acr_classes,
            now: self.now(),
        };
        match decide(&request, facts) {
            Next::SignIn => Ok(request.sign_in_page(SecretString::from(interaction))),
            Next::Consent => {
                Ok(request.consent_page(SecretString::from(interaction), &consented, &self.settings))
            }
            Next::Refuse(error) => {
                self.take(waiting).await?;
                self.refuse(request.refused(error)).map(Step::Respond)
            }
            Next::Respond(session) => {
                // Whoever takes it answers; a second click or a second tab finds nothing.
                self.take(waiting).await?;
                let scopes = match agreed {
                    None => request.scopes.clone(),
                    Some(agreed) => match self.agree(&request, session, agreed).await? {
                        Some(scopes) => scopes,
                        None => return self.refuse(request.refused(Error::AccessDenied)).map(Step::Respond),
                    },
                };
                let signed_in = self.authentication(&request, facts, session);
                self.respond(request, session, signed_in, scopes).await.map(Step::Respond)
            }
        }
    }

    /// How the person signed in, as tokens will say it.
    fn authentication(
        &self,
        request: &CheckedRequest,
        facts: Facts<'_>,
        session: &Session,
    ) -> AuthenticationEvent {
        let asked = &request.step_up.acr_values;
        let class = class_of(&self.settings.acr_classes, asked, session, facts.is_new(session), facts.now);
        AuthenticationEvent {
            auth_time: session.auth_time,
            amr: session.amr.clone(),
            acr: class.map(str::to_owned).or_else(|| session.acr.clone()),
        }
    }

    /// Remembers what the person agreed to; `None` when that is nothing of what was asked for.
    async fn agree(
        &self,
        request: &CheckedRequest,
        session: &Session,
        agreed: &ScopeSet,
    ) -> Result<Option<ScopeSet>, Error> {
        let kept = |scope: &str| scope == "openid" || agreed.contains(scope);
        let scopes: ScopeSet = request.scopes.iter().filter(|scope| kept(scope.as_str())).cloned().collect();
        if scopes.is_empty() && !request.scopes.is_empty() {
            return Ok(None);
        }
        self.ports.remember_consent(&session.user, &request.client.client_id, &scopes, self.now()).await?;
        Ok(Some(scopes))
    }

    /// Gives out a code.
    async fn respond(
        &self,
        request: CheckedRequest,
        session: &Session,
        authentication: AuthenticationEvent,
        scopes: ScopeSet,
    ) -> Result<AuthorizationResponse, Error> {
        let now = self.now();
        let code = self.env.rng.token();
        let grant = Grant {
            id: GrantId::generate(now, &*self.env.rng),
            client: request.client.client_id.clone(),
            user: session.user.clone(),
            session: Some(session.id.clone()),
            scopes,
            created_at: now,
            revoked_at: None,
        };
        let kept = AuthorizationCode {
            hash: code.hash(),
            grant: grant.id.clone(),
            client: grant.client.clone(),
            user: grant.user.clone(),
            session: grant.session.clone(),
            authentication,
            redirect_uri: request.redirect_uri.as_str().to_owned(),
            redirect_uri_was_sent: request.redirect_uri.was_sent(),
            code_challenge: request.code_challenge,
            nonce: request.nonce,
            scopes: grant.scopes.clone(),
            resources: request.resources,
            authorization_details: request.details,
            issued_at: now,
            expires_at: now.plus(self.settings.lifetimes.authorization_code),
        };
        self.ports.store_code(&grant, &kept).await?;
        let issuer = &self.settings.issuer;
        Ok(AuthorizationResponse::code(request.redirect_uri, request.state, issuer, code.expose()))
    }

    /// Sends an error back where somebody may be trusted with it; else it is for this browser's eyes.
    fn refuse(&self, refused: Refused) -> Result<AuthorizationResponse, Error> {
        match refused {
            Refused::Back(to, state, error) if !error.is_ours() => {
                Ok(AuthorizationResponse::refusal(to, state, &self.settings.issuer, &error))
            }
            Refused::Here(error) | Refused::Back(_, _, error) => Err(error),
        }
    }

    async fn consented(
        &self,
        request: &CheckedRequest,
        session: Option<&Session>,
    ) -> Result<ScopeSet, Error> {
        match session {
            Some(session) if !request.client.first_party => {
                Ok(self.ports.consent(&session.user, &request.client.client_id).await?)
            }
            Some(_) | None => Ok(ScopeSet::empty()),
        }
    }

    /// Lets a request wait for its person.
    async fn wait(
        &self,
        parameters: &Parameters<'_>,
        session: Option<&Session>,
        browser: &TokenHash,
    ) -> Result<SecretString, Error> {
        let name = self.env.rng.token();
        let now = self.now();
        let mut kept = parameters.to_pairs();
        kept.retain(|(name, _)| KEPT.contains(&name.as_str()));
        let interaction = Interaction {
            hash: name.hash(),
            browser: *browser,
            parameters: kept,
            session: session.map(|session| session.id.clone()),
            created_at: now,
            expires_at: now.plus(self.settings.lifetimes.interaction),
        };
        self.ports.keep_interaction(&interaction).await?;
        Ok(name)
    }

    /// The request that waits under this name, if it is this browser's (RFC 9700 §4.7: nobody finishes what another
    /// began).
    async fn waiting(&self, interaction: &str, browser: &TokenHash) -> Result<Interaction, Error> {
        let hash = TokenHash::of(interaction.as_bytes());
        let waiting = self.ports.interaction(&hash, self.now()).await?;
        waiting.filter(|waiting| waiting.browser.ct_eq(browser)).ok_or(Error::UnknownInteraction)
    }

    /// Takes a waiting request, once.
    async fn take(&self, waiting: &Interaction) -> Result<(), Error> {
        let taken = self.ports.consume_interaction(&waiting.hash, self.now()).await?;
        taken.map(drop).ok_or(Error::UnknownInteraction)
    }
}

impl CheckedRequest {
    fn refused(self, error: Error) -> Refused {
        Refused::Back(self.redirect_uri, self.state, error)
    }

    fn sign_in_page(self, interaction: SecretString) -> Step {
        Step::SignIn(SignInRequest { interaction, client: self.client, login_hint: self.login_hint })
    }

    fn consent_page(self, interaction: SecretString, consented: &ScopeSet, settings: &Settings) -> Step {
        let types = &settings.authorization_details_types;
        let details = self.details.iter().filter_map(|detail| {
            let known = types.get(detail.get("type")?.as_str()?)?;
            Some(DetailRequest { words: known.describe(detail), fields: known.every_field(detail) })
        });
        Step::Consent(ConsentRequest {
            interaction,
            details: details.collect(),
            granted: consented.intersection(&self.scopes),
            scopes: self.scopes,
            client: self.client,
            redirect_uri: self.redirect_uri,
        })
    }
}

fn kept(waiting: &Interaction) -> Parameters<'_> {
    Parameters::new(waiting.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}
