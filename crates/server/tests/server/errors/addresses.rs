//! Every address of the router: what it takes, how it says no, and which of the engine's facts it can answer.

use axum::body::Body;
use axum::http::{Method, Request, header};
use countersign_server::{ServerSettings, addresses};

use super::scene::everything;
use super::{Told, facts};
use crate::browser::encode;
use crate::support::{Answer, App, ISSUER};

/// How an address says no.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// RFC 6749 §5.2, to a client that says who it is.
    Client,
    /// The same to clients written for GitHub: what the engine refuses is a 200.
    Github,
    /// GitHub's API: in words, and a status.
    Api,
    /// RFC 6750 §3, to whoever brings an access token.
    Resource,
    /// RFC 7591 §3.2.2.
    Registration,
    /// RFC 6749 §4.1.2.1: a page, or back to the client.
    Authorization,
    /// A page with a form.
    Form,
    /// A page to read.
    Page,
    /// Something public to read.
    Document,
}

/// One address.
#[derive(Debug)]
pub(crate) struct Address {
    /// As the router has it.
    pub(crate) path: &'static str,
    pub(crate) kind: Kind,
    /// `Allow`, and what a page of another origin may send besides.
    pub(crate) allow: &'static str,
    /// What the engine can say no for there.
    pub(crate) facts: &'static [&'static [&'static str]],
}

use Kind::{Api, Authorization, Client, Document, Form, Github, Page, Registration, Resource};

const fn at(
    kind: Kind,
    path: &'static str,
    allow: &'static str,
    facts: &'static [&'static [&'static str]],
) -> Address {
    Address { path, kind, allow, facts }
}

const READ: &str = "GET,HEAD";
const OPEN: &str = "GET,HEAD,OPTIONS";
const FORM: &str = "GET,HEAD,POST";
const NONE: &[&[&str]] = &[];

/// Every address there is where everything is switched on.
pub(crate) const ADDRESSES: &[Address] = &[
    at(Client, "/token", "POST,OPTIONS", &[facts::CALLERS, facts::PROOFS, facts::KEYS, facts::GRANTS]),
    at(Client, "/par", "POST,OPTIONS", &[facts::CALLERS, facts::PROOFS, facts::REQUEST]),
    at(Client, "/revoke", "POST,OPTIONS", &[facts::CALLERS, &["Missing"]]),
    at(
        Client,
        "/introspect",
        "POST",
        &[facts::CALLERS, &["Missing", "Invalid", "Signing", "ResponseKeyUnavailable", "client: Public"]],
    ),
    at(Client, "/device_authorization", "POST,OPTIONS", &[facts::CALLERS, facts::DEVICE]),
    at(Client, "/bc-authorize", "POST", &[facts::CALLERS, facts::BACKCHANNEL]),
    at(
        Github,
        "/login/oauth/access_token",
        "POST",
        &[facts::CALLERS, facts::PROOFS, facts::KEYS, facts::GRANTS],
    ),
    at(Github, "/login/device/code", "POST", &[facts::CALLERS, facts::DEVICE]),
    at(
        Api,
        "/applications/{client_id}/token",
        "POST,PATCH,DELETE",
        &[facts::CALLERS, &["Missing", "client: Public"]],
    ),
    at(Api, "/applications/{client_id}/grant", "DELETE", &[facts::CALLERS, &["Missing", "client: Public"]]),
    at(
        Api,
        "/api/v3/applications/{client_id}/token",
        "POST,PATCH,DELETE",
        &[facts::CALLERS, &["Missing", "client: Public"]],
    ),
    at(
        Api,
        "/api/v3/applications/{client_id}/grant",
        "DELETE",
        &[facts::CALLERS, &["Missing", "client: Public"]],
    ),
    at(
        Resource,
        "/userinfo",
        "GET,HEAD,POST,OPTIONS",
        &[&["InvalidToken", "InsufficientScope", "Unavailable"]],
    ),
    at(Resource, "/user", READ, &[&["InvalidToken", "InsufficientScope", "Unavailable"]]),
    at(Resource, "/api/v3/user", READ, &[&["InvalidToken", "InsufficientScope", "Unavailable"]]),
    at(Resource, "/api/approvals", READ, &[&["Unavailable"]]),
    at(
        Resource,
        "/api/approvals/{id}",
        "POST",
        &[&["Unavailable", "UnknownApproval", "UnmetAuthentication", "Invalid"]],
    ),
    at(Registration, "/register", "POST,OPTIONS", &[facts::REGISTRATION, &["registration: Full"]]),
    at(Registration, "/register/{client_id}", "GET,HEAD,PUT,DELETE,OPTIONS", &[facts::REGISTRATION]),
    at(Authorization, "/authorize", FORM, &[facts::AUTHORIZATION, facts::REQUEST]),
    at(Authorization, "/login/oauth/authorize", READ, &[facts::AUTHORIZATION, facts::REQUEST]),
    at(
        Form,
        "/sign-in",
        FORM,
        &[&["UnknownInteraction", "UnmetAuthentication", "ResponseKeyUnavailable", "Unavailable"]],
    ),
    at(
        Form,
        "/consent",
        FORM,
        &[&["UnknownInteraction", "AccessDenied", "ResponseKeyUnavailable", "Unavailable"]],
    ),
    at(Form, "/device", FORM, &[&["UnknownUserCode", "Unavailable"]]),
    at(Form, "/device/confirm", "POST", &[&["UnknownUserCode", "Invalid", "AccessDenied", "Unavailable"]]),
    at(Form, "/sign-out", FORM, &[&["Unavailable"]]),
    at(Form, "/account/authorization", FORM, &[&["Unavailable"]]),
    at(
        Form,
        "/account/approvals",
        FORM,
        &[&["UnknownApproval", "UnmetAuthentication", "Invalid", "Unavailable"]],
    ),
    at(Form, "/applications/new", FORM, &[&["Unavailable"]]),
    at(Form, "/applications/{client_id}", FORM, &[&["Unavailable"]]),
    at(Form, "/applications/{client_id}/secret", FORM, &[&["Unavailable"]]),
    at(Form, "/applications/{client_id}/delete", FORM, &[&["Unavailable"]]),
    at(Page, "/account", READ, &[&["Unavailable"]]),
    at(Page, "/account/authorizations", READ, &[&["Unavailable"]]),
    at(Page, "/applications", READ, &[&["Unavailable"]]),
    at(Document, "/", READ, NONE),
    at(Document, "/signed-out", READ, NONE),
    at(Document, "/device/qr", READ, NONE),
    at(Document, "/assets/{name}", READ, NONE),
    at(Document, "/jwks", OPEN, NONE),
    at(Document, "/openapi.json", OPEN, NONE),
    at(Document, "/ca/crl", READ, NONE),
    at(Document, "/ca/bundle.pem", READ, NONE),
    at(Document, "/.well-known/openid-configuration", OPEN, NONE),
    at(Document, "/.well-known/oauth-authorization-server", OPEN, NONE),
    at(Document, "/healthz", READ, NONE),
    at(Document, "/readyz", READ, NONE),
];

/// Those of a kind.
pub(crate) fn of(kinds: &[Kind]) -> impl Iterator<Item = &'static Address> {
    ADDRESSES.iter().filter(move |address| kinds.contains(&address.kind))
}

/// The one of this path.
pub(crate) fn named(path: &str) -> &'static Address {
    ADDRESSES.iter().find(|address| address.path == path).unwrap_or_else(|| panic!("{path}"))
}

