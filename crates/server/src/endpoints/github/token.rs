//! `/applications/{client_id}/token`: what an application asks of its tokens, with its name and secret in `Authorization`.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use countersign_model::{Timestamp, TokenId, digest};
use countersign_oauth::{ApplicationToken, ClientCall, Error, GithubUser};
use serde_json::{Value, json};

use super::answer::{api_refusal, api_unanswered, done, message};
use super::user;
use crate::client_request::{answered, json};
use crate::endpoints::Endpoint;
use crate::name_in_path::NameInPath;
use crate::state::AppState;

/// What is asked.
#[derive(Clone, Copy)]
pub(super) enum Wish {
    /// Whether the token counts.
    Check,
    /// Another in its place.
    Reset,
    /// Its end.
    Delete,
    /// The end of all that its person gave.
    DeleteGrant,
}

/// `POST`
pub(crate) async fn check(state: State<AppState>, client: NameInPath, request: Request) -> Response {
    answer(&state, Endpoint::GithubToken, (Wish::Check, &client.0), request).await
}

/// `PATCH`
pub(crate) async fn reset(state: State<AppState>, client: NameInPath, request: Request) -> Response {
    answer(&state, Endpoint::GithubToken, (Wish::Reset, &client.0), request).await
}

/// `DELETE`
pub(crate) async fn delete(state: State<AppState>, client: NameInPath, request: Request) -> Response {
    answer(&state, Endpoint::GithubToken, (Wish::Delete, &client.0), request).await
}

/// Reads the request, asks for the client's turn, and does what is asked.
pub(super) async fn answer(
    state: &AppState,
    endpoint: Endpoint,
    (wish, client): (Wish, &str),
    request: Request,
) -> Response {
    let answer = answered(state, endpoint, request, async |call| grant(state, (wish, client), call).await);
    match answer.await {
        Ok(Ok(Some(response))) => response,
        Ok(Ok(None)) => message(StatusCode::NOT_FOUND, "Not Found"),
        Ok(Err(Error::Missing(name))) => {
            message(StatusCode::UNPROCESSABLE_ENTITY, &format!("{name} is missing"))
        }
        Ok(Err(error)) => api_refusal(&error),
        Err(refused) => api_unanswered(refused),
    }
}

/// Does it; `None` is for what nobody here knows.
async fn grant(
    state: &AppState,
    (wish, client): (Wish, &str),
    call: &ClientCall<'_>,
) -> Result<Option<Response>, Error> {
    let token = call.form.value("access_token").unwrap_or_default();
    let engine = state.engine();
    let shown =
        |found: &ApplicationToken, token: &str| json(StatusCode::OK, document(found, token).to_string());
    Ok(match wish {
        Wish::Check => engine.check_token(call, client, token).await?.map(|found| shown(&found, token)),
        Wish::Reset => {
            let fresh = engine.reset_token(call, client, token).await?;
            fresh.map(|(found, fresh)| shown(&found, &fresh.access_token))
        }
        Wish::Delete => engine.delete_token(call, client, token).await?.then(done),
        Wish::DeleteGrant => engine.delete_grant(call, client, token).await?.then(done),
    })
}

/// A token as its application may know it.
fn document(found: &ApplicationToken, token: &str) -> Value {
    let ApplicationToken { client, user, scopes, record, .. } = found;
    let last_eight = token.len().checked_sub(8).and_then(|from| token.get(from..));
    let moment = |at: Timestamp| jiff::Timestamp::from_second(at.seconds()).map(|at| at.to_string()).ok();
    // What never ends has no end that could be written.
    let ends = (record.expires_at != Timestamp::MAX).then(|| moment(record.expires_at)).flatten();
    json!({
        "id": number(&record.id),
        "token": token,
        "token_last_eight": last_eight,
        "scopes": scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>(),
        "created_at": moment(record.issued_at),
        "updated_at": moment(record.issued_at),
        "expires_at": ends,
        "app": { "client_id": client.client_id.as_str(), "name": client.client_name },
        "user": user.as_ref().map(|user| user::document(&GithubUser::of(user, Some(client.profile), scopes))),
        "note": null,
        "note_url": null,
        "fingerprint": null,
    })
}

/// A number for whom our own name is no number.
fn number(id: &TokenId) -> u64 {
    let hash = digest::sha256(id.as_str().as_bytes());
    hash.iter().take(6).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte))
}
