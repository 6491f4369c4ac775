//! The pages on which a person connects a device (RFC 8628 §3.3): the code, the question, the answer.
//!
//! Only somebody who is signed in may try codes, so many at a time and an account (RFC 8628 §5.1). An address with the
//! code in it fills the field and does nothing else (§3.3.1, §5.4): the person still says that the device is theirs,
//! and still is asked.

use std::net::IpAddr;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use countersign_model::ScopeSet;
use countersign_oauth::{DeviceRequest, Error, UserCode};

use crate::backing::backing;
use crate::browser::{Browser, Form};
use crate::client_address::ClientAddress;
use crate::failure::Failure;
use crate::onward::Onward;
use crate::page_form::{PageForm, PageQuery};
use crate::pages::{
    Destinations, DeviceConfirmPage, DeviceDonePage, DevicePage, Moment, Notice, page, see_other,
};
use crate::scope_boxes::{agreed, choices};
use crate::state::{AppState, SignedIn};
use crate::throttle::{Wait, network};
use crate::wait::{in_words, seconds};

/// `GET /device`, with `user_code` when it comes from a QR code.
pub(crate) async fn show(
    State(state): State<AppState>,
    headers: HeaderMap,
    PageQuery(query): PageQuery,
) -> Result<Response, Failure> {
    let code = query.one("user_code").and_then(UserCode::read);
    let signed_in = state.person(&headers, Onward::Device(code)).await?;
    let browser = Browser::known_or_new(state.cookies(), &headers, state.env());
    Ok(CodeForm { state: &state, browser: &browser, signed_in: &signed_in, code }.page(None))
}