/// Where clients say who they are.
pub(crate) fn of_clients() -> impl Iterator<Item = &'static Address> {
    of(&[Client, Github, Api])
}

/// Where grants are turned into tokens.
pub(crate) fn of_grants() -> impl Iterator<Item = &'static Address> {
    ["/token", "/login/oauth/access_token"].into_iter().map(named)
}

impl Address {
    /// With a name in it.
    pub(crate) fn concrete(&self, name: &str) -> String {
        self.path.replace("{client_id}", name).replace("{id}", name).replace("{name}", name)
    }

    /// The methods that do something.
    pub(crate) fn methods(&self) -> impl Iterator<Item = Method> {
        let passive = ["HEAD", "OPTIONS"];
        self.allow.split(',').filter(move |name| !passive.contains(name)).map(|name| name.parse().unwrap())
    }

    /// The method that carries something: that of a form.
    pub(crate) fn method(&self) -> Method {
        self.methods().find(|method| *method != Method::GET).unwrap_or(Method::GET)
    }

    /// A form from a client, with what the address needs to get as far as asking who calls.
    pub(crate) async fn post(
        &self,
        app: &App,
        fields: &[(&'static str, &str)],
        form: &[(&str, &str)],
    ) -> Answer {
        Answer::of(app.send(self.form(fields, form)).await).await
    }

    pub(crate) fn form(&self, fields: &[(&'static str, &str)], form: &[(&str, &str)]) -> Request<Body> {
        let mut request = Request::builder()
            .method(self.method())
            .uri(self.concrete("web"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let needed: &[(&str, &str)] = if self.kind == Api { &[("access_token", "x")] } else { &[] };
        request.body(Body::from(encode(form.iter().chain(needed).copied()))).unwrap()
    }

    /// An answer, in the shape that it has there.
    pub(super) fn told(&self, answer: Answer) -> Told {
        match self.kind {
            Client | Registration => Told::Program(answer),
            Github => Told::Github(answer),
            Api | Resource => Told::Words(answer),
            Authorization | Form | Page | Document => panic!("{self:?} talks to people"),
        }
    }
}

/// A route without a row fails here, and so does a row without a route.
#[tokio::test]
async fn every_address_of_the_router_is_listed() {
    let app =
        App::with(ISSUER, ServerSettings { github: true, ..ServerSettings::default() }, everything).await;
    let routed: Vec<String> = addresses(&app.state).into_keys().collect();
    let mut listed: Vec<&str> = ADDRESSES.iter().map(|address| address.path).collect();
    listed.sort_unstable();
    assert_eq!(routed, listed);
}
