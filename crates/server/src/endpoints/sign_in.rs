//! Signing in with a password.

use std::net::IpAddr;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use countersign_access::ports::{Account, Accounts as _};
use countersign_model::{PasswordHashText, SecretString, Session, SessionId, Subject, User, UserKind, Username};
use countersign_oauth::ports::People as _;
use countersign_passwords::Verdict;

use crate::body::read_form;
use crate::browser::{Browser, Form};
use crate::client_address::ClientAddress;
use crate::cookies::Cookie;
use crate::failure::Failure;
use crate::pages::{Destinations, Notice, SignInPage, page, see_other};
use crate::params::Params;
use crate::state::AppState;
use crate::throttle::Wait;
use crate::waiting::Waiting;

/// `GET /sign-in`, with `continue` when a client waits.
pub(crate) async fn show(
    State(state): State<AppState>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let query = Params::of_query(query.as_deref())?;
    let browser = Browser::known_or_new(state.cookies(), &headers, state.env());
    let waiting = state.waiting(&browser, query.one("continue")).await?;
    let hint = waiting.as_ref().and_then(|waiting| waiting.parameter("login_hint"));
    let username = hint.filter(|hint| hint.parse::<Username>().is_ok()).unwrap_or_default();
    Ok(SignInForm { state: &state, browser: &browser, waiting: waiting.as_ref(), username }.page(None))
}

/// `POST /sign-in`
pub(crate) async fn submit(
    State(state): State<AppState>,
    Extension(address): Extension<ClientAddress>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let body = read_form(&headers, body).await?;
    let form = Params::parse(&body)?;
    let interaction = form.one("continue");
    let browser = state.check_form(&headers, &form, Form::SignIn, interaction.unwrap_or_default())?;
    let waiting = state.waiting(&browser, interaction).await?;
    let username = form.one("username").unwrap_or_default();
    let password = SecretString::from(form.one("password").unwrap_or_default());

    match authenticate(&state, username, &password, address.0).await? {
        Ok(user) => {
            let next = match &waiting {
                Some(waiting) => state.path(&format!("/consent?continue={}", waiting.id())),
                None => state.path("/account"),
            };
            begin_session(&state, &headers, &user, &next).await
        }
        Err(refusal) => {
            // Echoing is for people's comfort; what is too long to be a name may be a password in the wrong field.
            let username = if username.parse::<Username>().is_ok() { username } else { "" };
            Ok(SignInForm { state: &state, browser: &browser, waiting: waiting.as_ref(), username }.page(Some(refusal)))
        }
    }
}

/// Why somebody was not signed in, as much of it as they may know.
enum Refusal {
    /// A field is empty.
    Incomplete,
    /// The name, the password or the account: which one is nobody's business.
    Wrong,
    /// Too many wrong tries.
    TooMany(Duration),
    /// Too many people sign in at this moment.
    Busy(Duration),
}

/// Compares the password, at equal cost whether the account exists or not.
async fn authenticate(
    state: &AppState,
    username: &str,
    password: &SecretString,
    address: IpAddr,
) -> Result<Result<User, Refusal>, Failure> {
    if username.is_empty() || password.expose().is_empty() {
        return Ok(Err(Refusal::Incomplete));
    }
    let attempt = match state.throttle().begin(username, address, state.env().now()) {
        Ok(attempt) => attempt,
        Err(Wait(wait)) => {
            tracing::warn!(target: "countersign::audit", event = "sign_in_delayed", %address, "sign-in delayed");
            return Ok(Err(Refusal::TooMany(wait)));
        }
    };
    let user = match username.parse::<Username>() {
        Ok(name) => state.store().user_by_name(&name).await?,
        Err(_) => None,
    };
    // A service account never sees a page, and what is disabled stays outside: both cost what a wrong name costs.
    let user = user.filter(|user| user.is_enabled() && user.kind == UserKind::Person);
    let stored = user.as_ref().and_then(|user| user.password.as_ref());
    let verdict = match state.hasher().verify(password, stored).await {
        Ok(verdict) => verdict,
        Err(busy) => {
            state.throttle().withdraw(attempt);
            return Ok(Err(Refusal::Busy(busy.retry_after)));
        }
    };
    match (verdict, user) {
        (Verdict::Right | Verdict::RightButWeak, Some(user)) => {
            state.throttle().succeeded(attempt);
            if let (Verdict::RightButWeak, Some(weak)) = (verdict, &user.password) {
                strengthen(state, &user, weak, password).await;
            }
            tracing::info!(target: "countersign::audit", event = "sign_in", user = %user.id, %address, "signed in");
            Ok(Ok(user))
        }
        (Verdict::Wrong, user) => {
            let user = user.as_ref().map(|user| user.id.as_str());
            tracing::warn!(target: "countersign::audit", event = "sign_in_refused", user, %address, "sign-in refused");
            Ok(Err(Refusal::Wrong))
        }
        (Verdict::Right | Verdict::RightButWeak, None) => Ok(Err(Refusal::Wrong)),
    }
}

