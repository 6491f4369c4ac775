//! Why a page can't be shown, and what says so instead.

use axum::body::Body;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use countersign_oauth::Error;
use countersign_oauth::ports::Unavailable;

use crate::body::BadForm;
use crate::onward::Onward;
use crate::pages::{Destinations, ErrorPage, Frame, page, see_other};
use crate::params::Malformed;
use crate::rate_limits::TooMany;
use crate::wait::{COME_BACK, seconds};

/// Why a page can't be shown.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// The form or the query is none.
    BadForm(BadForm),
    /// The page is for somebody who is signed in: they sign in, and go on to it.
    SignInFirst(Onward),
    /// The form doesn't come from a page that this browser was given (or its cookie is gone).
    Forged,
    /// The waiting request is unknown, was answered, has expired, or is another browser's.
    Expired,
    /// The authorization request can't be answered to its client (RFC 6749 §4.1.2.1: never redirect then).
    BadRequest { code: &'static str, detail: String },
    /// Too many requests from this address (RFC 6585 §4).
    TooMany(TooMany),
    /// What the form is about was changed after the page was loaded (RFC 9110 §15.5.10).
    ChangedMeanwhile,
    /// The person has as many applications as one may (RFC 9110 §15.5.10).
    TooManyApplications,
    /// Nothing is at this address.
    NotFound,
    /// Not with this method.
    MethodNotAllowed,
    /// The store can't answer now; logged where it was found.
    Unavailable,
    /// Our own fault; logged where it was found.
    Internal,
}

/// What the page says.
struct Words {
    status: StatusCode,
    title: &'static str,
    text: &'static str,
    advice: Option<&'static str>,
}

impl Failure {
    fn words(&self) -> Words {
        let words = |status, title, text, advice| Words { status, title, text, advice };
        match self {
            Self::BadForm(BadForm::TooLarge) => words(
                StatusCode::PAYLOAD_TOO_LARGE,
                "That is too much",
                "What was sent is larger than this page takes.",
                None,
            ),
            Self::BadForm(
                BadForm::WrongType | BadForm::Incomplete | BadForm::InQuery | BadForm::Malformed(_),
            ) => words(
                StatusCode::BAD_REQUEST,
                "This request can't be read",
                "What was sent to this address is not what it takes.",
                Some("Go back to where you came from and try again."),
            ),
            Self::SignInFirst(_) => words(
                StatusCode::SEE_OTHER,
                "Sign in first",
                "This page is for people who are signed in.",
                None,
            ),
            Self::Forged => words(
                StatusCode::FORBIDDEN,
                "This form is out of date",
                "It was not sent from a page that this browser got from us, or the page is too old.",
                Some(
                    "Go back, load the page again and send it once more. Cookies must be allowed for this site.",
                ),
            ),
            Self::Expired => words(
                StatusCode::BAD_REQUEST,
                "This page has expired",
                "The request that was waiting here has been answered, took too long, or was begun in another browser.",
                Some("Go back to the application and start again."),
            ),
            Self::BadRequest { .. } => words(
                StatusCode::BAD_REQUEST,
                "This link does not work",
                "The application that sent you here asked for something that can't be done.",
                Some(
                    "Go back to it and start again. If it happens again, tell the people who run the application.",
                ),
            ),
            Self::TooMany(_) => words(
                StatusCode::TOO_MANY_REQUESTS,
                "Please wait a moment",
                "There were too many requests from your network.",
                Some("Load this page again in a minute."),
            ),
            Self::ChangedMeanwhile => words(
                StatusCode::CONFLICT,
                "It was changed meanwhile",
                "Somebody changed it after this page was loaded, in another tab or as the operator. Nothing was done.",
                Some("Go back, load the page again and look at what it says now."),
            ),
            Self::TooManyApplications => words(
                StatusCode::CONFLICT,
                "You have enough applications",
                "You have as many applications as one person may.",
                Some("Delete one first."),
            ),
            Self::NotFound => {
                words(StatusCode::NOT_FOUND, "There is nothing here", "No page has this address.", None)
            }
            Self::MethodNotAllowed => words(
                StatusCode::METHOD_NOT_ALLOWED,
                "That can't be done here",
                "This address doesn't take requests of this kind.",
                None,
            ),
            Self::Unavailable => words(
                StatusCode::SERVICE_UNAVAILABLE,
                "Not available just now",
                "This service can't answer at the moment. It is our fault, not yours, and has been written down.",
                Some("Try again in a minute. If you report it, give the request number below."),
            ),
            Self::Internal => words(
                StatusCode::INTERNAL_SERVER_ERROR,
                "Something went wrong",
                "It is our fault, not yours, and has been written down.",
                Some("Try again in a minute. If you report it, give the request number below."),
            ),
        }
    }

    fn code_and_detail(&self) -> (Option<&'static str>, Option<String>) {
        match self {
            Self::BadRequest { code, detail } => (Some(code), Some(detail.clone())),
            Self::BadForm(bad) => (Some("invalid_request"), Some(bad.to_string())),
            Self::SignInFirst(_)
            | Self::Forged
            | Self::Expired
            | Self::TooMany(_)
            | Self::ChangedMeanwhile
            | Self::TooManyApplications
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::Unavailable
            | Self::Internal => (None, None),
        }
    }

    /// Its page.
    pub(crate) fn page(&self, frame: &Frame, request_id: &str) -> Response {
        if let Self::SignInFirst(onward) = self {
            return see_other(&format!("{}{}", frame.base, onward.sign_in()));
        }
        let words = self.words();
        let (code, detail) = self.code_and_detail();
        let template = ErrorPage {
            frame,
            title: words.title,
            text: words.text,
            advice: words.advice,
            code,
            detail: detail.as_deref(),
            request_id,
        };
        page(words.status, &template, &Destinations::own())
    }
}

impl From<BadForm> for Failure {
    fn from(bad: BadForm) -> Self {
        Self::BadForm(bad)
    }
}

impl From<TooMany> for Failure {
    fn from(too_many: TooMany) -> Self {
        Self::TooMany(too_many)
    }
}

impl From<Malformed> for Failure {
    fn from(malformed: Malformed) -> Self {
        Self::BadForm(BadForm::Malformed(malformed))
    }
}

impl From<Unavailable> for Failure {
    fn from(unavailable: Unavailable) -> Self {
        Self::from(Error::from(unavailable))
    }
}

/// What the engine refuses and must be told to the person (RFC 6749 §4.1.2.1).
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        if error.is_ours() {
            tracing::error!(error = &error as &dyn std::error::Error, "a page could not be made");
            return if matches!(error, Error::Unavailable(_)) { Self::Unavailable } else { Self::Internal };
        }
        match error {
            Error::UnknownInteraction | Error::UnknownUserCode | Error::UnknownApproval => Self::Expired,
            other => Self::BadRequest { code: other.code(), detail: other.description() },
        }
    }
}

impl IntoResponse for Failure {
    /// The status alone; the layer of pages adds the page.
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.words().status;
        let retry_after = match &self {
            Self::TooMany(TooMany { wait, .. }) => Some(HeaderValue::from(seconds(*wait).max(1))),
            Self::Unavailable => Some(HeaderValue::from_static(COME_BACK)),
            Self::BadForm(_)
            | Self::SignInFirst(_)
            | Self::Forged
            | Self::Expired
            | Self::BadRequest { .. }
            | Self::ChangedMeanwhile
            | Self::TooManyApplications
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::Internal => None,
        };
        if let Some(retry_after) = retry_after {
            response.headers_mut().insert(RETRY_AFTER, retry_after);
        }
        response.extensions_mut().insert(self);
        response
    }
}
