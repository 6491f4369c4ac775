//! What every handler shares.

use std::fmt::Display;
use std::sync::Arc;

use axum::http::HeaderMap;
use countersign_access::{Access, Rule};
use countersign_ca::Authority;
use countersign_model::{Env, Session, User};
use countersign_oauth::Engine;
use countersign_oauth::ports::People as _;
use countersign_passwords::Hasher;
use countersign_store::Store;

use crate::cookies::{Cookie, Cookies};
use crate::document::Document;
use crate::failure::Failure;
use crate::last_crl::LastCrl;
use crate::last_jwks::LastJwks;
use crate::onward::Onward;
use crate::pages::Frame;
use crate::rate_limits::RateLimiter;
use crate::readiness::Readiness;
use crate::settings::ServerSettings;
use crate::throttle::{AddressPace, Throttle};

/// What the server works with; made by the binary.
pub struct Services {
    /// The authorization server's engine, over the store.
    pub engine: Engine<Store>,
    /// Checks calls of our own protected endpoints.
    pub access: Arc<Access>,
    /// Compares passwords.
    pub hasher: Arc<Hasher>,
    /// Time and randomness.
    pub env: Env,
    /// The certificate authority, when there is one.
    pub authority: Option<Arc<Authority<Store>>>,
    /// What must work for `/readyz`.
    pub readiness: Readiness,
}

/// What every handler shares. Cheap to clone.
#[derive(Clone)]
pub struct AppState(pub(crate) Arc<Inner>);

/// Made by [`AppState::new`].
pub(crate) struct Inner {
    pub(crate) settings: ServerSettings,
    pub(crate) services: Services,
    pub(crate) frame: Frame,
    pub(crate) cookies: Cookies,
    pub(crate) origin: String,
    pub(crate) throttle: Throttle,
    pub(crate) code_throttle: Throttle,
    pub(crate) last_crl: LastCrl,
    pub(crate) last_jwks: LastJwks,
    pub(crate) metadata: Document,
    pub(crate) registrations: AddressPace,
    pub(crate) rates: RateLimiter,
    pub(crate) openapi: Document,
    pub(crate) userinfo_rule: Rule,
    pub(crate) approvals_rule: Rule,
    pub(crate) github_user_rule: Rule,
}

impl AppState {
    pub(crate) fn settings(&self) -> &ServerSettings {
        &self.0.settings
    }

    pub(crate) fn frame(&self) -> &Frame {
        &self.0.frame
    }

    pub(crate) fn cookies(&self) -> Cookies {
        self.0.cookies
    }

    /// Where our pages are.
    pub(crate) fn origin(&self) -> &str {
        &self.0.origin
    }

    pub(crate) fn env(&self) -> &Env {
        &self.0.services.env
    }

    pub(crate) fn engine(&self) -> &Engine<Store> {
        &self.0.services.engine
    }

    pub(crate) fn access(&self) -> &Access {
        &self.0.services.access
    }

    pub(crate) fn store(&self) -> &Store {
        self.0.services.engine.ports()
    }

    pub(crate) fn approvals_rule(&self) -> &Rule {
        &self.0.approvals_rule
    }

    pub(crate) fn github_user_rule(&self) -> &Rule {
        &self.0.github_user_rule
    }

    pub(crate) fn userinfo_rule(&self) -> &Rule {
        &self.0.userinfo_rule
    }

    pub(crate) fn metadata(&self) -> &Document {
        &self.0.metadata
    }

    pub(crate) fn openapi(&self) -> &Document {
        &self.0.openapi
    }

    /// How often one address may register a client.
    pub(crate) fn registrations(&self) -> &AddressPace {
        &self.0.registrations
    }

    /// How often clients may call.
    pub(crate) fn rates(&self) -> &RateLimiter {
        &self.0.rates
    }

    pub(crate) fn last_jwks(&self) -> &LastJwks {
        &self.0.last_jwks
    }

    pub(crate) fn hasher(&self) -> &Hasher {
        &self.0.services.hasher
    }

    pub(crate) fn authority(&self) -> Option<&Authority<Store>> {
        self.0.services.authority.as_deref()
    }

    pub(crate) fn readiness(&self) -> &Readiness {
        &self.0.services.readiness
    }

    pub(crate) fn throttle(&self) -> &Throttle {
        &self.0.throttle
    }

    /// Against guessing user codes.
    pub(crate) fn code_throttle(&self) -> &Throttle {
        &self.0.code_throttle
    }

    pub(crate) fn last_crl(&self) -> &LastCrl {
        &self.0.last_crl
    }

    /// One of our own paths, below the issuer's.
    pub(crate) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.0.frame.base)
    }

    /// The live session of this browser.
    pub(crate) async fn session(&self, headers: &HeaderMap) -> Result<Option<Session>, Failure> {
        let Some(secret) = self.cookies().read(headers, Cookie::Session) else { return Ok(None) };
        Ok(self.engine().session(&secret).await?)
    }

    /// The live session of this browser and whose it is.
    pub(crate) async fn signed_in(&self, headers: &HeaderMap) -> Result<Option<SignedIn>, Failure> {
        let Some(session) = self.session(headers).await? else { return Ok(None) };
        let user = self.store().user(&session.user).await?.filter(User::is_enabled);
        Ok(user.map(|user| SignedIn { session, user }))
    }

    /// Whose session this browser has; whoever has none signs in first, and goes on to this page.
    pub(crate) async fn person(&self, headers: &HeaderMap, onward: Onward) -> Result<SignedIn, Failure> {
        self.signed_in(headers).await?.ok_or(Failure::SignInFirst(onward))
    }
}

/// A person and their session.
pub(crate) struct SignedIn {
    pub(crate) session: Session,
    pub(crate) user: User,
}

impl SignedIn {
    /// How pages call them.
    pub(crate) fn name(&self) -> &str {
        self.user.display_name.as_deref().unwrap_or(self.user.username.as_str())
    }

    /// What a form is about that they were shown in this session.
    pub(crate) fn about(&self, thing: impl Display) -> String {
        format!("{thing} {}", self.session.id)
    }
}
