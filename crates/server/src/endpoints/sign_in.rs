//! Signing in with a password.

use std::net::IpAddr;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use countersign_access::ports::{Account, Accounts as _};
use countersign_model::{PasswordHashText, SecretString, Subject, User, Username};
use countersign_oauth::{SignInRequest, Step};
use countersign_passwords::Verdict;

use super::authorize::next;
use crate::browser::{Browser, Form};
use crate::client_address::ClientAddress;
use crate::cookies::Cookie;
use crate::failure::Failure;
use crate::known_browser;
use crate::onward::Onward;
use crate::page_form::{PageForm, PageQuery};
use crate::pages::{Destinations, Notice, SignInPage, page, see_other};
use crate::state::AppState;
use crate::throttle::Wait;
use crate::wait::{in_words, seconds};

/// `GET /sign-in`, with `continue` when a client waits.
pub(crate) async fn show(
    State(state): State<AppState>,
    headers: HeaderMap,
    PageQuery(query): PageQuery,
) -> Result<Response, Failure> {
    let browser = Browser::known_or_new(state.cookies(), &headers, state.env());
    let waiting = match waiting(&state, &browser, query.one("continue")).await? {
        Waiting::For(request) => Some(request),
        Waiting::Nobody => None,
        Waiting::Over(response) => return Ok(response),
    };
    let hint = waiting.as_ref().and_then(|request| request.login_hint.as_deref());
    let username = hint.filter(|hint| hint.parse::<Username>().is_ok()).unwrap_or_default();
    let onward = Onward::read(&query);
    Ok(SignInForm { state: &state, browser: &browser, waiting: waiting.as_ref(), onward, username }
        .page(None))
}

/// `POST /sign-in`
pub(crate) async fn submit(
    State(state): State<AppState>,
    Extension(address): Extension<ClientAddress>,
    form: PageForm,
) -> Result<Response, Failure> {
    let interaction = form.one("continue");
    let browser = form.check(&state, Form::SignIn, interaction.unwrap_or_default())?;
    let waiting = match waiting(&state, &browser, interaction).await? {
        Waiting::For(request) => Some(request),
        Waiting::Nobody => None,
        Waiting::Over(response) => return Ok(response),
    };
    let username = form.one("username").unwrap_or_default();
    let password = SecretString::from(form.one("password").unwrap_or_default());

    let refusal = match authenticate(&state, form.headers(), (username, &password), address.0).await? {
        Ok(user) => {
            // The session this browser had before ends, whoever's it was (session fixation: never the same secret).
            let former = state.session(form.headers()).await?;
            if let Some(signed_in) = state.engine().sign_in(&user, &["pwd"], former.as_ref()).await? {
                let mut response = match interaction {
                    Some(interaction) => {
                        let session = Some(&signed_in.session);
                        next(&state, &state.engine().resume(interaction, session, &browser.hash()).await?)
                    }
                    None => see_other(&state.path(&Onward::read(form.params()).page())),
                };
                state.cookies().set(response.headers_mut(), Cookie::Session, &signed_in.cookie);
                known_browser::remember(state.cookies(), response.headers_mut(), &user, state.env());
                return Ok(response);
            }
            Refusal::Wrong
        }
        Err(refusal) => refusal,
    };
    // Echoing is for people's comfort; what can't be a name may be a password in the wrong field.
    let username = if username.parse::<Username>().is_ok() { username } else { "" };
    let (waiting, onward) = (waiting.as_ref(), Onward::read(form.params()));
    let form = SignInForm { state: &state, browser: &browser, waiting, onward, username };
    Ok(form.page(Some(refusal)))
}

/// For whom somebody signs in.
enum Waiting {
    /// For a client.
    For(SignInRequest),
    /// For this server's own pages.
    Nobody,
    /// For a client that must be answered at once.
    Over(Response),
}

/// The waiting request, looked at as if nobody were signed in: signing in again, or as somebody else, must be possible.
async fn waiting(state: &AppState, browser: &Browser, interaction: Option<&str>) -> Result<Waiting, Failure> {
    let Some(interaction) = interaction else { return Ok(Waiting::Nobody) };
    match state.engine().resume(interaction, None, &browser.hash()).await? {
        Step::SignIn(request) => Ok(Waiting::For(request)),
        step @ (Step::Consent(_) | Step::Respond(_)) => Ok(Waiting::Over(next(state, &step))),
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
    headers: &HeaderMap,
    (username, password): (&str, &SecretString),
    address: IpAddr,
) -> Result<Result<User, Refusal>, Failure> {
    if username.is_empty() || password.expose().is_empty() {
        return Ok(Err(Refusal::Incomplete));
    }
    // A service account never sees a page, and what is disabled stays outside: both cost what a wrong name costs.
    let user = state.engine().person(username).await?;
    let known = user.as_ref().and_then(|user| known_browser::name(state.cookies(), headers, user));
    let now = state.env().now();
    let admitted = match &known {
        Some(browser) => state.throttle().begin_known(browser, now),
        None => state.throttle().begin(username, address, now),
    };
    let attempt = match admitted {
        Ok(attempt) => attempt,
        Err(Wait(wait)) => {
            tracing::warn!(target: "countersign::audit", event = "sign_in_delayed", %address, "sign-in delayed");
            return Ok(Err(Refusal::TooMany(wait)));
        }
    };
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

/// What the page is made of.
struct SignInForm<'a> {
    state: &'a AppState,
    browser: &'a Browser,
    waiting: Option<&'a SignInRequest>,
    onward: Onward,
    username: &'a str,
}

impl SignInForm<'_> {
    fn page(&self, refusal: Option<Refusal>) -> Response {
        let interaction = self.waiting.map(|request| request.interaction.expose().as_str());
        let csrf = self.browser.form_token(Form::SignIn, interaction.unwrap_or_default());
        let status = refusal.as_ref().map_or(StatusCode::OK, Refusal::status);
        let wait = refusal.as_ref().and_then(Refusal::wait);
        let (fields, purpose) = self.onward.words();
        let template = SignInPage {
            frame: self.state.frame(),
            fields,
            purpose,
            client: self.waiting.map(|request| request.client.client_name.as_str()),
            interaction,
            csrf: &csrf,
            username: self.username,
            refused: matches!(refusal, Some(Refusal::Wrong | Refusal::Incomplete)),
            problem: refusal.map(Refusal::notice),
        };
        let destinations = self
            .waiting
            .map_or_else(Destinations::own, |request| Destinations::to_client(&request.client, None));
        let mut response = page(status, &template, &destinations);
        if let Some(wait) = wait {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds(wait)));
        }
        self.browser.remembered(self.state.cookies(), response)
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
