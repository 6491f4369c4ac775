//! Which address leads to which endpoint.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, delete, get, post};
use axum::{Extension, Router};
use countersign_model::RequestId;
use countersign_oauth::register::RegistrationAccess;
use url::Url;

use crate::cors;
use crate::current_certificate::current_certificate;
use crate::endpoints::{
    Endpoint, account, application, applications, approvals, approvals_api, assets, authorizations,
    authorize, backchannel_authentication, consent, crl, device, device_authorization, device_qr, discovery,
    github, health, home, introspect, jwks, openapi, par, register, registration, revoke, sign_in, sign_out,
    token, trust_bundle, userinfo,
};
use crate::failure::Failure;
use crate::observe::{Observer, observe};
use crate::onward::{APPLICATIONS, APPROVALS, AUTHORIZED};
use crate::problem::{problem, wants_page};
use crate::readiness::Readiness;
use crate::show_failures::show_failures;
use crate::state::AppState;

/// Routes as they are put together, with the endpoint each belongs to.
struct Routes {
    router: Router<AppState>,
    endpoints: HashMap<Box<str>, Endpoint>,
}

impl Routes {
    fn at(mut self, endpoint: Endpoint, path: &str, methods: MethodRouter<AppState>) -> Self {
        self.endpoints.insert(path.into(), endpoint);
        self.router = self.router.route(path, methods);
        self
    }
}

/// The server's router: protocol endpoints, pages, health.
pub fn router(state: AppState) -> Router {
    let Routes { router, endpoints } = routes(&state);
    let health = health_routes(state.readiness().clone());
    let issuer = &state.engine().settings().issuer;
    let observer = Arc::new(Observer::new(state.settings(), state.env().clone(), endpoints, issuer));
    router
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(state.clone(), current_certificate))
        .layer(from_fn_with_state(state.clone(), show_failures))
        .with_state(state)
        .merge(health)
        .layer(from_fn_with_state(observer, observe))
}

/// Every address of that router as it is matched, and the name that metrics and log have for what is there.
#[must_use]
pub fn addresses(state: &AppState) -> BTreeMap<String, &'static str> {
    let endpoints = routes(state).endpoints;
    endpoints.into_iter().map(|(path, endpoint)| (path.into_string(), endpoint.as_str())).collect()
}

fn routes(state: &AppState) -> Routes {
    let routes = Routes { router: Router::new(), endpoints: HashMap::new() };
    let mut routes = applications_of_people(pages(protocol(routes, state), state), state);
    routes.endpoints.extend(["/healthz", "/readyz"].map(|path| (path.into(), Endpoint::Health)));
    routes
}