/// Replaces a weakly hashed password by a strong hash of the same. If that fails, the next sign-in tries again.
async fn strengthen(state: &AppState, user: &User, weak: &PasswordHashText, password: &SecretString) {
    let Ok(strong) = state.hasher().hash(password).await else { return };
    let account = Account {
        subject: Subject::new(user.id.as_str()),
        user: Some(user.id.clone()),
        password: Some(weak.clone()),
        enabled: true,
        scopes: user.scopes.clone(),
    };
    if let Err(error) = state.store().upgrade_password(&account, weak, strong).await {
        tracing::warn!(user = %user.id, %error, "a weak password hash could not be replaced");
    }
}

/// A new session under a new secret; the one this browser had before ends, whoever's it was.
async fn begin_session(
    state: &AppState,
    headers: &HeaderMap,
    user: &User,
    next: &str,
) -> Result<Response, Failure> {
    let now = state.env().now();
    if let Some(former) = state.session(headers).await? {
        state.store().end_session(&former.id).await?;
    }
    let secret = state.env().rng.token();
    let session = Session {
        id: SessionId::generate(now, state.env().rng.as_ref()),
        secret: secret.hash(),
        user: user.id.clone(),
        auth_time: now,
        amr: vec!["pwd".to_owned()],
        acr: None,
        created_at: now,
        expires_at: now.plus(state.settings().session_lifetime),
    };
    state.store().begin_session(&session).await?;
    let mut response = see_other(next);
    state.cookies().set(response.headers_mut(), Cookie::Session, &secret);
    Ok(response)
}

/// What the page is made of.
struct SignInForm<'a> {
    state: &'a AppState,
    browser: &'a Browser,
    waiting: Option<&'a Waiting>,
    username: &'a str,
}

impl SignInForm<'_> {
    fn page(&self, refusal: Option<Refusal>) -> Response {
        let interaction = self.waiting.map(Waiting::id);
        let csrf = self.browser.form_token(Form::SignIn, interaction.unwrap_or_default());
        let status = refusal.as_ref().map_or(StatusCode::OK, Refusal::status);
        let wait = refusal.as_ref().and_then(Refusal::wait);
        let template = SignInPage {
            frame: self.state.frame(),
            client: self.waiting.map(Waiting::client_name),
            interaction,
            csrf: &csrf,
            username: self.username,
            refused: matches!(refusal, Some(Refusal::Wrong | Refusal::Incomplete)),
            problem: refusal.map(Refusal::notice),
        };
        let destinations = self.waiting.map_or_else(Destinations::own, Waiting::destinations);
        let mut response = page(status, &template, &destinations);
        if let Some(wait) = wait {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds(wait)));
        }
        self.browser.remember(self.state.cookies(), response.headers_mut());
        response
    }
}

impl Refusal {
    const fn status(&self) -> StatusCode {
        match self {
            Self::Incomplete => StatusCode::BAD_REQUEST,
            Self::Wrong => StatusCode::FORBIDDEN,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    const fn wait(&self) -> Option<Duration> {
        match self {
            Self::Incomplete | Self::Wrong => None,
            Self::TooMany(wait) | Self::Busy(wait) => Some(*wait),
        }
    }

    fn notice(self) -> Notice {
        match self {
            Self::Incomplete => Notice {
                title: "Something is missing",
                text: "Type your user name and your password.".to_owned(),
            },
            Self::Wrong => Notice {
                title: "That did not work",
                text: "The user name or the password is not right. Check both and try again.".to_owned(),
            },
            Self::TooMany(wait) => Notice {
                title: "Please wait a moment",
                text: format!("There were too many wrong tries. Try again in {}.", in_words(wait)),
            },
            Self::Busy(wait) => Notice {
                title: "Many people sign in at the moment",
                text: format!("Your password was not looked at. Try again in {}.", in_words(wait)),
            },
        }
    }
}

/// Whole seconds, rounded up.
fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

fn in_words(wait: Duration) -> String {
    match seconds(wait) {
        0 | 1 => "a second".to_owned(),
        seconds @ 2..=90 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", seconds.div_ceil(60)),
    }
}
