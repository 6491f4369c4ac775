//! The endpoint itself: check, decide, and either wait for a person or answer.

use countersign_model::{GrantId, ScopeSet, SecretString, Session, TokenHash};

use super::decide::{Facts, Next, decide};
use super::request::{Settled, settle, waited};
use super::{
    AuthorizationResponse, CheckedRequest, ConsentRequest, DetailRequest, Refused, Reply, SignInRequest,
    Step, Wanted, checks,
};
use crate::acr::class_of;
use crate::ports::{AuthenticationEvent, AuthorizationCode, Basis, Grant, Interaction, Ports};
use crate::profile::Rules;
use crate::token::{FrontChannel, text};
use crate::userinfo::ScopeClaims;
use crate::{Consent, Engine, Error, Parameters, Settings};

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
        let settled = settle(self, parameters).await?;
        let request = match checks(self, &settled) {
            Ok(request) => request,
            Err(refused) => return self.refuse(refused).await.map(Step::Respond),
        };
        let consented = self.consented(&request, session).await?;
        let now = self.now();
        let classes = &self.settings.acr_classes;
        let consented = consented.as_ref();
        let facts = Facts { session, consented, waiting: None, agreed_now: false, classes, now };
        match decide(&request, facts) {
            Next::Respond(session) => {
                let scopes = request.settled_by(consented);
                let signed_in = self.authentication(&request, facts, session);
                self.respond(request, session, signed_in, scopes).await.map(Step::Respond)
            }
            Next::Refuse(error) => self.refuse(request.refused(error)).await.map(Step::Respond),
            Next::SignIn => Ok(request.sign_in_page(self.wait(&settled, session, browser).await?)),
            Next::Consent => {
                let interaction = self.wait(&settled, session, browser).await?;
                Ok(request.consent_page(interaction, consented, &self.settings))
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

    /// The person agreed to these scopes: all that were asked for, or all but some that can be left out. `openid` never
    /// is: it is the question itself. Whoever leaves out more is asked again.
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
        let settled = waited(self, &waiting).await?;
        self.take(&waiting).await?;
        match checks(self, &settled) {
            Ok(request) => self.refuse(request.refused(Error::AccessDenied)).await,
            Err(refused) => self.refuse(refused).await,
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
        let settled = waited(self, waiting).await?;
        let request = match checks(self, &settled) {
            Ok(request) => request,
            Err(refused) => {
                self.take(waiting).await?;
                return self.refuse(refused).await.map(Step::Respond);
            }
        };
        let consented = self.consented(&request, session).await?;
        let answer =
            agreed.and_then(|agreed| Consent::answer(&request.reply.client, &request.wanted.scopes, agreed));
        let consented = consented.as_ref();
        let facts = Facts {
            session,
            consented,
            waiting: Some(waiting),
            agreed_now: answer.is_some(),
            classes: &self.settings.acr_classes,
            now: self.now(),
        };
        match decide(&request, facts) {
            Next::SignIn => Ok(request.sign_in_page(SecretString::from(interaction))),
            Next::Consent => {
                Ok(request.consent_page(SecretString::from(interaction), consented, &self.settings))
            }
            Next::Refuse(error) => {
                self.take(waiting).await?;
                self.refuse(request.refused(error)).await.map(Step::Respond)
            }
            Next::Respond(session) => {
                // Whoever takes it answers; a second click or a second tab finds nothing.
                self.take(waiting).await?;
                let scopes = match answer {
                    None => request.settled_by(consented),
                    // Nothing is left of what was asked for.
                    Some(answer) if answer.granted.is_empty() && !request.wanted.scopes.is_empty() => {
                        return self.refuse(request.refused(Error::AccessDenied)).await.map(Step::Respond);
                    }
                    Some(answer) => {
                        let client = &request.reply.client.client_id;
                        self.ports.remember_consent(&session.user, client, &answer, self.now()).await?;
                        answer.granted
                    }
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
        let asked = &request.wanted.step_up.acr_values;
        let class = class_of(&self.settings.acr_classes, asked, session, facts.is_new(session), facts.now);
        AuthenticationEvent {
            auth_time: session.auth_time,
            amr: session.amr.clone(),
            acr: class.map(str::to_owned).or_else(|| session.acr.clone()),
        }
    }

    /// Gives out what was asked for: a code, an ID token, both, or no more than the news that the person agreed.
    async fn respond(
        &self,
        request: CheckedRequest,
        session: &Session,
        authentication: AuthenticationEvent,
        scopes: ScopeSet,
    ) -> Result<AuthorizationResponse, Error> {
        self.spend(&request.reply).await?;
        let CheckedRequest { reply, wanted } = request;
        let (response_type, nonce) = (wanted.response_type, wanted.nonce.clone());
        let mut parameters = Vec::with_capacity(4);
        // OpenID Connect Core §5.4: where no access token is given, the ID token tells what userinfo would.
        let tells = response_type.gives_id_token() && !response_type.gives_code();
        let person = if tells { self.ports.user(&session.user).await? } else { None };
        let told = person.as_ref().map(|person| ScopeClaims::of(person, &scopes)).unwrap_or_default();
        if response_type.gives_code() {
            let Some(code) = self.give_code(&reply, wanted, (session, &authentication), scopes).await? else {
                // Signed out, taken back or removed since it was looked at: as if that had come first.
                return self.refuse(Refused::Back(Box::new(reply), Error::AccessDenied)).await;
            };
            parameters.push(("code", code.expose().clone()));
        }
        if response_type.gives_id_token() {
            let code = parameters.first().map(|(_, code)| code.as_str());
            let order = FrontChannel {
                client: &reply.client,
                session,
                authentication: &authentication,
                nonce: nonce.as_deref(),
                code,
                state: reply.state.as_deref(),
                told,
            };
            parameters.push(("id_token", self.front_channel_id_token(&order)?));
        }
        self.answer(reply, parameters).await
    }

    /// Keeps a grant and a code for it; `None` when what the grant rests on is no more.
    async fn give_code(
        &self,
        reply: &Reply,
        wanted: Wanted,
        (session, authentication): (&Session, &AuthenticationEvent),
        scopes: ScopeSet,
    ) -> Result<Option<SecretString>, Error> {
        let now = self.now();
        let code = text::code(now, &*self.env.rng);
        let grant = Grant {
            id: GrantId::generate(now, &*self.env.rng),
            client: reply.client.client_id.clone(),
            user: session.user.clone(),
            session: Some(session.id.clone()),
            scopes,
            created_at: now,
            revoked_at: None,
        };
        // A profile may want codes to be gone sooner.
        let longest = Rules::of(reply.client.profile).authorization_code;
        let kept = AuthorizationCode {
            hash: text::code_hash(code.expose()),
            grant: grant.id.clone(),
            client: grant.client.clone(),
            user: grant.user.clone(),
            session: grant.session.clone(),
            authentication: authentication.clone(),
            redirect_uri: reply.redirect_uri.as_str().to_owned(),
            redirect_uri_was_sent: reply.redirect_uri.was_sent(),
            code_challenge: wanted.code_challenge,
            dpop_jkt: wanted.dpop_jkt,
            nonce: wanted.nonce,
            scopes: grant.scopes.clone(),
            resources: wanted.resources,
            authorization_details: wanted.details,
            issued_at: now,
            expires_at: now.plus(self.settings.lifetimes.authorization_code.min(longest)),
        };
        let basis = if Rules::vouches(&reply.client) { Basis::Session } else { Basis::Consent };
        Ok(self.ports.store_code(&grant, basis, &kept).await?.then_some(code))
    }

    async fn consented(
        &self,
        request: &CheckedRequest,
        session: Option<&Session>,
    ) -> Result<Option<Consent>, Error> {
        match session {
            Some(session) if !Rules::vouches(&request.reply.client) => {
                Ok(self.ports.consent(&session.user, &request.reply.client.client_id).await?)
            }
            Some(_) | None => Ok(None),
        }
    }

    /// Lets a request wait for its person.
    async fn wait(
        &self,
        settled: &Settled<'_>,
        session: Option<&Session>,
        browser: &TokenHash,
    ) -> Result<SecretString, Error> {
        let name = self.env.rng.token();
        let now = self.now();
        let interaction = Interaction {
            hash: name.hash(),
            browser: *browser,
            parameters: settled.kept(),
            origin: settled.origin.clone(),
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
        Refused::Back(Box::new(self.reply), error)
    }

    /// What the client gets without a question: all that it asks for where the operator vouches for it, else what the
    /// person answered earlier.
    fn settled_by(&self, consented: Option<&Consent>) -> ScopeSet {
        let asked = &self.wanted.scopes;
        if Rules::vouches(&self.reply.client) {
            return asked.clone();
        }
        consented.and_then(|consented| consented.settles(&self.reply.client, asked)).unwrap_or_default()
    }

    fn sign_in_page(self, interaction: SecretString) -> Step {
        Step::SignIn(SignInRequest {
            interaction,
            client: self.reply.client,
            login_hint: self.wanted.login_hint,
        })
    }

    fn consent_page(
        self,
        interaction: SecretString,
        consented: Option<&Consent>,
        settings: &Settings,
    ) -> Step {
        let earlier = consented.cloned().unwrap_or_default();
        let types = &settings.authorization_details_types;
        let details = self.wanted.details.iter().filter_map(|detail| {
            let known = types.get(detail.get("type")?.as_str()?)?;
            Some(DetailRequest { words: known.describe(detail), fields: known.every_field(detail) })
        });
        let optional = self.reply.client.optional_scopes.of(&self.wanted.scopes);
        Step::Consent(ConsentRequest {
            interaction,
            details: details.collect(),
            granted: earlier.granted.intersection(&self.wanted.scopes),
            left_out: optional.intersection(&earlier.declined),
            optional,
            scopes: self.wanted.scopes,
            client: self.reply.client,
            redirect_uri: self.reply.redirect_uri,
        })
    }
}