/// What programs talk to.
fn protocol(routes: Routes, state: &AppState) -> Routes {
    let path = |path: &str| state.path(path);
    let at = &state.engine().settings().endpoints;
    let read =
        |methods: MethodRouter<AppState>| methods.options(cors::preflight).layer(from_fn(cors::open_for_get));
    let send = |methods: MethodRouter<AppState>| {
        methods.options(cors::preflight).layer(from_fn(cors::open_for_post))
    };
    let both = |methods: MethodRouter<AppState>| {
        methods.options(cors::preflight).layer(from_fn(cors::open_for_both))
    };
    let mut routes = routes
        .at(Endpoint::Token, &path_of(&at.token), send(post(token::token)))
        .at(Endpoint::Par, &path_of(&at.pushed_authorization_request), send(post(par::par)))
        .at(Endpoint::Revoke, &path_of(&at.revocation), send(post(revoke::revoke)))
        .at(
            Endpoint::DeviceAuthorization,
            &path_of(&at.device_authorization),
            send(post(device_authorization::device_authorization)),
        )
        // No page calls this one: its clients keep a secret or a key.
        .at(
            Endpoint::BackchannelAuthentication,
            &path_of(&at.backchannel_authentication),
            post(backchannel_authentication::backchannel_authentication),
        )
        .at(Endpoint::Introspect, &path_of(&at.introspection), post(introspect::introspect))
        .at(
            Endpoint::Userinfo,
            &path_of(&at.userinfo),
            both(get(userinfo::userinfo).post(userinfo::userinfo)),
        )
        .at(Endpoint::ApprovalsApi, &path(approvals_api::PATH), get(approvals_api::list))
        .at(
            Endpoint::ApprovalsApi,
            &path(&format!("{}/{{id}}", approvals_api::PATH)),
            post(approvals_api::decide),
        )
        .at(Endpoint::Jwks, &path_of(&at.jwks), read(get(jwks::jwks)))
        .at(Endpoint::Crl, &path(crl::PATH), get(crl::crl))
        .at(Endpoint::TrustBundle, &path(trust_bundle::PATH), get(trust_bundle::trust_bundle));
    // Where nobody may register there is nothing to see either.
    if state.engine().settings().registration.access != RegistrationAccess::Off {
        routes = with_registration(routes, &path_of(&at.registration), &path(openapi::PATH));
    }
    if state.settings().github {
        routes = with_github(routes, state);
    }
    for address in discovery::addresses(&state.frame().base) {
        routes = routes.at(Endpoint::Discovery, &address, read(get(discovery::discovery)));
    }
    routes
}

/// RFC 7591 §3, RFC 7592 §2, and what describes both. Scripts may call them: no ambient credential counts here either.
fn with_registration(routes: Routes, registration: &str, description: &str) -> Routes {
    let managed = get(registration::show).put(registration::replace).delete(registration::delete);
    routes
        .at(
            Endpoint::Register,
            registration,
            post(register::register).options(cors::preflight).layer(from_fn(cors::open_for_post)),
        )
        .at(
            Endpoint::Registration,
            &format!("{registration}/{{client_id}}"),
            managed.options(cors::preflight).layer(from_fn(cors::open_for_management)),
        )
        .at(
            Endpoint::OpenApi,
            description,
            get(openapi::openapi).options(cors::preflight).layer(from_fn(cors::open_for_get)),
        )
}

/// Where clients written for GitHub look: below its web address, and below that of its API, which an Enterprise Server has
/// at `/api/v3`.
fn with_github(routes: Routes, state: &AppState) -> Routes {
    let path = |path: &str| state.path(path);
    let tokens = || post(github::token::check).patch(github::token::reset).delete(github::token::delete);
    let mut routes = routes
        .at(Endpoint::GithubAuthorize, &path("/login/oauth/authorize"), get(github::authorize::authorize))
        .at(
            Endpoint::GithubAccessToken,
            &path("/login/oauth/access_token"),
            post(github::access_token::access_token),
        )
        .at(Endpoint::GithubDeviceCode, &path("/login/device/code"), post(github::device_code::device_code));
    for api in ["", "/api/v3"] {
        let at = |below: &str| path(&format!("{api}{below}"));
        routes = routes
            .at(Endpoint::GithubUser, &at("/user"), get(github::user::user))
            .at(Endpoint::GithubToken, &at("/applications/{client_id}/token"), tokens())
            .at(Endpoint::GithubGrant, &at("/applications/{client_id}/grant"), delete(github::grant::delete));
    }
    routes
}

