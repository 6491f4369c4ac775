//! A feeble browser: cookies, redirects within the server, forms. No script.

use std::collections::BTreeMap;
use std::net::IpAddr;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};

use crate::support::{App, HOME, read};

/// One browser.
pub(crate) struct Browser<'a> {
    app: &'a App,
    pub(crate) cookies: BTreeMap<String, String>,
    /// Where it is.
    pub(crate) address: IpAddr,
}

/// What it shows, or where it was sent outside of the server.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    /// The path and query it came from.
    pub(crate) address: String,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(app: &'a App) -> Self {
        Self { app, cookies: BTreeMap::new(), address: HOME }
    }

    /// Follows a link, and redirects within the server.
    pub(crate) async fn get(&mut self, address: &str) -> Page {
        let page = self.step(Method::GET, address, None, &[]).await;
        self.follow(page).await
    }

    /// Sends the page's only form with these fields typed in (a button's name and value among them), and follows
    /// redirects within the server.
    pub(crate) async fn submit(&mut self, page: &Page, typed: &[(&str, &str)]) -> Page {
        let (action, fields) = page.form(typed);
        let page =
            self.step(Method::POST, &action, Some(&fields), &[("sec-fetch-site", "same-origin")]).await;
        assert!(!page.status.is_redirection() || page.status == StatusCode::SEE_OTHER, "303 after a form");
        self.follow(page).await
    }

    async fn follow(&mut self, mut page: Page) -> Page {
        for _ in 0..6 {
            let Some(location) = page.location() else { return page };
            let own = location.strip_prefix(self.app.issuer()).unwrap_or(location);
            if !own.starts_with('/') {
                return page;
            }
            let own = own.to_owned();
            page = self.step(Method::GET, &own, None, &[]).await;
        }
        panic!("redirected too often");
    }

    /// One request, without following anything.
    pub(crate) async fn step(
        &mut self,
        method: Method,
        address: &str,
        form: Option<&str>,
        extra: &[(&'static str, &str)],
    ) -> Page {
        let mut request = Request::builder().method(method).uri(address).header(header::ACCEPT, "text/html");
        request = request.header("x-forwarded-for", self.address.to_string());
        if !self.cookies.is_empty() {
            let cookies: Vec<String> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        for (name, value) in extra {
            request = request.header(*name, *value);
        }
        let body = match form {
            Some(form) => {
                request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
                Body::from(form.to_owned())
            }
            None => Body::empty(),
        };
        let response = self.app.send(request.body(body).unwrap()).await;
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            self.keep(cookie.to_str().unwrap());
        }
        let (status, headers) = (response.status(), response.headers().clone());
        Page { status, headers, body: read(response).await, address: address.to_owned() }
    }

    fn keep(&mut self, cookie: &str) {
        assert!(
            cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Lax") && cookie.contains("; Path=/")
        );
        let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
        assert_eq!(name.starts_with("__Host-"), cookie.contains("; Secure"));
        if cookie.contains("Max-Age=0") {
            self.cookies.remove(name);
        } else {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }
}

impl Page {
    pub(crate) fn location(&self) -> Option<&str> {
        self.headers.get(header::LOCATION).map(|location| location.to_str().unwrap())
    }

    /// A parameter of the address it was redirected to.
    pub(crate) fn answer(&self, name: &str) -> Option<String> {
        let url =
            url::Url::parse(self.location().unwrap_or_else(|| panic!("no redirect: {self:?}"))).unwrap();
        url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }

    pub(crate) fn shows(&self, text: &str) -> bool {
        self.body.contains(text)
    }

    pub(crate) fn title(&self) -> &str {
        between(&self.body, "<title>", "</title>").unwrap_or_default()
    }

    /// The action and the encoded fields of the page's only form, hidden ones included.
    pub(crate) fn form(&self, typed: &[(&str, &str)]) -> (String, String) {
        let form = between(&self.body, "<form", "</form>").unwrap_or_else(|| panic!("no form in {self:?}"));
        let action = attribute(form.split('>').next().unwrap(), "action").unwrap();
        let mut fields: Vec<(String, String)> = Vec::new();
        for tag in form.split('<').filter(|tag| tag.starts_with("input")) {
            let name = attribute(tag, "name").unwrap();
            let is_box = matches!(attribute(tag, "type").as_deref(), Some("checkbox" | "radio"));
            if is_box && !tag.contains(" checked") {
                continue;
            }
            if !typed.iter().any(|(typed, _)| *typed == name) {
                fields.push((name, attribute(tag, "value").unwrap_or_default()));
            }
        }
        fields.extend(typed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        (action, encode(fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))))
    }
}

/// `name=value&…`
pub(crate) fn encode<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(inside, _)| inside)
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let value = between(tag, &format!(" {name}=\""), "\"")?;
    Some(value.replace("&#38;", "&").replace("&amp;", "&").replace("&#34;", "\"").replace("&#60;", "<"))
}
