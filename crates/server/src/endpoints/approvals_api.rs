//! The same as the page of approvals for a program of the person's own: the operator's authenticator on their phone. A
//! protected resource like any other, so the one pipeline checks the call; the scope `approvals` opens it to applications
//! that the operator registered.

use axum::Extension;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use countersign_access::{Decision, Identity, Rule};
use countersign_model::{Client, ClientId, RequestId, SessionId, User, UserId, UserKind};
use countersign_oauth::ports::{AuthenticationEvent, Clients as _, People as _};
use countersign_oauth::{APPROVALS_SCOPE, Approver, Engine, Error, PendingApproval};
use countersign_store::Store;
use serde_json::{Value, json};

use super::userinfo::{checked, denied, own_rule};
use crate::client_address::ClientAddress;
use crate::client_request::{json, too_many};
use crate::endpoints::Endpoint;
use crate::name_in_path::NameInPath;
use crate::problem::problem;
use crate::state::AppState;
use crate::wait::COME_BACK;

/// Where it is.
pub(crate) const PATH: &str = "/api/approvals";
/// Largest answer of a person that is read, in bytes.
const LARGEST: usize = 4 * 1024;

/// What it accepts: our own access tokens, with the scope.
pub(crate) fn rule(engine: &Engine<Store>) -> Rule {
    own_rule(engine, "approvals", APPROVALS_SCOPE.parse().unwrap_or_default())
}

/// Whose program calls, and how they had signed in for the token.
struct Caller {
    user: UserId,
    client: ClientId,
    session: Option<SessionId>,
    authentication: AuthenticationEvent,
}

impl Caller {
    fn approver(&self) -> Approver<'_> {
        Approver::Token {
            user: &self.user,
            client: &self.client,
            session: self.session.as_ref(),
            authentication: &self.authentication,
        }
    }
}

/// `GET /api/approvals`
pub(crate) async fn list(
    State(state): State<AppState>,
    Extension(address): Extension<ClientAddress>,
    request: Request,
) -> Response {
    let (head, _) = request.into_parts();
    let caller = match caller(&state, address, &head).await {
        Ok(caller) => caller,
        Err(refused) => return refused,
    };
    let id = head.extensions.get::<RequestId>();
    match state.engine().approvals(&caller.user).await {
        Ok(pending) => {
            let shown = pending.iter().filter(|one| caller.approver().may_answer(&one.client));
            let approvals: Vec<Value> = shown.map(|one| document(&state, &caller, one)).collect();
            json(StatusCode::OK, json!({ "approvals": approvals }).to_string())
        }
        Err(error) => failed(&error, id),
    }
}

/// `POST /api/approvals/{id}`, with `{"decision": "approve"}` or `{"decision": "deny"}`. With the first, `scope` says what the
/// person left of what was asked for; without it they agreed to all.
pub(crate) async fn decide(
    State(state): State<AppState>,
    Extension(address): Extension<ClientAddress>,
    NameInPath(approval): NameInPath,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let id = head.extensions.get::<RequestId>();
    // First: the sender decides how long it takes, and the token must count when the answer does.
    let Ok(body) = to_bytes(body, LARGEST).await else {
        return problem(StatusCode::PAYLOAD_TOO_LARGE, "the answer is too long", id);
    };
    let caller = match caller(&state, address, &head).await {
        Ok(caller) => caller,
        Err(refused) => return refused,
    };
    let answer = serde_json::from_slice::<Value>(&body).unwrap_or_default();
    let decision = answer.get("decision").and_then(Value::as_str).unwrap_or_default();
    // What is not in its list is not there.
    let pending = match state.engine().approval(&approval, &caller.user).await {
        Ok(pending) if caller.approver().may_answer(&pending.client) => pending,
        Ok(_) => return failed(&Error::UnknownApproval, id),
        Err(error) => return failed(&error, id),
    };
    let (event, answered) = match decision {
        "approve" => {
            let agreed = match answer.get("scope") {
                None => Some(pending.scopes.clone()),
                Some(scope) => scope.as_str().and_then(|scope| scope.parse().ok()),
            };
            let Some(agreed) = agreed else {
                return problem(StatusCode::BAD_REQUEST, "\"scope\" is a list of scopes in one text", id);
            };
            let approver = caller.approver();
            let approved = state.engine().approve_backchannel(&approval, approver, &agreed).await;
            ("request_approved", approved)
        }
        "deny" => ("request_denied", state.engine().deny_backchannel(&approval, &caller.user).await),
        _ => {
            let detail = "the body is {\"decision\": \"approve\"} or {\"decision\": \"deny\"}";
            return problem(StatusCode::BAD_REQUEST, detail, id);
        }
    };
    match answered {
        Ok(client) => {
            let (user, client_id, address) = (&caller.user, &client.client_id, address.0);
            tracing::info!(target: "countersign::audit", event, %user, client = %client_id, %address, by = "api", "backchannel request answered");
            json(StatusCode::OK, json!({ "id": approval, "decision": decision }).to_string())
        }
        Err(error) => failed(&error, id),
    }
}

