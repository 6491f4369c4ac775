//! What every handler shares.

use std::sync::Arc;

use axum::http::HeaderMap;
use countersign_ca::Authority;
use countersign_model::{Env, Session, User};
use countersign_oauth::ports::People as _;
use countersign_passwords::Hasher;
use countersign_store::Store;
use url::Url;

use crate::browser::{Browser, Form, is_same_origin};
use crate::cookies::{Cookie, Cookies};
use crate::endpoints::crl::LastCrl;
use crate::endpoints::health::Readiness;
use crate::failure::Failure;
use crate::pages::Frame;
use crate::params::Params;
use crate::settings::ServerSettings;
use crate::throttle::Throttle;

/// What the server works with; made by the binary.
pub struct Services {
    /// Where everything is kept.
    pub store: Store,
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
pub struct AppState(Arc<Inner>);

struct Inner {
    settings: ServerSettings,
    services: Services,
    frame: Frame,
    cookies: Cookies,
    origin: String,
    throttle: Throttle,
    last_crl: LastCrl,
}

/// The issuer is no URL that a server can have.
#[derive(Debug, thiserror::Error)]
#[error("{issuer:?} is no issuer: it must be an http or https URL with a host and without query and fragment")]
pub struct InvalidIssuer {
    issuer: String,
}

impl AppState {
    /// Puts everything together.
    ///
    /// # Errors
    /// [`InvalidIssuer`] (RFC 8414 §2).
    pub fn new(settings: ServerSettings, services: Services) -> Result<Self, InvalidIssuer> {
        let invalid = || InvalidIssuer { issuer: settings.issuer.clone() };
        let url = Url::parse(&settings.issuer).map_err(|_| invalid())?;
        let fits = matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.fragment().is_none();
        let host = url.host_str().filter(|_| fits).ok_or_else(invalid)?;
        let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let base = url.path().trim_end_matches('/');
        Ok(Self(Arc::new(Inner {
            frame: Frame::new(base, &host),
            cookies: Cookies::new(url.scheme() == "https"),
            origin: url.origin().ascii_serialization(),
            throttle: Throttle::new(),
            last_crl: LastCrl::default(),
            settings,
            services,
        })))
    }

    pub(crate) fn settings(&self) -> &ServerSettings {
        &self.0.settings
    }

    pub(crate) fn frame(&self) -> &Frame {
        &self.0.frame
    }

    pub(crate) fn cookies(&self) -> Cookies {
        self.0.cookies
    }

    pub(crate) fn env(&self) -> &Env {
        &self.0.services.env
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.services.store
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
        Ok(self.store().session(&secret.hash(), self.env().now()).await?)
    }

    /// The live session of this browser and whose it is.
    pub(crate) async fn signed_in(&self, headers: &HeaderMap) -> Result<Option<SignedIn>, Failure> {
        let Some(session) = self.session(headers).await? else { return Ok(None) };
        let user = self.store().user(&session.user).await?.filter(User::is_enabled);
        Ok(user.map(|user| SignedIn { session, user }))
    }

    /// Whether a form was sent from a page that this browser was given, and by which browser.
    pub(crate) fn check_form(
        &self,
        headers: &HeaderMap,
        form: &Params<'_>,
        kind: Form,
        about: &str,
    ) -> Result<Browser, Failure> {
        if !is_same_origin(headers, &self.0.origin) {
            return Err(Failure::Forged);
        }
        let browser = Browser::known(self.cookies(), headers).ok_or(Failure::Forged)?;
        let token = form.one("csrf").unwrap_or_default();
        if browser.accepts(kind, about, token) { Ok(browser) } else { Err(Failure::Forged) }
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
}
