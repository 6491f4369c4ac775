//! Claims about the person of an access token (OpenID Connect Core §5.3): a protected resource like any other, so the
//! one pipeline checks the call.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use countersign_access::{
    DPOP_NONCE, Decision, Denial, DpopSettings, Peer, RequestParts, Rule, RuleSettings,
};
use countersign_model::{Method, RequestId, ScopeSet};
use countersign_net::ConnectionInfo;
use countersign_oauth::Engine;
use countersign_store::Store;
use url::Url;

use crate::client_address::ClientAddress;
use crate::client_request::{json, refusal};
use crate::problem::problem;
use crate::state::AppState;
use crate::wait::COME_BACK;

/// What the endpoint accepts: our own access tokens, of either form.
pub(crate) fn rule(engine: &Engine<Store>) -> Rule {
    own_rule(engine, "userinfo", ScopeSet::empty())
}

/// The same for any protected resource of our own that wants these scopes.
pub(crate) fn own_rule(engine: &Engine<Store>, name: &str, scopes: ScopeSet) -> Rule {
    made(RuleSettings { scopes, ..own_settings(engine, name) })
}

/// A rule of our own; one that can't be read denies.
pub(crate) fn made(settings: RuleSettings) -> Rule {
    let name = settings.name.clone();
    Rule::new(settings).unwrap_or_else(|_| Rule::broken(&name))
}

/// What all of them have in common.
pub(crate) fn own_settings(engine: &Engine<Store>, name: &str) -> RuleSettings {
    RuleSettings {
        name: name.to_owned(),
        accept: vec![Method::Jwt, Method::Oauth],
        audience: Some(engine.settings().issuer.clone()),
        dpop: DpopSettings { nonce: engine.settings().dpop_nonce, origins: origins(engine) },
        ..RuleSettings::default()
    }
}

/// Where the endpoint is for its callers, whatever stands in between.
fn origins(engine: &Engine<Store>) -> Vec<String> {
    let settings = engine.settings();
    let origin = |url: &String| Url::parse(url).ok().map(|url| url.origin().ascii_serialization());
    [Some(&settings.issuer), settings.mtls_url.as_ref()].into_iter().flatten().filter_map(origin).collect()
}

/// `GET /userinfo`, `POST /userinfo`
pub(crate) async fn userinfo(
    State(state): State<AppState>,
    Extension(address): Extension<ClientAddress>,
    request: Request,
) -> Response {
    let (head, _) = request.into_parts();
    let decision = checked(&state, state.userinfo_rule(), &head, address).await;
    let identity = match &decision {
        Decision::Allow(permit) => permit.identity(),
        Decision::Deny(denial) => return denied(denial, head.extensions.get::<RequestId>()),
    };
    let Some(identity) = identity else {
        return problem(StatusCode::UNAUTHORIZED, "an access token is needed", None);
    };
    let mut response = match state.engine().userinfo(&identity.subject, &identity.scopes).await {
        Ok(claims) => json(StatusCode::OK, claims),
        Err(error) => refusal(&error),
    };
    if let Decision::Allow(permit) = &decision {
        permit.complete(response.headers_mut());
    }
    response
}

/// What the pipeline says of a call of one of our own protected resources.
pub(crate) async fn checked(state: &AppState, rule: &Rule, head: &Parts, address: ClientAddress) -> Decision {
    let connection = head.extensions.get::<Arc<ConnectionInfo>>();
    let parts = RequestParts {
        method: &head.method,
        authority: "",
        path: head.uri.path(),
        query: head.uri.query(),
        headers: &head.headers,
        client_address: address.0,
        secure: connection.is_some_and(|connection| connection.tls.is_some()),
    };
    let nobody = Peer::new(address.0, None);
    let peer = head.extensions.get::<Arc<Peer>>().map_or(&nobody, AsRef::as_ref);
    state.access().check(&parts, peer, rule, state.env().now()).await
}

/// What a caller is told who may not.
pub(crate) fn denied(denial: &Denial, id: Option<&RequestId>) -> Response {
    let mut response = json(denial.status(), denial.problem(id.map_or("", RequestId::as_str)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    for challenge in denial.www_authenticate() {
        headers.append(WWW_AUTHENTICATE, challenge);
    }
    if let Some(nonce) = denial.dpop_nonce() {
        headers.insert(DPOP_NONCE, nonce.clone());
    }
    let wait = denial.retry_after().map(|wait| HeaderValue::from(wait.as_secs().max(1)));
    // RFC 9110 §15.6.4: what could not be checked now may be asked again.
    let is_ours = denial.status() == StatusCode::SERVICE_UNAVAILABLE;
    if let Some(wait) = wait.or_else(|| is_ours.then(|| HeaderValue::from_static(COME_BACK))) {
        headers.insert(RETRY_AFTER, wait);
    }
    response
}
