//! The table of errors: every fact the engine can refuse for, provoked over HTTP at the endpoint where it is met, and what
//! it is there: status, code, and the section that lays it down.
//!
//! The table is complete or the test fails: `addresses` lists every address of the router with the facts it can answer, and
//! each of them must have been met there; `facts` lists every fact in matches without a wildcard, so that a new one does
//! not compile before it is listed. What no fact is needed for (how a request is written, how often it comes, a server that
//! can't answer) is asked of every address of a kind: in `requests`, `pages` and `resources`.

pub(crate) mod addresses;
mod authorize;
mod backchannel;
mod clients;
mod device;
mod facts;
mod github;
mod grants;
mod others;
mod pages;
mod people;
mod requests;
mod resources;
pub(crate) mod scene;

use std::collections::{BTreeMap, BTreeSet};

use countersign_oauth::Error;

use self::addresses::{ADDRESSES, Address, Kind};
use crate::browser::Page;
use crate::support::Answer;

const REQUEST: &str = "invalid_request";

/// What was met so far.
#[derive(Default)]
struct Table {
    /// Rows that are not as they say, all of them at once.
    wrong: Vec<String>,
    facts: BTreeMap<&'static str, BTreeSet<String>>,
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
        self.met(endpoint, fact);
    }

    /// The fact was met there, and what it looks like has been asserted.
    fn met(&mut self, endpoint: &'static str, fact: &Error) {
        self.facts.entry(endpoint).or_default().extend(facts::names(fact));
    }

    /// One row where programs ask: what GitHub's clients are told is 200 and its own word, where it is not our fault.
    fn refused(
        &mut self,
        address: &'static Address,
        fact: &Error,
        (status, code, section): (u16, &str, &str),
        answer: Answer,
    ) {
        let wire = match address.kind {
            Kind::Github if !fact.is_ours() => (200, fact.github_code(), section),
            _ => (status, code, section),
        };
        self.row(address.path, fact, wire, address.told(answer));
    }

    fn is_right_and_complete(&self) {
        assert!(self.wrong.is_empty(), "{}", self.wrong.join("\n"));
        let every: BTreeSet<String> = facts::every().map(str::to_owned).collect();
        let met: BTreeSet<String> = self.facts.values().flatten().cloned().collect();
        let missing: Vec<_> = every.difference(&met).collect();
        assert!(missing.is_empty(), "no row for: {missing:?}");
        for address in ADDRESSES {
            let listed: BTreeSet<&str> = address.facts.iter().copied().flatten().copied().collect();
            let met = self.facts.get(address.path).into_iter().flatten().map(String::as_str).collect();
            let listed_alone: Vec<_> = listed.difference(&met).collect();
            let met_alone: Vec<_> = met.difference(&listed).collect();
            let both = (listed_alone.is_empty(), met_alone.is_empty());
            assert_eq!(
                both,
                (true, true),
                "{}: no row for {listed_alone:?}; not listed {met_alone:?}",
                address.path
            );
        }
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
    clients::certificates(&mut table).await;
    clients::keys(&mut table).await;
    grants::rows(&mut table).await;
    grants::codes(&mut table).await;
    grants::refresh_tokens(&mut table).await;
    grants::of_others(&mut table).await;
    authorize::shown(&mut table).await;
    authorize::asked_for(&mut table).await;
    authorize::sent_back(&mut table).await;
    authorize::request_objects(&mut table).await;
    device::rows(&mut table).await;
    backchannel::rows(&mut table).await;
    backchannel::signed(&mut table).await;
    people::rows(&mut table).await;
    github::rows(&mut table).await;
    others::registration(&mut table).await;
    others::resources(&mut table).await;
    others::our_own_fault(&mut table).await;
    table.is_right_and_complete();
}
