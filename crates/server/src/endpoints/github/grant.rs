//! `/applications/{client_id}/grant`: an application gives back what a person gave it.

use axum::extract::{Path, Request, State};
use axum::response::Response;

use super::token::{Wish, answer};
use crate::endpoints::Endpoint;
use crate::state::AppState;

/// `DELETE`: everything ends that the person of this token gave the application.
pub(crate) async fn delete(state: State<AppState>, client: Path<String>, request: Request) -> Response {
    answer(&state, Endpoint::GithubGrant, (Wish::DeleteGrant, client.as_str()), request).await
}
