//! What comes to a page of ours: its query, and its form with the proof of where it came from.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::HeaderMap;
use axum::http::request::Parts;

use crate::body::read_form;
use crate::browser::{Browser, Form, is_same_origin};
use crate::failure::Failure;
use crate::onward::Onward;
use crate::params::{Params, query_text};
use crate::state::{AppState, SignedIn};

/// The query of a page, in which nothing comes twice.
pub(crate) struct PageQuery(pub(crate) Params<'static>);

impl<S: Sync> FromRequestParts<S> for PageQuery {
    type Rejection = Failure;

    async fn from_request_parts(head: &mut Parts, _: &S) -> Result<Self, Failure> {
        Ok(Self(Params::parse(query_text(head.uri.query())?)?.into_owned()))
    }
}

/// The form of a page, in which nothing comes twice. Anybody may have sent it, until [`PageForm::check`] has said from
/// which page it came.
pub(crate) struct PageForm {
    headers: HeaderMap,
    params: Params<'static>,
}

impl<S: Sync> FromRequest<S> for PageForm {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let (head, body) = request.into_parts();
        let body = read_form(&head.headers, body).await?;
        Ok(Self { params: Params::parse(&body)?.into_owned(), headers: head.headers })
    }
}

impl PageForm {
    /// The request's headers.
    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// All of its fields.
    pub(crate) fn params(&self) -> &Params<'static> {
        &self.params
    }

    /// The value of a field that has one.
    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        self.params.one(name)
    }

    /// Who sent it, by their session.
    pub(crate) async fn person(&self, state: &AppState, onward: Onward) -> Result<SignedIn, Failure> {
        state.person(&self.headers, onward).await
    }

    /// Whether it was sent from a page that this browser was given, and by which browser.
    pub(crate) fn check(&self, state: &AppState, kind: Form, about: &str) -> Result<Browser, Failure> {
        if !is_same_origin(&self.headers, state.origin()) {
            return Err(Failure::Forged);
        }
        let browser = Browser::known(state.cookies(), &self.headers).ok_or(Failure::Forged)?;
        let token = self.one("csrf").unwrap_or_default();
        if browser.accepts(kind, about, token) { Ok(browser) } else { Err(Failure::Forged) }
    }
}