/// What people see.
fn pages(routes: Routes, state: &AppState) -> Routes {
    let path = |path: &str| state.path(path);
    routes
        .at(Endpoint::Home, &path("/"), get(home::home))
        .at(
            Endpoint::Authorize,
            &path_of(&state.engine().settings().endpoints.authorization),
            get(authorize::get).post(authorize::post),
        )
        .at(Endpoint::SignIn, &path("/sign-in"), get(sign_in::show).post(sign_in::submit))
        .at(Endpoint::Consent, &path("/consent"), get(consent::show).post(consent::submit))
        .at(
            Endpoint::Device,
            &path_of(&state.engine().settings().endpoints.verification),
            get(device::show).post(device::submit),
        )
        .at(Endpoint::Device, &path("/device/confirm"), post(device::confirm))
        .at(Endpoint::DeviceQr, &path("/device/qr"), get(device_qr::qr))
        .at(Endpoint::SignOut, &path("/sign-out"), get(sign_out::show).post(sign_out::submit))
        .at(Endpoint::SignOut, &path("/signed-out"), get(sign_out::done))
        .at(Endpoint::Account, &path("/account"), get(account::account))
        .at(Endpoint::Authorizations, &path(AUTHORIZED), get(authorizations::list))
        .at(
            Endpoint::Authorizations,
            &path(authorizations::ONE),
            get(authorizations::show).post(authorizations::withdraw),
        )
        .at(Endpoint::Approvals, &path(APPROVALS), get(approvals::show).post(approvals::submit))
        .at(Endpoint::Assets, &path("/assets/{name}"), get(assets::asset))
}

/// Where people register applications, if the operator lets them.
fn applications_of_people(routes: Routes, state: &AppState) -> Routes {
    if state.engine().settings().registration.people.is_none() {
        return routes;
    }
    let path = |path: &str| state.path(path);
    let one = format!("{APPLICATIONS}/{{client_id}}");
    routes
        .at(Endpoint::Applications, &path(APPLICATIONS), get(applications::list))
        .at(
            Endpoint::Applications,
            &path(applications::NEW),
            get(applications::blank).post(applications::register),
        )
        .at(Endpoint::Applications, &path(&one), get(application::show).post(application::change))
        .at(
            Endpoint::Applications,
            &path(&format!("{one}/secret")),
            get(application::ask_secret).post(application::new_secret),
        )
        .at(
            Endpoint::Applications,
            &path(&format!("{one}/delete")),
            get(application::ask_delete).post(application::delete),
        )
}

/// The path of one of our own endpoints.
fn path_of(endpoint: &str) -> String {
    Url::parse(endpoint).map_or_else(|_| endpoint.to_owned(), |url| url.path().to_owned())
}

fn health_routes(readiness: Readiness) -> Router {
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .method_not_allowed_fallback(other_method)
        .with_state(readiness)
}

/// Renders the metrics as text, in the format of Prometheus.
pub type MetricsText = Arc<dyn Fn() -> String + Send + Sync>;

/// For a listener of its own, not meant for the world: health, and the metrics where `/metrics` is wanted.
pub fn management_router(readiness: Readiness, metrics: Option<MetricsText>) -> Router {
    let router = health_routes(readiness);
    let router = match metrics {
        Some(metrics) => router.route(
            "/metrics",
            get(move || {
                let text = metrics();
                async move {
                    let mut response = Response::new(Body::from(text));
                    response
                        .headers_mut()
                        .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4"));
                    response
                }
            }),
        ),
        None => router,
    };
    router.fallback(nothing_here).method_not_allowed_fallback(other_method)
}

async fn not_found(id: Option<Extension<RequestId>>, request: Request) -> Response {
    if wants_page(request.headers()) {
        return Failure::NotFound.into_response();
    }
    nothing_here(id).await
}

/// The same where no pages are.
async fn nothing_here(id: Option<Extension<RequestId>>) -> Response {
    problem(StatusCode::NOT_FOUND, "nothing is at this address", id.as_ref().map(|id| &id.0))
}

async fn method_not_allowed(id: Option<Extension<RequestId>>, request: Request) -> Response {
    if wants_page(request.headers()) {
        return Failure::MethodNotAllowed.into_response();
    }
    other_method(id).await
}

/// The same where no pages are.
async fn other_method(id: Option<Extension<RequestId>>) -> Response {
    let detail = "this address does not take this method: see Allow";
    problem(StatusCode::METHOD_NOT_ALLOWED, detail, id.as_ref().map(|id| &id.0))
}
