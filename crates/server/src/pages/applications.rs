//! The pages about applications: those a person let do something, and those they registered.

use askama::Template;
use countersign_model::ScopeSet;

use super::{Backing, Frame, Moment, Notice, ScopeLine};

/// What a person let applications do.
#[derive(Template)]
#[template(path = "authorizations.html")]
pub(crate) struct AuthorizationsPage<'a> {
    pub(crate) frame: &'a Frame,
    /// Whether one was withdrawn a moment ago.
    pub(crate) withdrawn: bool,
    pub(crate) authorizations: Vec<AuthorizationLine>,
}

/// One of them.
pub(crate) struct AuthorizationLine {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) since: Moment,
    /// How many permissions it has.
    pub(crate) scopes: usize,
}

/// What a person let one application do.
#[derive(Template)]
#[template(path = "authorization.html")]
pub(crate) struct AuthorizationPage<'a> {
    pub(crate) frame: &'a Frame,
    pub(crate) client: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) backing: Backing,
    pub(crate) since: Moment,
    /// When it last fetched a token.
    pub(crate) used: Option<Moment>,
    pub(crate) scopes: Vec<ScopeLine>,
    pub(crate) csrf: &'a str,
}

/// The applications a person registered.
#[derive(Template)]
#[template(path = "applications.html")]
pub(crate) struct ApplicationsPage<'a> {
    pub(crate) frame: &'a Frame,
    /// Whether one was deleted a moment ago.
    pub(crate) deleted: bool,
    /// Whether there may be no more.
    pub(crate) is_full: bool,
    pub(crate) most: u32,
    pub(crate) applications: Vec<ApplicationLine>,
}

/// One of them.
pub(crate) struct ApplicationLine {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) created: Moment,
    pub(crate) enabled: bool,
}

/// The form of a new application.
#[derive(Template)]
#[template(path = "application_new.html")]
pub(crate) struct ApplicationFormPage<'a> {
    pub(crate) frame: &'a Frame,
    pub(crate) draft: &'a ApplicationDraft,
    pub(crate) scopes: Vec<ScopeLine>,
    /// Whether the device flow is offered.
    pub(crate) may_device: bool,
    pub(crate) problem: Option<Notice>,
    pub(crate) csrf: &'a str,
}

/// One application, for whoever registered it.
#[derive(Template)]
#[template(path = "application.html")]
pub(crate) struct ApplicationPage<'a> {
    pub(crate) frame: &'a Frame,
    pub(crate) client: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) address: &'a str,
    pub(crate) logo: Option<&'a str>,
    pub(crate) enabled: bool,
    pub(crate) created: Moment,
    /// How many secrets work.
    pub(crate) secrets: usize,
    pub(crate) has_secret: bool,
    pub(crate) authorize: &'a str,
    pub(crate) token: &'a str,
    pub(crate) draft: &'a ApplicationDraft,
    pub(crate) scopes: Vec<ScopeLine>,
    /// Whether the device flow is offered.
    pub(crate) may_device: bool,
    pub(crate) done: Option<Notice>,
    pub(crate) problem: Option<Notice>,
    pub(crate) csrf: &'a str,
}

/// What was made, and its secret: the one time it is seen.
#[derive(Template)]
#[template(path = "application_secret.html")]
pub(crate) struct ApplicationSecretPage<'a> {
    pub(crate) frame: &'a Frame,
    pub(crate) is_new: bool,
    pub(crate) client: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) secret: Option<&'a str>,
    pub(crate) address: &'a str,
    /// Whether an older secret works as well.
    pub(crate) others: bool,
}

/// The question before a new secret.
#[derive(Template)]
#[template(path = "application_new_secret.html")]
pub(crate) struct ApplicationNewSecretPage<'a> {
    pub(crate) frame: &'a Frame,
    pub(crate) client: &'a str,
    pub(crate) address: &'a str,
    /// Whether there is an older secret to end.
    pub(crate) others: bool,
    pub(crate) csrf: &'a str,
}

/// The question before the end.
#[derive(Template)]
#[template(path = "application_delete.html")]
pub(crate) struct ApplicationDeletePage<'a> {
    pub(crate) frame: &'a Frame,
    pub(crate) client: &'a str,
    pub(crate) address: &'a str,
    pub(crate) csrf: &'a str,
}

/// What a form says of an application: not checked, so that it can be shown again as it was typed.
pub(crate) struct ApplicationDraft {
    pub(crate) name: String,
    pub(crate) client_uri: String,
    pub(crate) logo_uri: String,
    pub(crate) redirect_uris: String,
    pub(crate) authentication: String,
    pub(crate) device: bool,
    pub(crate) scopes: ScopeSet,
}

impl ApplicationDraft {
    /// Whether this is how it proves who it is.
    pub(crate) fn proves_by(&self, method: &str) -> bool {
        self.authentication == method
    }
}