/// The person in whose name the call comes. Neither a program's own token nor one with somebody else acting will do.
async fn caller(state: &AppState, address: ClientAddress, head: &Parts) -> Result<Caller, Response> {
    let id = head.extensions.get::<RequestId>();
    state.rates().admit(Endpoint::ApprovalsApi, address.0, state.env().now()).map_err(too_many)?;
    let decision = checked(state, state.approvals_rule(), head, address).await;
    let identity = match &decision {
        Decision::Allow(permit) => permit.identity(),
        Decision::Deny(denial) => return Err(denied(denial, id)),
    };
    let refused = || problem(StatusCode::FORBIDDEN, "this needs an access token of a person", id);
    let identity = identity.filter(|identity| identity.actor.is_empty()).ok_or_else(refused)?;
    let client = client(state, identity, id).await?;
    let authentication = authentication(identity).ok_or_else(refused)?;
    let user = state.store().user(&UserId::from(identity.subject.as_str())).await;
    let user = user.map_err(|error| failed(&Error::from(error), id))?;
    let is_person = |user: &User| user.is_enabled() && user.kind == UserKind::Person;
    let user = user.filter(is_person).ok_or_else(refused)?;
    Ok(Caller { user: user.id, client, session: identity.session.clone(), authentication })
}

/// The application that calls. Whoever may register one for themselves could else have an asking one and an answering
/// one, and would need the person for neither.
async fn client(state: &AppState, identity: &Identity, id: Option<&RequestId>) -> Result<ClientId, Response> {
    let known = match &identity.client {
        Some(client) => {
            state.store().client(client).await.map_err(|error| failed(&Error::from(error), id))?
        }
        None => None,
    };
    let may = |client: &Client| client.is_enabled() && client.is_of_the_operator();
    let detail = "this is for applications that the operator registered";
    match known.filter(|client| may(client)) {
        Some(client) => Ok(client.client_id.clone()),
        None => Err(problem(StatusCode::FORBIDDEN, detail, id)),
    }
}

/// The sign-in that the token speaks of; a token without one was not given by a person.
fn authentication(identity: &Identity) -> Option<AuthenticationEvent> {
    Some(AuthenticationEvent {
        auth_time: identity.auth_time?,
        amr: identity.amr.iter().map(ToString::to_string).collect(),
        acr: identity.acr.as_ref().map(ToString::to_string),
    })
}

fn document(state: &AppState, caller: &Caller, pending: &PendingApproval) -> Value {
    json!({
        "id": pending.id,
        "client_id": pending.client.client_id,
        "client_name": pending.client.client_name,
        "binding_message": pending.binding_message,
        "scope": pending.scopes,
        "optional_scope": pending.optional,
        "acr_values": pending.acr_values,
        "needs_sign_in": !state.engine().is_met(caller.approver(), &pending.acr_values),
        "address": pending.address.map(|address| address.to_string()),
        "created_at": pending.created_at.seconds(),
        "expires_at": pending.expires_at.seconds(),
    })
}

fn failed(error: &Error, id: Option<&RequestId>) -> Response {
    match error {
        Error::UnknownApproval => problem(StatusCode::NOT_FOUND, &error.description(), id),
        // RFC 9470 §3.
        Error::UnmetAuthentication => {
            let detail = "the request asks for a more recent or a stronger sign-in";
            let mut response = problem(StatusCode::UNAUTHORIZED, detail, id);
            let challenge = "Bearer error=\"insufficient_user_authentication\"";
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
            response
        }
        _ if error.is_ours() => {
            tracing::error!(error = error as &dyn std::error::Error, "an approval could not be answered");
            let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut response = problem(status, &error.description(), id);
            // RFC 9110 §15.6.4.
            if status == StatusCode::SERVICE_UNAVAILABLE {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(COME_BACK));
            }
            response
        }
        _ => problem(StatusCode::BAD_REQUEST, &error.description(), id),
    }
}

#[cfg(test)]
mod tests {
    use countersign_oauth::SigningFailed;
    use countersign_oauth::ports::Unavailable;

    use super::*;

    #[test]
    fn what_is_our_own_fault_says_whether_to_come_back() {
        let answer = |error: Error| {
            let response = failed(&error, None);
            (response.status().as_u16(), response.headers().get(RETRY_AFTER).cloned())
        };
        let lost = Error::Unavailable(Unavailable("the reason is for the log alone".into()));
        assert_eq!(answer(lost), (503, Some(HeaderValue::from_static(COME_BACK))));
        assert_eq!(answer(Error::Signing(SigningFailed)), (500, None));
        assert_eq!(answer(Error::UnknownApproval), (404, None));
    }
}