/// `POST /device`: a code was typed, or what a QR code filled in was affirmed.
pub(crate) async fn submit(
    State(state): State<AppState>,
    Extension(address): Extension<ClientAddress>,
    form: PageForm,
) -> Result<Response, Failure> {
    let signed_in = form.person(&state, Onward::Device(None)).await?;
    let browser = form.check(&state, Form::Device, signed_in.session.id.as_str())?;
    let mut page = CodeForm { state: &state, browser: &browser, signed_in: &signed_in, code: None };
    let Some(code) = form.one("user_code").and_then(UserCode::read) else {
        return Ok(page.page(Some(Refusal::NoCode)));
    };
    page.code = Some(code);
    // RFC 8628 §5.1: every try is counted before it is made. One that hits is not held against the account, but it
    // clears nothing either: else a code of one's own would buy more guesses at those of others.
    let attempt = match state.code_throttle().begin(signed_in.user.id.as_str(), address.0, state.env().now())
    {
        Ok(attempt) => attempt,
        Err(Wait(wait)) => {
            let (user, address) = (&signed_in.user.id, address.0);
            tracing::warn!(target: "countersign::audit", event = "user_code_delayed", %user, %address, "user code delayed");
            return Ok(page.page(Some(Refusal::TooMany(wait))));
        }
    };
    match state.engine().device_request(code).await {
        Ok(request) => {
            state.code_throttle().withdraw(attempt);
            ask(&page, code, &request, address.0).await
        }
        Err(Error::UnknownUserCode) => {
            let (user, address) = (&signed_in.user.id, address.0);
            tracing::warn!(target: "countersign::audit", event = "user_code_unknown", %user, %address, "unknown user code");
            Ok(page.page(Some(Refusal::Unknown)))
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /device/confirm`
pub(crate) async fn confirm(
    State(state): State<AppState>,
    Extension(address): Extension<ClientAddress>,
    form: PageForm,
) -> Result<Response, Failure> {
    let code = form.one("user_code").and_then(UserCode::read).ok_or(Failure::Expired)?;
    let signed_in = form.person(&state, Onward::Device(Some(code))).await?;
    // Only a browser that was shown this request, in this session, has this token: no code can be guessed here.
    form.check(&state, Form::DeviceDecision, &signed_in.about(code))?;
    let (user, address) = (&signed_in.user.id, address.0);
    match form.one("decision") {
        Some("allow") => {
            let agreed = agreed(form.params())?;
            let client = state.engine().device_allowed(code, &signed_in.session, &agreed).await?;
            let client_id = &client.client_id;
            tracing::info!(target: "countersign::audit", event = "device_allowed", %user, client = %client_id, %address, "device allowed");
            Ok(done(&state, &client.client_name, true))
        }
        Some("deny") => {
            state.engine().device_denied(code).await?;
            tracing::info!(target: "countersign::audit", event = "device_denied", %user, %address, "device denied");
            Ok(done(&state, "", false))
        }
        Some(_) | None => Ok(see_other(&state.path("/device"))),
    }
}

fn done(state: &AppState, client: &str, allowed: bool) -> Response {
    let template = DeviceDonePage { frame: state.frame(), client, allowed };
    page(StatusCode::OK, &template, &Destinations::own())
}

/// The question: who asks, who stands behind that name, from where, for what (RFC 8628 §5.4).
async fn ask(
    form: &CodeForm<'_>,
    code: UserCode,
    request: &DeviceRequest,
    address: IpAddr,
) -> Result<Response, Failure> {
    let CodeForm { state, browser, signed_in, .. } = form;
    let csrf = browser.form_token(Form::DeviceDecision, &signed_in.about(code));
    let optional = request.client.optional_scopes.of(&request.scopes);
    let template = DeviceConfirmPage {
        frame: state.frame(),
        client: &request.client.client_name,
        backing: backing(state, &request.client).await?,
        person: signed_in.name(),
        username: signed_in.user.username.as_str(),
        again: &state.path(&Onward::Device(Some(code)).sign_in()),
        user_code: &code.to_string(),
        address: request.address.map(|address| address.to_string()),
        here: request.address.is_some_and(|asked| network(asked) == network(address)),
        since: Moment::new(request.created_at),
        scopes: choices(state, &request.scopes, &optional, &ScopeSet::empty()),
        scope: &request.scopes.difference(&optional).to_string(),
        csrf: &csrf,
    };
    Ok(page(StatusCode::OK, &template, &Destinations::own()))
}

/// Why the person is asked for a code again.
enum Refusal {
    /// What was typed can't be a code.
    NoCode,
    /// Nothing waits under it.
    Unknown,
    /// Too many wrong tries.
    TooMany(Duration),
}

/// What the page with the field is made of.
struct CodeForm<'a> {
    state: &'a AppState,
    browser: &'a Browser,
    signed_in: &'a SignedIn,
    code: Option<UserCode>,
}

impl CodeForm<'_> {
    fn page(&self, refusal: Option<Refusal>) -> Response {
        let (status, wait) = match &refusal {
            None => (StatusCode::OK, None),
            Some(Refusal::NoCode) => (StatusCode::BAD_REQUEST, None),
            Some(Refusal::Unknown) => (StatusCode::NOT_FOUND, None),
            Some(Refusal::TooMany(wait)) => (StatusCode::TOO_MANY_REQUESTS, Some(*wait)),
        };
        let code = self.code.filter(|_| refusal.is_none());
        let qr = code.map(|code| self.state.path(&format!("/device/qr?user_code={code}")));
        let template = DevicePage {
            frame: self.state.frame(),
            person: self.signed_in.name(),
            username: self.signed_in.user.username.as_str(),
            again: &self.state.path(&Onward::Device(code).sign_in()),
            user_code: &self.code.map_or_else(String::new, |code| code.to_string()),
            csrf: &self.browser.form_token(Form::Device, self.signed_in.session.id.as_str()),
            problem: refusal.map(Refusal::notice),
            qr,
        };
        let mut response = page(status, &template, &Destinations::own());
        if let Some(wait) = wait {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds(wait)));
        }
        self.browser.remembered(self.state.cookies(), response)
    }
}

impl Refusal {
    fn notice(self) -> Notice {
        match self {
            Self::NoCode => Notice {
                title: "That is no code",
                text: "A code has eight letters and no vowels, such as BCDF-GHJK. Check what your device shows.".to_owned(),
            },
            Self::Unknown => Notice {
                title: "That code is not known",
                text: "It may have run out, or one letter may be wrong. Check it, or start again on your device."
                    .to_owned(),
            },
            Self::TooMany(wait) => Notice {
                title: "Please wait a moment",
                text: format!("There were too many wrong codes. Try again in {}.", in_words(wait)),
            },
        }
    }
}
