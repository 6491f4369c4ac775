//! `POST /login/oauth/access_token`: the token endpoint, for whoever leaves out `grant_type` when it is a code.

use axum::extract::{Request, State};
use axum::response::Response;
use countersign_oauth::TokenResponse;
use serde_json::{Map, Value, json};

use super::answer::{Wanted, object, with_commas};
use crate::client_request::{answered, offer_nonce};
use crate::endpoints::Endpoint;
use crate::state::AppState;

/// `POST /login/oauth/access_token`
pub(crate) async fn access_token(State(state): State<AppState>, request: Request) -> Response {
    let wanted = Wanted::of(request.headers());
    let answer =
        answered(&state, Endpoint::GithubAccessToken, request, async |call| state.engine().token(call).await);
    match answer.await {
        Ok(Ok(tokens)) => {
            let mut response = wanted.answer(members(&tokens));
            offer_nonce(&mut response, tokens.dpop_nonce.as_deref());
            response
        }
        Ok(Err(error)) => wanted.refusal(&error),
        Err(refused) => refused.response(),
    }
}

/// RFC 6749 §5.1 and what GitHub's answers have besides: `scope` always, and how long the refresh token lives.
fn members(tokens: &TokenResponse) -> Map<String, Value> {
    let mut members = object(serde_json::from_slice(&tokens.to_json()).unwrap_or_default());
    members.insert("scope".to_owned(), json!(with_commas(&tokens.scope, ",")));
    members.insert("token_type".to_owned(), json!(tokens.token_type.to_ascii_lowercase()));
    if let Some(seconds) = tokens.refresh_expires_in {
        members.insert("refresh_token_expires_in".to_owned(), json!(seconds));
    }
    members
}
