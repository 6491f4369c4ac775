//! A feeble browser: cookies, redirects within the server, forms.

use std::collections::BTreeMap;

use http::{Method, header};

use super::Answer;
use super::house::{House, ISSUER, PASSWORD};

/// One person's browser.
pub(crate) struct Browser<'a> {
    house: &'a House,
    cookies: BTreeMap<String, String>,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(house: &'a House, cookies: BTreeMap<String, String>) -> Self {
        Self { house, cookies }
    }

    /// What it was given to keep.
    pub(crate) fn cookies(self) -> BTreeMap<String, String> {
        self.cookies
    }

    /// Opens an authorization request, signs in and agrees if asked, and returns the address of the application that
    /// it was sent to.
    pub(crate) async fn authorize(&mut self, request: &str, username: &str) -> String {
        let mut answer = self.step(Method::GET, request, None).await;
        for _ in 0..12 {
            let location = answer.header("location").to_owned();
            if location.is_empty() {
                answer = self.fill_in(&answer, username).await;
            } else {
                let own = location.strip_prefix(ISSUER).unwrap_or(&location);
                if !own.starts_with('/') {
                    return location;
                }
                answer = self.step(Method::GET, own, None).await;
            }
        }
        panic!("it never came back: {answer:?}");
    }

    /// Opens the page of what waits for approval, signs in if asked, and approves the first.
    pub(crate) async fn approve(&mut self, username: &str) {
        let mut answer = self.step(Method::GET, "/account/approvals", None).await;
        for _ in 0..12 {
            let location = answer.header("location").to_owned();
            if answer.body.contains("id=\"approval-outcome\"") {
                assert!(answer.body.contains("You approved"), "{answer:?}");
                return;
            }
            answer = if location.is_empty() {
                self.fill_in(&answer, username).await
            } else {
                self.step(Method::GET, &location, None).await
            };
        }
        panic!("it was never approved: {answer:?}");
    }

    /// Whether somebody is signed in here.
    pub(crate) async fn is_signed_in(&mut self) -> bool {
        self.step(Method::GET, "/account", None).await.body.contains("account-username")
    }

    async fn fill_in(&mut self, page: &Answer, username: &str) -> Answer {
        let typed: &[(&str, &str)] = if page.body.contains("id=\"login-submit\"") {
            &[("username", username), ("password", PASSWORD)]
        } else if page.body.contains("id=\"approval-approve-1\"") {
            &[("decision", "approve")]
        } else {
            assert!(page.body.contains("id=\"consent-allow\""), "none of our pages: {page:?}");
            &[("decision", "allow")]
        };
        self.submit(page, typed).await
    }

    /// Signs out here.
    pub(crate) async fn sign_out(&mut self) {
        let page = self.step(Method::GET, "/sign-out", None).await;
        let done = self.submit(&page, &[("decision", "yes")]).await;
        assert_eq!(done.header("location"), "/signed-out", "{done:?}");
    }

    async fn submit(&mut self, page: &Answer, typed: &[(&str, &str)]) -> Answer {
        let form = between(&page.body, "<form", "</form>").unwrap();
        let action = attribute(form, "action").unwrap();
        let mut fields: Vec<(String, String)> = Vec::new();
        for tag in form.split('<').filter(|tag| tag.starts_with("input")) {
            let name = attribute(tag, "name").unwrap();
            if !typed.iter().any(|(typed, _)| *typed == name) {
                fields.push((name, attribute(tag, "value").unwrap_or_default()));
            }
        }
        fields.extend(typed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.step(Method::POST, &action, Some(body)).await
    }

    async fn step(&mut self, method: Method, target: &str, form: Option<String>) -> Answer {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let mut headers = vec![("accept", "text/html")];
        if !cookies.is_empty() {
            headers.push((header::COOKIE.as_str(), &cookies));
        }
        let answer = self.house.server(method, target, &headers, form).await;
        for cookie in answer.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        answer
    }
}

fn between<'t>(text: &'t str, start: &str, end: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(inside, _)| inside)
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    Some(between(tag, &format!(" {name}=\""), "\"")?.replace("&#38;", "&").replace("&amp;", "&"))
}
