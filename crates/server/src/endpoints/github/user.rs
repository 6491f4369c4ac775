//! `GET /user`: the person of an access token, a protected resource like userinfo.

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use countersign_access::{Decision, Denial, Identity, Rule, RuleSettings};
use countersign_model::RequestId;
use countersign_oauth::{Engine, GithubUser};
use countersign_store::Store;
use serde_json::{Value, json};

use super::answer::{api_refusal, message, with_commas};
use crate::client_address::ClientAddress;
use crate::client_request::json;
use crate::endpoints::userinfo::{checked, denied, made, own_settings};
use crate::state::AppState;

/// What the endpoint accepts: our own access tokens, under GitHub's scheme too.
pub(crate) fn rule(engine: &Engine<Store>) -> Rule {
    made(RuleSettings { token_scheme: true, ..own_settings(engine, "github_user") })
}

/// `GET /user`
pub(crate) async fn user(
    State(state): State<AppState>,
    Extension(address): Extension<ClientAddress>,
    request: Request,
) -> Response {
    let (head, _) = request.into_parts();
    let decision = checked(&state, state.github_user_rule(), &head, address).await;
    let permit = match &decision {
        Decision::Allow(permit) => permit,
        Decision::Deny(denial) => {
            let mut response = denied(denial, head.extensions.get::<RequestId>());
            let said = message(response.status(), words(denial, &head));
            let (parts, body) = said.into_parts();
            *response.body_mut() = body;
            response.headers_mut().extend(parts.headers);
            return response;
        }
    };
    let Some(identity) = permit.identity() else {
        return message(StatusCode::UNAUTHORIZED, "Requires authentication");
    };
    let client = identity.client.as_ref();
    let mut response = match state.engine().github_user(&identity.subject, client, &identity.scopes).await {
        Ok(user) => json(StatusCode::OK, document(&user).to_string()),
        Err(error) => api_refusal(&error),
    };
    tell_scopes(&mut response, identity);
    permit.complete(response.headers_mut());
    response
}

/// What GitHub's API says where it says the same; what is no fault of the credential is not said of it.
fn words(denial: &Denial, head: &Parts) -> &'static str {
    if denial.status() != StatusCode::UNAUTHORIZED || denial.dpop_nonce().is_some() {
        denial.detail()
    } else if head.headers.contains_key(AUTHORIZATION) {
        "Bad credentials"
    } else {
        "Requires authentication"
    }
}

/// The members that clients read; those that have no meaning here are not there.
pub(super) fn document(user: &GithubUser) -> Value {
    let since = user.created_at.and_then(|since| jiff::Timestamp::from_second(since.seconds()).ok());
    json!({
        "login": user.login,
        "id": user.id,
        "node_id": user.node_id,
        "type": "User",
        "site_admin": false,
        "name": user.name,
        "email": user.email,
        "created_at": since.map(|since| since.to_string()),
    })
}

/// What the token may do, in the fields that GitHub's API has for it.
fn tell_scopes(response: &mut Response, identity: &Identity) {
    let client = identity.client.as_ref().map_or("", |client| client.as_str()).to_owned();
    let fields = [
        ("x-oauth-scopes", with_commas(&identity.scopes, ", ")),
        ("x-accepted-oauth-scopes", String::new()),
        ("x-oauth-client-id", client),
    ];
    for (name, value) in fields {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
}
