//! The table of errors: every fact the engine can refuse for, provoked over HTTP at the endpoint where it is met, and what
//! it is there: status, code, and the section that lays it down.
//!
//! The table is complete or the test fails: `facts` lists every fact in matches without a wildcard, so that a new one does
//! not compile before it is listed, and what is listed must have been met; the endpoints are those of the metadata.

mod authorize;
mod backchannel;
mod clients;
mod device;
mod facts;
mod github;
mod grants;
mod others;
mod scene;

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Request, header};
use countersign_oauth::Error;

use crate::browser::Page;
use crate::support::{Answer, App};

/// What was met so far.
#[derive(Default)]
struct Table {
    /// Rows that are not as they say, all of them at once.
    wrong: Vec<String>,
    facts: BTreeSet<String>,
    endpoints: BTreeSet<&'static str>,
}

/// What came back: to a program, or to a person's browser.
enum Told {
    Program(Answer),
    Browser(Page),
    /// To a client written for GitHub, which reads the body of a 200 alone.
    Github(Answer),
    /// In words alone: GitHub's API, a problem document (RFC 9457).
    Words(Answer),
}

impl From<Answer> for Told {
    fn from(answer: Answer) -> Self {
        Self::Program(answer)
    }
}

impl From<Page> for Told {
    fn from(page: Page) -> Self {
        Self::Browser(page)
    }
}

impl Table {
    /// One row. A status of 303 is an answer sent back to the client by way of the browser.
    fn row(
        &mut self,
        endpoint: &'static str,
        fact: &Error,
        (status, code, section): (u16, &str, &str),
        told: impl Into<Told>,
    ) {
        let told = told.into();
        let expected = told.expected(fact, status, code);
        let got = told.got(code);
        let laid_down = (told.code(fact), fact.section());
        if expected != got || laid_down != (code, section) {
            self.wrong
                .push(format!("{endpoint}: {fact:?}: {laid_down:?}\n  wanted {expected}\n  got    {got}"));
        }
        self.facts.extend(facts::names(fact));
        self.endpoints.insert(endpoint);
    }

    fn is_right_and_complete(&self) {
        assert!(self.wrong.is_empty(), "{}", self.wrong.join("\n"));
        let every: BTreeSet<String> = facts::every().map(str::to_owned).collect();
        let missing: Vec<_> = every.difference(&self.facts).collect();
        assert!(missing.is_empty(), "no row for: {missing:?}");
    }
}

impl Told {
    /// What the fact is called there.
    fn code(&self, fact: &Error) -> &'static str {
        match self {
            Self::Program(_) | Self::Browser(_) | Self::Words(_) => fact.code(),
            Self::Github(_) => fact.github_code(),
        }
    }

    /// What the row says, in the words of [`Told::got`].
    fn expected(&self, fact: &Error, status: u16, code: &str) -> String {
        match self {
            // RFC 6749 §5.1, §5.2: nothing kept, and a challenge with every 401. RFC 9449 §8: the nonce that is asked for.
            Self::Program(_) => {
                let fields = (fact.challenge().unwrap_or_default(), fact.dpop_nonce().is_some());
                format!("{status} {code} {:?} no-store {fields:?}", fact.description())
            }
            // RFC 9207: who answers, in errors too; and nothing that an error has no use for.
            Self::Browser(page) if page.location().is_some() => {
                format!("{status} to the client: {code} {:?} true", fact.description())
            }
            // People are told the code where it helps whoever runs the application.
            Self::Browser(_) => {
                format!("{status} page {}", !fact.is_ours() && !facts::is_for_people_alone(fact))
            }
            Self::Github(_) => format!("{status} {code} {:?} no-store", fact.description()),
            Self::Words(_) => {
                let challenge = fact.challenge().unwrap_or_default();
                format!("{status} {:?} no-store {challenge}", fact.description())
            }
        }
    }

    fn got(&self, code: &str) -> String {
        match self {
            Self::Program(answer) => {
                let text = |name: &str| answer.json[name].as_str().unwrap_or_default().to_owned();
                let fields = (answer.header("www-authenticate"), answer.headers.contains_key("dpop-nonce"));
                let (status, cache) = (answer.status, answer.header("cache-control"));
                format!("{status} {} {:?} {cache} {fields:?}", text("error"), text("error_description"))
            }
            Self::Browser(page) if page.location().is_some() => {
                let text = |name: &str| page.answer(name).unwrap_or_default();
                let is_bare = page.answer("iss").is_some() && page.answer("code").is_none();
                let status = page.status.as_u16();
                format!("{status} to the client: {} {:?} {is_bare}", text("error"), text("error_description"))
            }
            Self::Browser(page) => {
                format!("{} page {}", page.status.as_u16(), page.shows(&format!(">{code}<")))
            }
            Self::Github(answer) => {
                let text = |name: &str| answer.json[name].as_str().unwrap_or_default().to_owned();
                let (status, cache) = (answer.status, answer.header("cache-control"));
                format!("{status} {} {:?} {cache}", text("error"), text("error_description"))
            }
            Self::Words(answer) => {
                let words = answer.json["message"].as_str().or_else(|| answer.json["detail"].as_str());
                let (status, cache) = (answer.status, answer.header("cache-control"));
                let challenge = answer.header("www-authenticate");
                format!("{status} {:?} {cache} {challenge}", words.unwrap_or_default())
            }
        }
    }
}

#[tokio::test]
async fn every_error_of_every_endpoint() {
    let mut table = Table::default();
    clients::rows(&mut table).await;
    clients::assertions(&mut table).await;
    clients::keys(&mut table).await;
    grants::rows(&mut table).await;
    grants::codes(&mut table).await;
    grants::refresh_tokens(&mut table).await;
    grants::of_others(&mut table).await;
    authorize::shown(&mut table).await;
    authorize::sent_back(&mut table).await;
    authorize::request_objects(&mut table).await;
    device::rows(&mut table).await;
    backchannel::rows(&mut table).await;
    others::registration(&mut table).await;
    others::userinfo(&mut table).await;
    others::our_own_fault(&mut table).await;
    github::rows(&mut table).await;
    github::tokens(&mut table).await;
    table.is_right_and_complete();
    // Every endpoint that the metadata names has a row; so do those that clients and people are led to, and
    // those of clients written for GitHub.
    let app = App::with(crate::support::ISSUER, Default::default(), scene::everything).await;
    let metadata = Request::get("/.well-known/openid-configuration").body(Body::empty()).unwrap();
    let metadata = Answer::of(app.send(metadata).await).await;
    let named = metadata.json.as_object().unwrap().iter().filter(|(name, _)| name.ends_with("_endpoint"));
    let paths = named.map(|(_, url)| url.as_str().unwrap().strip_prefix(crate::support::ISSUER).unwrap());
    let others = [
        "/consent",
        "/device",
        "/account/approvals",
        "/api/approvals",
        "/login/oauth/authorize",
        "/login/oauth/access_token",
        "/login/device/code",
        "/applications/{client_id}/token",
        "/user",
    ];
    let missing: Vec<_> = paths.chain(others).filter(|path| !table.endpoints.contains(path)).collect();
    assert!(missing.is_empty(), "no row for an error at: {missing:?}");
}

/// A form at an endpoint, with more header fields.
async fn post_with(app: &App, path: &str, fields: &[(&'static str, &str)], form: &[(&str, &str)]) -> Answer {
    let mut request = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let form = crate::browser::encode(form.iter().copied());
    Answer::of(app.send(request.body(Body::from(form)).unwrap()).await).await
}
